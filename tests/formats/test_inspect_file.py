"""`train.py inspect`: what people read about a weight file, and what it says of damaged and foreign ones."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from stylecrafter_core.errors import WeightFileError
from stylecrafter_core.formats import TensorFile, read_adapter, read_temporal, save_adapter, save_temporal
from stylecrafter_core.formats.tools import inspect_file as inspect_module
from stylecrafter_core.formats.tools.inspect_file import inspect_file

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
VIDEO, TEMPORAL, SDXL, BASE = (
    GOLDEN / name
    for name in ("video_a/adapter.pth", "video_a/temporal.pth", "sdxl_a/adapter.ckpt", "video_a/base.ckpt")
)


def rows(text):
    """Every line as its cells, which two spaces or more divide."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]


def flat(path):
    content = torch.load(path, weights_only=True)
    return dict(content.get("state_dict", content))


@pytest.fixture
def at_full_size(tmp_path, monkeypatch):
    """Inspects tensors without storage, of the published names and shapes."""

    def inspect(family, title, keep=lambda name: name, **others):
        lists = json.loads((GOLDEN / f"official_{family}_keys.json").read_text())
        shapes = next(value for key, value in lists.items() if key.startswith(title))
        names = {keep(name): shape for name, shape in shapes.items() if keep(name)}
        tensors = {name: torch.empty(shape, device="meta") for name, shape in (names | others).items()}
        monkeypatch.setattr(inspect_module, "read_tensors", lambda file: TensorFile(tensors, {}))
        (tmp_path / "file").touch()
        return inspect_file(tmp_path / "file")

    return inspect


def test_the_published_video_adapter(at_full_size):
    found = rows(at_full_size("video", "videocrafter_adapter"))
    assert ["kind", "style adapter for video, as published"] in found
    assert ["family", "video (VideoCrafter)"] in found
    parts = {row[0]: row[2] for row in found if len(row) == 4}
    assert [
        round(float(parts[name]), 1) for name in ("Q-Former", "scale predictor", "style K, V and norms")
    ] == [
        60.4,
        25.2,
        25.6,
    ]
    assert round(float(parts["all"]), 1) == 111.2
    assert ["Q-Former", "8", "1280", "3", "8", "1280", "1024"] in found
    assert ["scale predictor", "16", "1024", "2", "8", "1024", "1"] in found
    start = found.index(["16 text cross-attentions, counted input, middle, output"])
    assert found[start + 2 : start + 9] == [
        ["0 to 1", "320", "input 1, input 2"],
        ["2 to 3", "640", "input 4, input 5"],
        ["4 to 5", "1280", "input 7, input 8"],
        ["6", "1280", "middle 0"],
        ["7 to 9", "1280", "output 3, output 4, output 5"],
        ["10 to 12", "640", "output 6, output 7, output 8"],
        ["13 to 15", "320", "output 9, output 10, output 11"],
    ]
    assert found[-1] == ["tensor names: 139 loaded, 0 missing, 0 unexpected, 0 of wrong shape, 0 ignored"]


def test_the_published_sdxl_adapter_names_the_sites_it_does_not_hold(at_full_size):
    text = at_full_size("sdxl", "stylecrafter_sdxl")
    found = rows(text)
    assert ["family", "sdxl (SDXL)"] in found
    start = found.index(["70 text cross-attentions, counted input, output, middle"])
    assert found[start + 2 : start + 4] == [
        ["0 to 3", "640", "input 4, input 5"],
        ["4 to 23", "1280", "input 7, input 8"],
    ]
    assert "372 loaded, 0 missing" in text


def test_the_published_temporal_file(at_full_size):
    owner = re.compile(r"(init_attn\.0|\w+_blocks\.\d+\.2|input_blocks\.0\.1|middle_block\.2)\.")
    text = at_full_size("video", "videocrafter_unet", lambda name: name if owner.match(name) else None)
    found = rows(text)
    assert ["kind", "temporal file, as published"] in found
    blocks = [row for row in found if len(row) == 7 and row[1].isdecimal()]
    assert len(blocks) == 17
    assert blocks[0][:6] == ["input_blocks.0.1", "320", "8", "64", "16", "convolution"]
    assert blocks[1][:6] == ["input_blocks.1.2", "320", "5", "64", "16", "linear"]
    assert sum(float(row[6]) for row in blocks) == pytest.approx(278.6, abs=0.1)
    assert next(row for row in found if row[0] == "17 temporal blocks")[2] == "278.58"


def test_the_published_base(at_full_size):
    text = at_full_size(
        "video",
        "videocrafter_unet",
        lambda name: f"model.diffusion_model.{name}",
        betas=(1000,),
        **{"first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3)},
    )
    found = rows(text)
    assert ["kind", "video base checkpoint"] in found
    assert ["latent channels", "4 in, 4 out"] in found
    assert ["widths", "320, 640, 1280, 1280 (one per level)"] in found
    assert ["residual blocks", "2, 2, 2, 2 (one per level)"] in found
    assert ["text cross-attentions", "16, over text tokens 1024 wide"] in found
    assert ["attention heads", "64 wide"] in found
    assert ["temporal blocks", "17"] in found
    assert ["text encoder", "not in the file"] in found
    assert ["VAE", "in the file"] in found
    parts = {row[0]: float(row[2]) for row in found if len(row) == 4 and row[1].isdecimal()}
    assert parts["temporal blocks"] == pytest.approx(278.6, abs=0.05)
    assert parts["U-Net without temporal blocks"] == pytest.approx(1144.5 - 278.6, abs=0.1)
    assert parts["text encoder"] == 0
    assert found[-2:] == [["ignored:"], ["betas"]]


def test_an_own_adapter_with_its_header(tmp_path):
    published = read_adapter(SDXL)
    tensors = {
        name: t.bfloat16() if name.startswith("style_kv") else t for name, t in published.tensors.items()
    }
    header = {"step": "40", "base": "model.ckpt", "note": "two\nlines \x1b[31m" + "x" * 300}
    save_adapter(tmp_path / "own.safetensors", published.spec, tensors, header)
    text = inspect_file(tmp_path / "own.safetensors")
    found = rows(text)
    assert ["kind", "style adapter in StyleCrafter's own format"] in found
    assert ["step", "40"] in found
    assert ["base", "model.ckpt"] in found
    note = next(row[1] for row in found if row[0] == "note")
    assert note.startswith("two lines")
    assert "\x1b" not in text
    assert len(max(text.splitlines(), key=len)) < 230
    assert next(row for row in found if row[0].startswith("style K"))[-1] == "bfloat16"
    assert next(row for row in found if row[0] == "all")[-1] == "bfloat16, float32"
    assert ["0 to 16", "32", "not in the file"] in found
    assert "spec" not in {row[0] for row in found}


def test_an_own_temporal_file(tmp_path):
    published = read_temporal(TEMPORAL)
    save_temporal(tmp_path / "own.safetensors", published.blocks, published.tensors, {"stage": "temporal"})
    ours, theirs = rows(inspect_file(tmp_path / "own.safetensors")), rows(inspect_file(TEMPORAL))
    assert ["stage", "temporal"] in ours
    assert ["8 temporal blocks", "240", "0.52", "float32"] in ours
    assert [row for row in ours if len(row) == 7] == [row for row in theirs if len(row) == 7]


def test_names_that_do_not_fit_are_named_and_the_rest_is_described(tmp_path):
    tensors = flat(VIDEO)
    tensors["image_context_model.extra"] = torch.zeros(1)
    tensors["scale_predictor.out.2.bias"] = torch.zeros(2, 3)
    del tensors["image_context_model.ln1.bias"]
    torch.save(tensors, tmp_path / "odd.pth")
    text = inspect_file(tmp_path / "odd.pth")
    assert "89 loaded, 1 missing, 1 unexpected, 1 of wrong shape" in text
    assert "missing:\n  image_context_model.ln1.bias\n" in text
    assert "unexpected:\n  image_context_model.extra\n" in text
    assert "of wrong shape:\n  scale_predictor.out.2.bias 2×3, wanted 1\n" in text
    assert text.endswith("NOT COMPLETE: nodes and trainer refuse this file")
    assert ["Q-Former", "29", "0.04", "float32"] in rows(text)


def test_long_lists_of_names_are_cut(tmp_path):
    tensors = flat(VIDEO) | {f"extra.{i}": torch.zeros(1) for i in range(20)}
    torch.save(tensors, tmp_path / "odd.pth")
    text = inspect_file(tmp_path / "odd.pth")
    assert "  extra.11\n  ... and 8 more\n" in text
    assert "extra.12" not in text


def test_a_temporal_file_that_lacks_a_tensor(tmp_path):
    tensors = flat(TEMPORAL)
    del tensors["middle_block.2"]["norm.bias"]
    torch.save(tensors, tmp_path / "part.pth")
    assert "missing:\n  middle_block.2.norm.bias\n" in inspect_file(tmp_path / "part.pth")


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"ip_adapter.1.to_k_ip.weight": torch.zeros(1)}, "an IP-Adapter"),
        ({"something": torch.zeros(1)}, "1 tensors: something"),
        ({"image_context_model.proj": torch.zeros(1, 1)}, "of a kind unknown here"),
    ],
)
def test_other_files(tensors, words, tmp_path):
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(WeightFileError, match=words):
        inspect_file(tmp_path / "other.safetensors")


def test_a_tensor_that_sizes_are_read_from_is_missing(tmp_path):
    tensors = flat(VIDEO)
    del tensors["image_context_model.style_emb"]
    torch.save(tensors, tmp_path / "part.pth")
    with pytest.raises(WeightFileError, match=r"image_context_model\.style_emb is missing"):
        inspect_file(tmp_path / "part.pth")


def command(*arguments):
    line = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)


def test_the_command(tmp_path):
    done = command("inspect", BASE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{inspect_file(BASE)}\n"
    (tmp_path / "page.ckpt").write_text("<!DOCTYPE html><html>")
    done = command("inspect", tmp_path / "page.ckpt")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a web page (HTML)" in done.stderr
    assert "Traceback" not in done.stderr


def test_its_help_is_enough():
    done = command("inspect", "--help")
    assert done.returncode == 0
    for words in ("style adapter, temporal file or video base", "examples:", "Exit status"):
        assert words in done.stdout


def test_stylemaster_is_complete_with_the_model_beside_it():
    """The embedding's tokens are a part of their own; there is no scale predictor."""
    text = inspect_file(GOLDEN / "wan_a" / "stylemaster.ckpt")
    assert "61 loaded, 0 missing, 0 unexpected, 0 of wrong shape, 96 ignored" in text
    assert "NOT COMPLETE" not in text
    parts = [row[0] for row in rows(text)]
    assert "style tokens from the embedding" in parts
    assert "scale predictor" not in parts


def test_stylemaster_is_exported_as_the_adapter_alone(tmp_path):
    from stylecrafter_core.formats.tools.export import export

    published = GOLDEN / "wan_a" / "stylemaster.ckpt"
    export(published, tmp_path / "own.safetensors", "own")
    export(tmp_path / "own.safetensors", tmp_path / "back.ckpt", "published")
    back, whole = flat(tmp_path / "back.ckpt"), flat(published)
    assert len(back) == 61
    assert all(torch.equal(tensor, whole[name]) for name, tensor in back.items())
