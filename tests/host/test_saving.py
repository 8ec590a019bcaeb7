"""Names of saved files: two hosts in one folder, folders that are links, and what cannot be a name."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import folder_paths
import pytest
import torch

COMBINE = "StyleCrafterVideoCombine"
SETTINGS = {
    "frame_rate": 8.0,
    "loop_count": 0,
    "pingpong": False,
    "save_output": True,
    "crf": 19,
    "save_metadata": True,
}
# A second host: the same pack in a process of its own, the same output folder.
SECOND_HOST = """
import importlib.util, sys, time
from pathlib import Path
root, host, base, start = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
spec = importlib.util.spec_from_file_location("core", root / "stylecrafter_core" / "__init__.py",
    submodule_search_locations=[str(root / "stylecrafter_core")])
sys.modules["core"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["core"])
importlib.import_module("core.training.host.find").activate(host, cpu=True, base_directory=Path(base))
saving = importlib.import_module("core.comfy_host.saving")
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    with saving.reserved_save_place("shared/film", ".mp4", width=8, height=8, keep=True) as place:
        before = place.path.exists()
        place.path.write_text(f"{sys.argv[4]} {number}")
        print(place.path.name, before, flush=True)
"""

pytestmark = pytest.mark.usefixtures("pack")


@pytest.fixture
def combine(run_node_with_ui: Any) -> Any:
    """`combine(filename_prefix, format) -> (path, what the page is told)`."""

    def run(prefix: str, name: str = "mp4") -> tuple[Path, dict]:
        images = torch.rand(2, 16, 16, 3, generator=torch.Generator().manual_seed(0))
        inputs = {**SETTINGS, "images": images, "filename_prefix": prefix, "format": name}
        (_, path), ui = run_node_with_ui(COMBINE, None, **inputs)
        return Path(path), ui

    return run


def test_two_hosts_in_one_folder_overwrite_nothing(host: Any) -> None:
    command = [sys.executable, "-c", SECOND_HOST, str(Path(__file__).parents[2]), str(host.path)]
    hosts = [
        subprocess.Popen(
            [*command, str(host.base), str(number)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for number in (1, 2)
    ]
    for process in hosts:
        assert process.stdout.readline() == "ready\n"
    for process in hosts:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].splitlines() for process in hosts]
    names = [line.split() for lines in said for line in lines]
    assert len(names) == 40
    assert {before for _, before in names} == {"False"}
    assert len({name for name, _ in names}) == 40
    assert sorted(os.listdir(host.output / "shared")) == sorted(name for name, _ in names)


@pytest.mark.parametrize("name", ["mp4", "png"])
def test_a_name_that_another_host_holds_is_left_to_it(combine: Any, host: Any, pack: Any, name: str) -> None:
    saving = importlib.import_module(f"{pack.__name__}.stylecrafter_core.comfy_host.saving")
    extension = "" if name == "png" else f".{name}"
    with saving.reserved_save_place(f"held_{name}/film", extension, width=16, height=16, keep=True) as held:
        path, _ = combine(f"held_{name}/film", name)
        assert not held.path.exists()
    made = path.parent if name == "png" else path
    assert (held.path.name, made.name) == (f"film_00001_{extension}", f"film_00002_{extension}")
    assert os.listdir(host.output / f"held_{name}") == [made.name]


def writes_through_links(host: Any) -> bool:
    """Whether this ComfyUI lets a node write where a link in its output folder leads."""
    try:
        folder_paths.get_save_image_path("elsewhere/film", str(host.output))
    except Exception:  # noqa: BLE001 (the host raises nothing narrower)
        return False
    return True


def test_a_folder_may_be_a_link_to_another_disk(combine: Any, host: Any, tmp_path: Path) -> None:
    (host.output / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    if not writes_through_links(host):
        with pytest.raises(Exception, match="outside the output folder"):
            combine("elsewhere/shots/film")
        return
    path, ui = combine("elsewhere/shots/film")
    assert path == host.output / "elsewhere" / "shots" / "film_00001_.mp4"
    assert (tmp_path / "shots" / "film_00001_.mp4").is_file()
    (reference,) = ui["images"]
    assert (reference["subfolder"], reference["filename"]) == ("elsewhere/shots", "film_00001_.mp4")


@pytest.mark.parametrize("prefix", ["half\ud800pair", "zero\0byte"])
def test_what_cannot_be_a_name_is_refused(combine: Any, prefix: str) -> None:
    with pytest.raises(ValueError, match="`filename_prefix` cannot be a file's name"):
        combine(prefix)


def test_long_names_in_other_scripts(combine: Any) -> None:
    """70 syllables are 210 of the 255 bytes that a name may have."""
    path, _ = combine("그" * 70)
    assert path.is_file()
