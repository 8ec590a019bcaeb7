"""Embedders from weight files that the user has: CLIP by open_clip, DINO by timm.

B pictures [B, H, W, 3] in 0..1, D numbers of an embedding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from stylecrafter_core.errors import WeightFileError
from stylecrafter_core.features import read_vision_tower
from stylecrafter_core.formats import compare, read_tensors
from stylecrafter_core.metrics.files import file_sha256

TEXT_HEAD_WIDTH = 64
CLIP_NAMES = {(1280, 32, 14): "vit_h_14", (1024, 24, 14): "vit_l_14", (768, 12, 16): "vit_b_16"}
DINO_SIDE = 224
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_TEXT_LAYER = re.compile(r"transformer\.resblocks\.(\d+)\.")
_DINO_BLOCK = re.compile(r"blocks\.(\d+)\.")


class OpenClip:
    """A CLIP of open_clip, both towers, from one file; pictures and prompts as open_clip prepares them.

    Args:
        file: a whole CLIP checkpoint in open_clip's names: `visual.*` and the text tower beside it. The
            paper's is ViT-H/14 of laion2b.

    Raises:
        WeightFileError: the file cannot be read, or a tower is missing or of another build.
    """

    def __init__(self, file: Path):
        import open_clip

        read = read_tensors(file)
        tensors = {name: tensor.float() for name, tensor in read.tensors.items()}
        vision = read_vision_tower(tensors, read.metadata, str(file)).spec
        config = _text_config(file, tensors)
        self._model = open_clip.CLIP(
            embed_dim=vision.output_dim or vision.width,
            vision_cfg={
                "image_size": vision.image_size,
                "layers": vision.layers,
                "width": vision.width,
                "head_width": vision.width // vision.num_heads,
                "mlp_ratio": (vision.mlp_width + 0.5) / vision.width,
                "patch_size": vision.patch_size,
            },
            text_cfg=config,
            quick_gelu=vision.activation == "quick_gelu",
        )
        shapes = {name: tuple(tensor.shape) for name, tensor in self._model.state_dict().items()}
        shapes.pop("attn_mask", None)
        compare(shapes, tensors).raise_unless_complete(file, "CLIP of open_clip with both towers")
        self._model.load_state_dict(tensors, strict=False)
        self._model.eval().requires_grad_(False)
        self._prepare = open_clip.image_transform(vision.image_size, is_train=False)
        self._tokenize = open_clip.SimpleTokenizer(context_length=config["context_length"])
        digest = file_sha256(file)
        size = (vision.width, vision.layers, vision.patch_size)
        name = CLIP_NAMES.get(size, f"vit_{vision.width}x{vision.layers}")
        self.backend = f"open_clip_{name}_{digest[:8]}"
        self.weights: Mapping[str, str] = {file.name: digest}

    def pictures(self, pictures_BHWC: Tensor) -> Tensor:
        with torch.no_grad():
            return self._model.encode_image(torch.stack([self._prepare(p) for p in pil(pictures_BHWC)]))

    def text(self, prompt: str) -> Tensor:
        with torch.no_grad():
            return self._model.encode_text(self._tokenize([prompt]))[0]


def _text_config(file: Path, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The text tower's sizes, from the shapes."""
    needed = ("positional_embedding", "token_embedding.weight", "text_projection")
    missing = [name for name in needed if name not in tensors]
    if missing:
        raise WeightFileError(
            f"{file} has no text tower.",
            found=f"no {', '.join(missing)}",
            expected="a whole CLIP checkpoint of open_clip, with both towers",
            fix="take the whole file; ComfyUI's image encoders are often cut down to the vision tower",
        )
    positions, vocabulary = tensors["positional_embedding"], tensors["token_embedding.weight"]
    width = positions.shape[1]
    layers = 1 + max(int(found[1]) for name in tensors if (found := _TEXT_LAYER.match(name)))
    return {
        "context_length": positions.shape[0],
        "vocab_size": vocabulary.shape[0],
        "width": width,
        "heads": max(1, width // TEXT_HEAD_WIDTH),
        "layers": layers,
    }


class Dino:
    """A DINO or DINOv2 ViT (class token of the last layer) from a file in the published or timm's names.

    Pictures: shorter side to 224, middle square, ImageNet's mean and deviation; positions are interpolated
    to the grid that 224 pixels make.

    Raises:
        WeightFileError: the file cannot be read, or holds another network.
    """

    def __init__(self, file: Path):
        from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
        from torchvision import transforms

        tensors = {name: tensor.float() for name, tensor in read_tensors(file).tensors.items()}
        tensors.pop("mask_token", None)
        anchors = ("cls_token", "pos_embed", "patch_embed.proj.weight")
        if missing := [name for name in anchors if name not in tensors]:
            raise WeightFileError(
                f"{file} is not a DINO vision transformer.",
                found=f"no {', '.join(missing)} among {len(tensors)} tensors",
                expected="a DINO or DINOv2 checkpoint: cls_token, pos_embed, patch_embed.*, blocks.*, norm.*",
                fix="take the backbone's file, without heads",
            )
        width, _, patch, _ = tensors["patch_embed.proj.weight"].shape
        registers = tensors.get("register_tokens", tensors.get("reg_token"))
        side = DINO_SIDE // patch * patch
        self._network = VisionTransformer(
            img_size=side,
            patch_size=patch,
            embed_dim=width,
            depth=1 + max(int(found[1]) for name in tensors if (found := _DINO_BLOCK.match(name))),
            num_heads=max(1, width // 64),
            num_classes=0,
            init_values=1.0 if "blocks.0.ls1.gamma" in tensors else None,
            reg_tokens=0 if registers is None else registers.shape[1],
            no_embed_class=registers is not None,
        )
        fitted = checkpoint_filter_fn(tensors, self._network)
        shapes = {name: tuple(tensor.shape) for name, tensor in self._network.state_dict().items()}
        compare(shapes, fitted).raise_unless_complete(file, "DINO vision transformer")
        self._network.load_state_dict(fitted)
        self._network.eval().requires_grad_(False)
        self._prepare = transforms.Compose(
            [
                transforms.Resize(side, transforms.InterpolationMode.BICUBIC),
                transforms.CenterCrop(side),
                transforms.ToTensor(),
                transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            ]
        )
        digest = file_sha256(file)
        self.backend = f"vit{width}_{patch}_{digest[:8]}"
        self.weights: Mapping[str, str] = {file.name: digest}

    def pictures(self, pictures_BHWC: Tensor) -> Tensor:
        with torch.no_grad():
            return self._network(torch.stack([self._prepare(p) for p in pil(pictures_BHWC)]))

    def text(self, prompt: str) -> Tensor:
        raise NotImplementedError("DINO reads no text")


def pil(pictures_BHWC: Tensor) -> list[Image.Image]:
    """8-bit pictures."""
    pixels = (pictures_BHWC.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return [Image.fromarray(picture) for picture in pixels]
