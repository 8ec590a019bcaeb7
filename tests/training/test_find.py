"""Where the host is looked for and what is said when it is not there; no ComfyUI is needed for these."""

import subprocess
import sys
from pathlib import Path

import pytest

from stylecrafter_core.errors import HostError
from stylecrafter_core.training.host.find import MIN_HOST, check_version, find_host, host_version

ROOT = Path(__file__).parents[2]


def make_host(folder: Path, version: str | None = "0.3.75") -> Path:
    (folder / "comfy").mkdir(parents=True)
    (folder / "main.py").touch()
    (folder / "nodes.py").touch()
    if version is not None:
        (folder / "comfyui_version.py").write_text(f'# generated\n__version__ = "{version}"\n')
    return folder


@pytest.fixture(autouse=True)
def _no_named_host(monkeypatch):
    monkeypatch.delenv("COMFYUI_PATH", raising=False)


def test_named_host_wins_over_the_one_around(tmp_path, monkeypatch):
    around = make_host(tmp_path / "around")
    named = make_host(tmp_path / "named")
    pack = around / "custom_nodes" / "pack"
    assert find_host(pack) == around
    monkeypatch.setenv("COMFYUI_PATH", str(named))
    assert find_host(pack) == named


def test_host_around_wins_over_the_pinned_one(tmp_path):
    pack = tmp_path / "ComfyUI" / "custom_nodes" / "pack"
    pinned = make_host(pack / ".host" / "ComfyUI-0.3.75")
    assert find_host(pack) == pinned
    make_host(tmp_path / "ComfyUI")
    assert find_host(pack) == tmp_path / "ComfyUI"


def test_two_folders_up_counts_only_from_custom_nodes(tmp_path):
    make_host(tmp_path / "ComfyUI")
    with pytest.raises(HostError):
        find_host(tmp_path / "ComfyUI" / "elsewhere" / "pack")


def test_nothing_found_names_all_three_places(tmp_path):
    with pytest.raises(HostError) as caught:
        find_host(tmp_path / "up" / "pack")
    message = str(caught.value)
    assert "COMFYUI_PATH is not set" in message
    assert str(tmp_path) in message
    assert str(Path(".host") / "ComfyUI-0.3.75") in message
    assert "What to do: set COMFYUI_PATH to your ComfyUI folder" in message


def test_named_folder_that_is_none_is_refused_and_not_passed_over(tmp_path, monkeypatch):
    pack = tmp_path / "pack"
    make_host(pack / ".host" / "ComfyUI-0.3.75")
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("COMFYUI_PATH", str(empty))
    with pytest.raises(HostError) as caught:
        find_host(pack)
    assert f"Found: {empty}: no main.py, nodes.py, comfy in it" in str(caught.value)
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "absent"))
    with pytest.raises(HostError, match="absent: no such folder"):
        find_host(pack)


def test_folder_one_level_too_high_gets_the_right_one_named(tmp_path, monkeypatch):
    make_host(tmp_path / "portable" / "ComfyUI")
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "portable"))
    with pytest.raises(HostError) as caught:
        find_host(tmp_path / "pack")
    assert f"set COMFYUI_PATH to {tmp_path / 'portable' / 'ComfyUI'}" in caught.value.fix


@pytest.mark.parametrize(
    ("text", "version"), [("0.3.75", (0, 3, 75)), ("v0.10.2", (0, 10, 2)), ("1.2.3.dev4", (1, 2, 3))]
)
def test_version_is_read(tmp_path, text, version):
    assert host_version(make_host(tmp_path / "host", text)) == version


def test_version_file_is_not_run(tmp_path):
    host = make_host(tmp_path / "host")
    (host / "comfyui_version.py").write_text('raise SystemExit("it was run")\n__version__ = "0.3.60"\n')
    assert host_version(host) == (0, 3, 60)


def test_oldest_tested_version_is_accepted(tmp_path):
    assert check_version(make_host(tmp_path / "host", "0.3.52")) == MIN_HOST


def test_older_version_is_refused_in_words(tmp_path):
    host = make_host(tmp_path / "host", "0.3.51")
    with pytest.raises(HostError) as caught:
        check_version(host)
    assert str(caught.value) == (
        f"The ComfyUI in {host} is too old for StyleCrafter.\n"
        "Found: ComfyUI 0.3.51\n"
        "Expected: ComfyUI 0.3.52 or newer\n"
        "What to do: update ComfyUI, or set COMFYUI_PATH to a newer one"
    )


def test_host_without_a_version_is_refused_in_words(tmp_path):
    host = make_host(tmp_path / "host", None)
    with pytest.raises(HostError, match=r"comfyui_version\.py: No such file"):
        check_version(host)
    (host / "comfyui_version.py").write_text("__version__ = unknown\n")
    with pytest.raises(HostError, match="no line of the form"):
        check_version(host)


def test_set_up_needs_nothing_but_the_standard_library():
    """The scripts import this module before anything is installed; -S leaves out all installed packages."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import stylecrafter_core.training.host.find"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
