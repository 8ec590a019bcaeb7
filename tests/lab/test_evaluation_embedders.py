"""Embedders from files against the libraries that the files come from, with small random towers."""

from types import SimpleNamespace

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from lab.evaluation.file_embedders import Dino, OpenClip, pil
from stylecrafter_core.errors import WeightFileError
from stylecrafter_core.metrics import Similarity, Wanted, measure

VISION = {"image_size": 32, "layers": 2, "width": 64, "head_width": 64, "patch_size": 8}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    torch.manual_seed(0)
    model = open_clip.CLIP(embed_dim=24, vision_cfg=VISION, text_cfg=TEXT).eval()
    file = tmp_path_factory.mktemp("clip") / "clip.safetensors"
    save_file(model.state_dict(), file)
    return model, file


def test_clip_scores_are_open_clips_own(clip):
    model, file = clip
    frames = torch.rand(3, 40, 56, 3, generator=torch.Generator().manual_seed(1))
    prepare = open_clip.image_transform(32, is_train=False)
    with torch.no_grad():
        pictures = model.encode_image(torch.stack([prepare(each) for each in pil(frames)]), normalize=True)
        text = model.encode_text(open_clip.SimpleTokenizer(context_length=16)(["a fox"]), normalize=True)
    found = measure([Similarity("clip", OpenClip(file))], [frames], Wanted((frames[0],), "a fox"))
    values = {name.partition(".")[0]: value for name, value in found.items()}
    assert values["clip_text"] == pytest.approx(float((pictures @ text.T).mean()), abs=1e-5)
    assert values["clip_style"] == pytest.approx(float((pictures @ pictures[0]).mean()), abs=1e-5)
    neighbours = F.cosine_similarity(pictures[:-1], pictures[1:])
    assert values["clip_temp"] == pytest.approx(float(neighbours.mean()), abs=1e-5)


class TorchmetricsTowers(torch.nn.Module):
    """open_clip's towers and preparation, as torchmetrics asks for them."""

    config = SimpleNamespace(text_config=SimpleNamespace(max_position_embeddings=16))

    def __init__(self, model):
        super().__init__()
        self.model = model

    def get_image_features(self, pixel_values):
        return self.model.encode_image(pixel_values)

    def get_text_features(self, input_ids, attention_mask):
        return self.model.encode_text(input_ids)

    @staticmethod
    def prepared(text=None, images=None, **_):
        if images is None:
            tokens = open_clip.SimpleTokenizer(context_length=16)(text)
            return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        prepare = open_clip.image_transform(32, is_train=False)
        pictures = pil(torch.stack(list(images)).movedim(1, -1).float() / 255)
        return {"pixel_values": torch.stack([prepare(each) for each in pictures])}


def test_torchmetrics_agrees_on_the_same_pixels_and_towers(clip):
    reason = "torchmetrics is not installed here; nothing else of the repository needs it"
    scores = pytest.importorskip("torchmetrics.multimodal.clip_score", reason=reason)
    model, file = clip
    pixels = torch.randint(0, 256, (3, 3, 40, 56), generator=torch.Generator().manual_seed(2)).byte()
    frames = pixels.movedim(1, -1).float() / 255
    found = measure([Similarity("clip", OpenClip(file))], [frames], Wanted((frames[0],), "a fox"))
    values = {name.partition(".")[0]: value for name, value in found.items()}
    for name, target in (("clip_text", ["a fox"] * 3), ("clip_style", [pixels[0]] * 3)):
        towers = TorchmetricsTowers(model)
        theirs = scores.CLIPScore(model_name_or_path=lambda towers=towers: (towers, towers.prepared))
        with torch.no_grad():
            theirs.update(list(pixels), target)
        assert values[name] == pytest.approx(float(theirs.compute()) / 100, abs=1e-5), name


def test_the_files_hash_stands_in_the_names(clip):
    embedder = OpenClip(clip[1])
    assert embedder.backend.endswith(embedder.weights["clip.safetensors"][:8])


def test_a_tower_alone_is_no_clip(clip, tmp_path):
    tensors = {name: tensor for name, tensor in clip[0].state_dict().items() if name.startswith("visual.")}
    save_file(tensors, tmp_path / "vision.safetensors")
    with pytest.raises(WeightFileError, match="no text tower"):
        OpenClip(tmp_path / "vision.safetensors")


def test_dino_is_timms_own_and_another_file_is_refused(clip, tmp_path):
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(0)
    network = VisionTransformer(
        img_size=224, patch_size=32, embed_dim=64, depth=2, num_heads=1, num_classes=0, init_values=1.0
    ).eval()
    save_file(network.state_dict(), tmp_path / "dino.safetensors")
    pictures = torch.rand(2, 224, 224, 3, generator=torch.Generator().manual_seed(1))
    pixels = (pictures * 255).round() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = network(((pixels - mean) / std).movedim(-1, 1))
    assert torch.allclose(Dino(tmp_path / "dino.safetensors").pictures(pictures), expected, atol=1e-5)
    with pytest.raises(WeightFileError, match="not a DINO"):
        Dino(clip[1])
