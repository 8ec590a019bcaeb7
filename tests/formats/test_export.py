"""`train.py export`: the released files pass through unchanged; what cannot be kept is refused in words."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from stylecrafter_core.errors import InputError, MismatchError, WeightFileError
from stylecrafter_core.formats import (
    expected_adapter_shapes,
    expected_temporal_shapes,
    read_adapter,
    read_temporal,
    save_adapter,
    save_temporal,
)
from stylecrafter_core.formats.tools.export import export
from stylecrafter_core.spec import Site, TemporalBlockSpec

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
VIDEO, TEMPORAL, SDXL = "video_a/adapter.pth", "video_a/temporal.pth", "sdxl_a/adapter.ckpt"
ABOUT = {"stage": "style", "step": "40", "base": "model.ckpt"}


def content_of(path):
    return torch.load(path, weights_only=True, map_location="cpu")


def header_of(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def assert_identical(left, right):
    """Same nesting, names, number types, shapes and bits."""
    if isinstance(left, torch.Tensor):
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert torch.equal(left, right)
        return
    assert isinstance(left, dict)
    assert isinstance(right, dict)
    assert left.keys() == right.keys()
    for name in left:
        assert_identical(left[name], right[name])


def reader_of(name):
    return read_temporal if name == TEMPORAL else read_adapter


def test_a_published_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    flush, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (done.append(os.fstat(number).st_ino), flush(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("named"), rename(*names)))
    export(GOLDEN / VIDEO, tmp_path / "again.pth", "published")
    assert done == [(tmp_path / "again.pth").stat().st_ino, "named"]


def zeros(shapes):
    return {name: torch.zeros(shape) for name, shape in shapes.items()}


@pytest.fixture
def own_adapter(tmp_path):
    """Writes an own file of the golden adapter with some of its spec changed, and tensors that fit that."""

    def write(name=VIDEO, **changes):
        spec = replace(read_adapter(GOLDEN / name).spec, **changes)
        save_adapter(tmp_path / "own.safetensors", spec, zeros(expected_adapter_shapes(spec)), ABOUT)
        return tmp_path / "own.safetensors"

    return write


@pytest.mark.parametrize("name", [VIDEO, TEMPORAL, SDXL])
def test_released_files_pass_through_unchanged(name, tmp_path):
    own, back = tmp_path / "own.safetensors", tmp_path / f"back{Path(name).suffix}"
    export(GOLDEN / name, own, "own")
    export(own, back, "published")
    assert_identical(content_of(GOLDEN / name), content_of(back))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([own.name, back.name])
    for path in (own, back):
        assert_identical(reader_of(name)(GOLDEN / name).tensors, reader_of(name)(path).tensors)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", [VIDEO, TEMPORAL, SDXL])
def test_number_types_stay(name, dtype, tmp_path):
    def cast(content):
        return {k: cast(v) if isinstance(v, dict) else v.to(dtype) for k, v in content.items()}

    published = cast(content_of(GOLDEN / name))
    torch.save(published, tmp_path / "half.pth")
    export(tmp_path / "half.pth", tmp_path / "own.safetensors", "own")
    assert {tensor.dtype for tensor in load_file(tmp_path / "own.safetensors").values()} == {dtype}
    export(tmp_path / "own.safetensors", tmp_path / "back.pth", "published")
    assert_identical(published, content_of(tmp_path / "back.pth"))


def test_a_prefix_of_some_releases_is_taken_off(tmp_path):
    flat = content_of(GOLDEN / VIDEO)["state_dict"]
    torch.save({f"adapter.{name}": tensor for name, tensor in flat.items()}, tmp_path / "other.pth")
    export(tmp_path / "other.pth", tmp_path / "again.pth", "published")
    assert_identical(content_of(GOLDEN / VIDEO), content_of(tmp_path / "again.pth"))


def test_published_files_hold_plain_dicts_and_no_foreign_storage(tmp_path):
    export(GOLDEN / VIDEO, tmp_path / "own.safetensors", "own")
    export(tmp_path / "own.safetensors", tmp_path / "back.pth", "published")
    content = content_of(tmp_path / "back.pth")
    assert type(content) is type(content["state_dict"]) is dict
    tensors = content["state_dict"].values()
    assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in tensors)
    assert (tmp_path / "back.pth").stat().st_size < (GOLDEN / VIDEO).stat().st_size


def test_the_same_export_gives_the_same_bytes(tmp_path):
    export(GOLDEN / SDXL, tmp_path / "a.ckpt", "published")
    export(GOLDEN / SDXL, tmp_path / "b.ckpt", "published")
    assert (tmp_path / "a.ckpt").read_bytes() == (tmp_path / "b.ckpt").read_bytes()


def test_header_text_is_kept_in_own_files_and_said_to_be_lost_in_published_ones(own_adapter, tmp_path):
    file = own_adapter()
    export(file, tmp_path / "copy.safetensors", "own")
    assert header_of(tmp_path / "copy.safetensors") == header_of(file)
    line = export(file, tmp_path / "mine.pth", "published")
    assert line.startswith(f"{tmp_path / 'mine.pth'}: style adapter for video, as published, 91 tensors, ")
    assert line.endswith("left out of the header: base, stage, step")
    assert "\n" not in line


def test_a_converted_published_file_with_a_header_of_its_own(tmp_path):
    save_file(content_of(GOLDEN / SDXL), tmp_path / "sdxl.safetensors", metadata={"format": "pt", "by": "me"})
    export(tmp_path / "sdxl.safetensors", tmp_path / "own.safetensors", "own")
    header = header_of(tmp_path / "own.safetensors")
    assert (header["format"], header["by"]) == ("stylecrafter", "me")
    assert read_adapter(tmp_path / "own.safetensors").spec.family == "sdxl"


def test_sdxl_with_known_sites(own_adapter, tmp_path):
    published = read_adapter(GOLDEN / SDXL).spec
    places = [("input", n) for n in range(6)] + [("output", n) for n in range(7)]
    places += [("middle", n) for n in range(4)]
    sites = tuple(
        Site(block, number, 0, channels)
        for (block, number), channels in zip(places, published.site_channels, strict=True)
    )
    export(own_adapter(SDXL, sites=sites), tmp_path / "back.ckpt", "published")
    assert read_adapter(tmp_path / "back.ckpt").spec == published
    shuffled = sites[-4:] + sites[:-4]
    with pytest.raises(MismatchError, match="Found: sites = "):
        export(own_adapter(SDXL, sites=shuffled), tmp_path / "wrong.ckpt", "published")


def test_a_family_that_was_never_published(own_adapter, tmp_path):
    with pytest.raises(MismatchError) as caught:
        export(own_adapter(family="unet"), tmp_path / "a.pth", "published")
    assert "own.safetensors cannot be written in a published format" in str(caught.value)
    assert "family U-Net" in caught.value.found
    assert "VideoCrafter or SDXL" in caught.value.expected
    assert "--to own" in caught.value.fix
    assert not (tmp_path / "a.pth").exists()


def test_what_the_published_format_cannot_say_is_refused(own_adapter, tmp_path):
    spec = read_adapter(GOLDEN / VIDEO).spec
    for changes, found in (
        (
            {"style_transformer": replace(spec.style_transformer, num_heads=5)},
            "style_transformer.num_heads = 5",
        ),
        ({"scale_predictor": replace(spec.scale_predictor, projects_inputs=True)}, "projects_inputs = True"),
        ({"scale_predictor": replace(spec.scale_predictor, text_first=True)}, "text_first = True"),
        ({"sites": spec.sites[::-1], "site_channels": spec.site_channels[::-1]}, "sites = "),
        ({"style_transformer": replace(spec.style_transformer, width=44, num_heads=4)}, "44 wide"),
    ):
        with pytest.raises(MismatchError) as caught:
            export(own_adapter(**changes), tmp_path / "a.pth", "published")
        assert found in caught.value.found
    with pytest.raises(MismatchError, match="without sites"):
        export(own_adapter(sites=None), tmp_path / "a.pth", "published")
    assert [path.name for path in tmp_path.iterdir()] == ["own.safetensors"]


@pytest.mark.parametrize(
    ("block", "found"),
    [
        (TemporalBlockSpec("input_blocks.0.1", 32, 4, 8, 4, True), "init_attn.0 has 4 heads"),
        (TemporalBlockSpec("somewhere.1", 32, 4, 8, 4, False), "a temporal transformer at somewhere.1"),
    ],
)
def test_temporal_blocks_that_were_never_published(block, found, tmp_path):
    save_temporal(tmp_path / "own.safetensors", (block,), zeros(expected_temporal_shapes((block,))))
    with pytest.raises(MismatchError, match="cannot be written in a published format") as caught:
        export(tmp_path / "own.safetensors", tmp_path / "a.pth", "published")
    assert found in caught.value.found


def test_a_video_base_is_not_exported(tmp_path):
    with pytest.raises(InputError) as caught:
        export(GOLDEN / "video_a" / "base.ckpt", tmp_path / "a.safetensors", "own")
    assert "base.ckpt is not exported" in caught.value.what
    assert caught.value.found == "a video base checkpoint"


def test_nothing_is_overwritten(tmp_path):
    for taken in (tmp_path / "a.pth", tmp_path / "folder"):
        taken.mkdir() if taken.name == "folder" else taken.write_text("mine")
        with pytest.raises(InputError, match=f"{taken.name} exists already"):
            export(GOLDEN / VIDEO, taken, "published")
    (tmp_path / "link.pth").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="exists already"):
        export(GOLDEN / VIDEO, tmp_path / "link.pth", "published")
    assert (tmp_path / "a.pth").read_text() == "mine"


def test_a_folder_that_is_not_there(tmp_path):
    for name, to in (("no/a.pth", "published"), ("no/a.safetensors", "own")):
        with pytest.raises(InputError, match=r"Found: no folder .*no"):
            export(GOLDEN / VIDEO, tmp_path / name, to)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "to"), [("a.pth", "own"), ("a.CKPT", "own"), ("a.safetensors", "published")]
)
def test_a_name_that_promises_another_container(name, to, tmp_path):
    with pytest.raises(InputError, match="misleading name"):
        export(GOLDEN / VIDEO, tmp_path / name, to)


def test_a_file_that_lacks_a_tensor(tmp_path):
    content = content_of(GOLDEN / SDXL)
    del content["scale_predictor.text_proj.bias"]
    torch.save(content, tmp_path / "part.ckpt")
    with pytest.raises(WeightFileError, match=r"1 missing: scale_predictor\.text_proj\.bias"):
        export(tmp_path / "part.ckpt", tmp_path / "a.safetensors", "own")


@pytest.mark.parametrize(("name", "to"), [("a.pth", "published"), ("a.safetensors", "own")])
def test_a_full_disk_leaves_nothing_behind(name, to, tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(WeightFileError, match=f"{name} could not be written") as caught:
            export(GOLDEN / VIDEO, tmp_path / name, to)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in caught.value.found
    assert not list(tmp_path.iterdir())


def command(*arguments):
    line = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)


def test_the_command(tmp_path):
    done = command("export", GOLDEN / TEMPORAL, "--out", tmp_path / "own.safetensors", "--to", "own")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{tmp_path / 'own.safetensors'}: temporal file in StyleCrafter's own format, "
        "240 tensors, 0.52 M parameters\n"
    )
    done = command("export", GOLDEN / TEMPORAL, "--out", tmp_path / "own.safetensors", "--to", "own")
    assert (done.returncode, done.stdout) == (2, "")
    assert "exists already" in done.stderr
    assert "What to do: choose another name" in done.stderr
    assert "Traceback" not in done.stderr


def test_its_help_is_enough():
    done = command("export", "--help")
    assert done.returncode == 0
    for words in ("--out FILE", "--to {own,published}", "safetensors", "examples:", "Nothing is overwritten"):
        assert words in done.stdout
