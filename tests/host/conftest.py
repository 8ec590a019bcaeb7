"""Tests inside a real ComfyUI, whose folder is in STYLECRAFTER_TEST_HOST (scripts/test.py sets it).

The host is activated before test modules are imported, so these may import `comfy` at their top. The
repository root is never on the path here: the pack is loaded by the host's own loader.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HOST_PATH = os.environ.get("STYLECRAFTER_TEST_HOST")

if HOST_PATH is None:
    collect_ignore_glob = ["test_*.py"]  # run by scripts/test.py in a process of their own
else:
    # At the end: scripts/test.py must not hide the standard library's `test`.
    sys.path.append(str(ROOT / "scripts"))
    sys.path.append(str(Path(__file__).parent))
    pytest_plugins = ["golden_video", "small_family", "training_materials"]


@dataclass(frozen=True)
class Host:
    """The activated ComfyUI.

    Attributes:
        path: its folder.
        version: e.g. (0, 3, 75).
        base: temporary folder that holds its models, input, output, temp and user folders.
    """

    path: Path
    version: tuple[int, int, int]
    base: Path

    def models(self, kind: str) -> Path:
        """A folder under models/, made when needed."""
        folder = self.base / "models" / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def input(self) -> Path:
        return self.base / "input"

    @property
    def output(self) -> Path:
        return self.base / "output"


host_key = pytest.StashKey[Host]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "served: starts the real server and talks to it over HTTP")
    config.addinivalue_line("markers", "launched: starts train.py in processes of its own")
    if HOST_PATH is None:
        return
    find = _load_find()
    base = Path(tempfile.mkdtemp(prefix="stylecrafter-host-"))
    for folder in ("models", "input", "output", "temp", "user", "custom_nodes"):
        (base / folder).mkdir()
    path = Path(HOST_PATH)
    find.activate(path, cpu=True, base_directory=base)
    import torch

    torch.set_num_threads(1)  # the networks are tiny: threads would only wait for each other
    config.stash[host_key] = Host(path, find.host_version(path), base)


def pytest_unconfigure(config: pytest.Config) -> None:
    host = config.stash.get(host_key, None)
    if host is not None:
        shutil.rmtree(host.base, ignore_errors=True)


def pytest_report_header(config: pytest.Config) -> str:
    host = config.stash.get(host_key, None)
    return (
        "no ComfyUI: host tests are left out" if host is None else f"ComfyUI: {host.version} in {host.path}"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "served_host" in getattr(item, "fixturenames", ()) or "served_address" in getattr(
            item, "fixturenames", ()
        ):
            item.add_marker("served")


@pytest.fixture(scope="session")
def host(pytestconfig: pytest.Config) -> Host:
    """The ComfyUI this process runs in, on the CPU, with all its folders temporary."""
    return pytestconfig.stash[host_key]


@pytest.fixture(autouse=True)
def unload_models() -> Iterator[None]:
    """Empties the host's list of loaded models, so that no test meets another's.

    A model in it may be garbage that is not collected yet. When Python collects it while the host loads
    something, the list gets shorter under the host's hands: the host then fails, or drops another model than
    it meant to. And as long as one is in it whose patches are gone, the host collects garbage whenever it
    loads anything: half a second each time.
    """
    yield
    from comfy import model_management

    model_management.unload_all_models()
    model_management.current_loaded_models.clear()  # what is left there is of models whose patches are gone


@pytest.fixture(scope="session")
def find() -> ModuleType:
    """`stylecrafter_core.training.host.find`, as a module of its own."""
    return _load_find()


@pytest.fixture(scope="session")
def load_pack(host: Host) -> Callable[[Path], ModuleType]:
    """A function that loads a folder as a custom node pack with the host's own loader."""

    def load(folder: Path) -> ModuleType:
        import nodes

        if not asyncio.run(nodes.load_custom_node(str(folder))):
            raise RuntimeError(
                f"ComfyUI did not load {folder} as a custom node pack; the captured log says why"
            )
        return sys.modules[str(folder).replace(".", "_x_")]

    return load


@pytest.fixture(scope="session")
def pack(load_pack: Callable[[Path], ModuleType]) -> ModuleType:
    """This repository, loaded as a custom node pack."""
    return load_pack(ROOT)


@pytest.fixture(scope="session")
def run_node_with_ui(host: Host) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]:
    """`run_node_with_ui(node_id, hidden=None, **inputs) -> (outputs, ui)`, for any node of host or pack.

    `hidden` are the values the host fills in, by name: `prompt`, `extra_pnginfo`, `unique_id`.
    """

    def run(
        node_id: str, /, hidden: dict[str, Any] | None = None, **inputs: Any
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        import torch

        node_class = _node_class(node_id)
        with torch.inference_mode():  # as the host's executor does
            if hasattr(node_class, "PREPARE_CLASS_CLONE"):
                return _run_v3(node_class, hidden or {}, inputs)
            return _run_v1(node_class, {**inputs, **(hidden or {})})

    return run


@pytest.fixture(scope="session")
def run_node(run_node_with_ui: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    """`run_node(node_id, hidden=None, **inputs) -> outputs`."""
    return lambda node_id, /, hidden=None, **inputs: run_node_with_ui(node_id, hidden, **inputs)[0]


@pytest.fixture(scope="session")
def golden_sdxl(host: Host, pack: ModuleType, run_node: Callable[..., Any]) -> Any:
    """The recorded SDXL network with the recorded adapter."""
    from golden_sdxl import load_golden_sdxl

    return load_golden_sdxl(host, run_node)


@pytest.fixture(scope="session")
def golden_wan(host: Host, pack: ModuleType, run_node: Callable[..., Any]) -> Any:
    """The recorded Wan network with the recorded adapter."""
    from golden_wan import load_golden_wan
    from jobs import core

    if not core(pack, "comfy_host.releases").ATTENTION_CAN_BE_REPLACED:
        pytest.skip("this ComfyUI cannot replace attention from outside; that it is told is tested apart")
    return load_golden_wan(host, run_node)


@pytest.fixture(scope="session")
def served_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the served ComfyUI: put weights in models/ and pictures in input/ before queueing."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def served_address(host: Host, served_base: Path) -> Iterator[str]:
    """The address of a real server that runs in `served_base`, with the pack in its custom_nodes."""
    from comfy_server import place_pack, serve

    place_pack(ROOT, served_base)
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("OMP_NUM_THREADS", "1")  # as in this process: tiny networks, one thread
        with serve(host.path, served_base, cpu=True) as address:
            yield address


@pytest.fixture
def served_host(served_address: str) -> Iterator[Any]:
    """A `ComfyClient` of the served ComfyUI, new for each test."""
    from comfy_client import ComfyClient

    with ComfyClient(served_address) as client:
        yield client


def _node_class(node_id: str) -> Any:
    import nodes

    if node_id not in nodes.NODE_CLASS_MAPPINGS:
        asyncio.run(nodes.init_builtin_extra_nodes())
    return nodes.NODE_CLASS_MAPPINGS[node_id]


def _run_v3(
    node_class: Any, hidden: dict[str, Any], inputs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    from comfy_api.latest import io

    values: Any = {getattr(io.Hidden, name): value for name, value in hidden.items()}
    if hasattr(io.HiddenHolder, "from_v3_data"):  # newer hosts hand them over beside other things
        values = {"hidden_inputs": values}
    schema = node_class.GET_SCHEMA()
    clone = node_class.PREPARE_CLASS_CLONE(values)
    output = clone.EXECUTE_NORMALIZED(**{**_defaults_of(schema), **inputs})
    ui = output.ui if isinstance(output.ui, dict) or output.ui is None else output.ui.as_dict()
    return tuple(output.args), ui or {}


def _defaults_of(schema: Any) -> dict[str, Any]:
    """What the page sends of widgets that nobody touched."""
    defaults = {item.id: getattr(item, "default", None) for item in schema.inputs if not item.optional}
    return {name: default for name, default in defaults.items() if default is not None}


def _run_v1(node_class: Any, inputs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    required = node_class.INPUT_TYPES().get("required", {})
    defaults = {
        name: more[0]["default"] for name, (_, *more) in required.items() if more and "default" in more[0]
    }
    output = getattr(node_class(), node_class.FUNCTION)(**{**defaults, **inputs})
    if isinstance(output, dict):
        return tuple(output.get("result", ())), output.get("ui", {})
    return tuple(output), {}


def _load_find() -> ModuleType:
    """The core's `find` without our root on the path, and with no second core left importable."""
    name = "stylecrafter_core"
    folder = ROOT / name
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    find = importlib.import_module(f"{name}.training.host.find")
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]
    return find
