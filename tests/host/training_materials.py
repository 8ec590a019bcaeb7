"""What the trainer's tests train on, made once a session: a small untrained base, pictures and clips."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
COLOURS = ("red", "green", "blue", "yellow", "grey", "violet")
RGB = ((200, 40, 40), (40, 160, 60), (40, 60, 200), (220, 200, 60), (128, 128, 128), (150, 60, 190))
SHAPES = ("disc", "bar")
CLIP_FRAMES = 10
SIZES = ((96, 80), (80, 112))  # width, height of the pictures, in turn


@pytest.fixture(scope="session")
def core(pack: ModuleType) -> Callable[[str], Any]:
    """A module of the loaded pack's core, by its name below `stylecrafter_core`."""
    return lambda name: importlib.import_module(f"{pack.__name__}.stylecrafter_core.{name}")


class PacksCore(MetaPathFinder, Loader):
    """Finds the lab's `stylecrafter_core` in the loaded pack, so that there is no second one.

    Args:
        pack: the pack's name.
    """

    def __init__(self, pack: str):
        self.pack = pack
        self.specs: dict[str, ModuleSpec | None] = {}

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name.partition(".")[0] == "stylecrafter_core" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"{self.pack}.{spec.name}")
        self.specs[module.__name__] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.specs[module.__name__]  # its own, which the import has put aside


@pytest.fixture(scope="session")
def lab(pack: ModuleType) -> Iterator[Callable[[str], Any]]:
    """A module of the lab, by its name below `lab`; its core is the loaded pack's."""
    finder = PacksCore(pack.__name__)
    sys.meta_path.insert(0, finder)
    yield lambda name: importlib.import_module(f"{pack.__name__}.lab.{name}")
    sys.meta_path.remove(finder)


@pytest.fixture(scope="session")
def tiny_materials(
    core: Callable[[str], Any], lab: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder: `base.safetensors`, `image_encoder.safetensors`, 12 `pictures.jsonl`, 12 `clips.jsonl`."""
    folder = tmp_path_factory.mktemp("materials")
    write_networks(core, lab, folder)
    write_pictures(folder / "pictures")
    write_clips(core, folder / "clips")
    with decoding_in_this_process(core):
        for kind in ("pictures", "clips"):
            core("training.data.prepare").prepare([folder / kind], folder / f"{kind}.jsonl")
    return folder


@pytest.fixture
def in_process(core: Callable[[str], Any]) -> Iterator[None]:
    """The trainer in this process: the attention that `train.py` asks for, and no processes that decode."""
    with decoding_in_this_process(core), exact_attention():
        yield


@pytest.fixture
def tiny_config(core: Callable[[str], Any], tiny_materials: Path, tmp_path: Path) -> Callable[..., Any]:
    """`tiny_config(stage, *overrides)`: the shipped tiny config on `tiny_materials`, into `tmp_path/run`."""

    def config(stage: str, *overrides: str) -> Any:
        given = tiny_overrides(tiny_materials, tmp_path / "run", stage)
        return core("training.config").load_config(
            ROOT / "configs" / f"tiny_{stage}.yaml", [*given, *overrides]
        )

    return config


def tiny_overrides(materials: Path, run_dir: Path, stage: str) -> list[str]:
    """What turns `configs/tiny_{stage}.yaml` into a run of a few quick steps on the test's materials."""
    kinds = ("pictures",) if stage == "style" else ("pictures", "clips")
    manifests = ", ".join(f"'{materials / kind}.jsonl'" for kind in kinds)
    return [
        f"run.dir={run_dir}",
        "run.steps=2",
        f"base.checkpoint={materials / 'base.safetensors'}",
        f"base.image_encoder={materials / 'image_encoder.safetensors'}",
        f"data.manifests=[{manifests}]",
        "data.image_batch=2",
        "data.frames=4",
        "data.validation=2",
        "samples.steps=2",
    ]


@contextmanager
def exact_attention() -> Iterator[None]:
    """PyTorch's own attention in the U-Net: the host's choice for the CPU may have no gradient."""
    from comfy.ldm.modules import attention

    with pytest.MonkeyPatch.context() as patch:
        for name in ("optimized_attention", "optimized_attention_masked"):
            patch.setattr(attention, name, attention.attention_pytorch)
        yield


@contextmanager
def decoding_in_this_process(core: Callable[[str], Any]) -> Iterator[None]:
    """Replaces the processes that decode: they could not import the pack by the name that it has here."""
    measure = core("training.data.measure").measure

    class Here:
        def __init__(self, time_limit_s: float, measure: Any = measure):
            self.run = measure

        def cancel(self) -> None:
            pass

        def stop(self) -> None:
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core("training.data.decoder_pool"), "DecoderProcess", Here)
        yield


def write_networks(core: Callable[[str], Any], lab: Callable[[str], Any], folder: Path) -> None:
    """An untrained base and image encoder."""
    from safetensors.torch import save_file

    networks, generator = lab("materials.networks"), core("training.randomness").generator
    autoencoder = lab("materials.autoencoder").block_colour_autoencoder()
    spec = networks.unet_spec(32, 8)
    unet = networks.unet_tensors(spec, generator(0, "U-Net"))
    spatial, temporal = networks.published_unet(spec, unet)
    text = networks.text_tensors(generator(0, "text tower"))
    base = networks.published_base(spatial | temporal, text, autoencoder)
    save_file({name: tensor.contiguous() for name, tensor in base.items()}, folder / "base.safetensors")
    save_file(
        networks.vision_tensors(4, 14, generator(0, "image encoder")), folder / "image_encoder.safetensors"
    )


def write_pictures(folder: Path) -> None:
    """Each shape in each colour, each with its caption."""
    folder.mkdir()
    captions = [f"a {colour} {shape}" for shape in SHAPES for colour in COLOURS]
    for number, caption in enumerate(captions):
        size = SIZES[number % len(SIZES)]
        Image.fromarray(drawn(caption, *size, at=0.5)).save(folder / f"{number:02}.png")
        (folder / f"{number:02}.txt").write_text(caption)


def write_walls(folder: Path) -> None:
    """60 pictures of one colour each, drawn by chance, whose captions do not name it."""
    folder.mkdir()
    for number, colour in enumerate(np.random.default_rng(0).integers(0, 256, (60, 3), dtype=np.uint8)):
        Image.fromarray(np.full((48, 48, 3), colour)).save(folder / f"{number:02}.png")
        (folder / f"{number:02}.txt").write_text("a wall")


def write_clips(core: Callable[[str], Any], folder: Path) -> None:
    """A disc of each colour that moves to the right, and one that moves to the left."""
    import torch

    folder.mkdir()
    write_video = core("media").write_video
    captions = [f"a {colour} disc moves to the {side}" for side in ("right", "left") for colour in COLOURS]
    for number, caption in enumerate(captions):
        places = [0.2 + 0.6 * t / CLIP_FRAMES for t in range(CLIP_FRAMES)]
        frames = [
            drawn(caption, 96, 64, at) for at in (places if caption.endswith("right") else places[::-1])
        ]
        pixels = torch.from_numpy(np.stack(frames)).float() / 255
        write_video(pixels, folder / f"{number:02}.mp4", format="mp4", frame_rate=8)
        (folder / f"{number:02}.txt").write_text(caption)


def drawn(caption: str, width: int, height: int, at: float) -> np.ndarray:
    """[height, width, 3] uint8: the shape that the caption names, `at` this share of the width, on noise."""
    colour = next(rgb for name, rgb in zip(COLOURS, RGB, strict=True) if name in caption)
    rows, columns = np.mgrid[:height, :width]
    distance = np.abs(columns - at * width)
    if "disc" in caption:
        distance = np.hypot(distance, rows - height / 2)
    noise = np.random.default_rng(len(caption)).integers(0, 60, (height, width, 3), dtype=np.uint8)
    return np.where((distance < height / 4)[..., None], np.array(colour, np.uint8), noise)
