"""Who may import whom, held by reading the source (`ast`); nothing is imported."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = "stylecrafter_core"
MOST_LINES = 300
NODE_ID = re.compile(r"\bStyleCrafter(?!Error\b)[A-Z]\w*")

DESCRIPTIONS = frozenset({"columns", "errors", "files", "spec"})
FAMILIES = frozenset({"tensor_names", "families", "sites"})
METHOD = frozenset({"adapter", "temporal", "guidance", "ddim"})
EDGES = frozenset({"features", "media", "metrics"})
PURE = DESCRIPTIONS | FAMILIES | METHOD | {"formats", "features", "media", "metrics"}
STANDARD = frozenset(sys.stdlib_module_names)
HOST = frozenset(
    {
        "app",
        "comfy",
        "comfy_api",
        "comfy_api_nodes",
        "comfy_config",
        "comfy_execution",
        "comfy_extras",
        "comfyui_version",
        "cuda_malloc",
        "execution",
        "folder_paths",
        "latent_preview",
        "node_helpers",
        "nodes",
        "protocol",
        "server",
    }
)
NODE_CLASSES_OF_THE_HOST = frozenset({"comfy_api_nodes", "comfy_extras", "nodes"})
SOCKETS_OF_THE_HOST = frozenset({"comfy_api", "folder_paths", "comfy.samplers"})
COMMANDS = frozenset({"train", "evaluate", "lab", "scripts"})


@dataclass(frozen=True)
class Room:
    """What one part of the tree may import besides itself and the standard library.

    Attributes:
        rooms: other rooms; None means every room.
        packages: installed packages; None means any that is not the host's.
        host: modules of the host; None means any but its node classes.
    """

    rooms: frozenset[str] | None
    packages: frozenset[str] | None = None
    host: frozenset[str] | None = frozenset()


NOTHING: frozenset[str] = frozenset()
ROOMS = {
    **{name: Room(DESCRIPTIONS, NOTHING) for name in DESCRIPTIONS},
    "tensor_names": Room(DESCRIPTIONS, frozenset({"torch"})),
    "families": Room(DESCRIPTIONS | {"tensor_names"}, frozenset({"torch"})),
    "sites": Room(DESCRIPTIONS | {"families"}, NOTHING),
    **{name: Room(DESCRIPTIONS | {"families"}, frozenset({"torch", "einops"})) for name in METHOD},
    "formats": Room(DESCRIPTIONS | FAMILIES | {"adapter", "temporal"}, frozenset({"torch", "safetensors"})),
    "formats.tools": Room(DESCRIPTIONS | FAMILIES | {"formats", "media"}, frozenset({"torch"})),
    **{name: Room(DESCRIPTIONS | METHOD | EDGES | {"formats"}) for name in EDGES},
    # The package's own front door: weight file to module, without the host.
    "core": Room(PURE, NOTHING),
    "comfy_host": Room(PURE, host=None),
    "training": Room(PURE | {"comfy_host", "core", "training.host"}),
    "training.host": Room(PURE | {"comfy_host"}, host=None),
    "nodes": Room(
        PURE - METHOD - {"tensor_names"} | {"comfy_host"},
        frozenset({"torch"}),
        SOCKETS_OF_THE_HOST,
    ),
    "pack": Room(frozenset({"nodes", "comfy_host", "errors"}), NOTHING, frozenset({"folder_paths"})),
    "train": Room(frozenset({"core", "formats.tools", "training", "training.host", "errors"})),
    "evaluate": Room(frozenset({"core", "lab", "scripts", "media", "features", "comfy_host", "errors"})),
    # What makes and judges the small family, and the project's commands: they may import everything.
    "lab": Room(None, host=None),
    "scripts": Room(None, host=None),
}
EVERY_ROOM = frozenset(ROOMS)


@dataclass(frozen=True)
class Import:
    """One imported module: its absolute dotted name, whether it was written relative, and where it stands."""

    name: str
    relative: bool
    line: int
    at_module_level: bool


def source_files(root: Path) -> list[Path]:
    """Every Python file but the tests."""
    folders = (CORE, "nodes", "lab", "scripts")
    files = [file for folder in folders for file in (root / folder).rglob("*.py")]
    return sorted(
        files
        + [file for name in ("__init__", "train", "evaluate") if (file := root / f"{name}.py").is_file()]
    )


def room_of(parts: tuple[str, ...]) -> str:
    """The room of a module, from the parts of its path or dotted name below the root."""
    if not parts:
        return "pack"
    if parts[0] != CORE:
        return parts[0]
    if parts[1:3] in (("training", "host"), ("formats", "tools")):
        return ".".join(parts[1:3])
    return parts[1] if len(parts) > 1 else "core"


def module_parts(root: Path, file: Path) -> tuple[str, ...]:
    parts = file.relative_to(root).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(root: Path, file: Path, tree: ast.Module) -> Iterator[Import]:
    """Every import, at any depth. `from x import y` counts as x.y: y may be a module."""
    at_module_level = {id(node) for node in outside_functions(tree)}
    package = file.relative_to(root).parent.parts
    for node in ast.walk(tree):
        outer = id(node) in at_module_level
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, False, node.lineno, outer)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = (*base, *(node.module.split(".") if node.module else ()))
            for alias in node.names:
                yield Import(".".join((*stem, alias.name)), node.level > 0, node.lineno, outer)


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from outside_functions(child)


def violations(root: Path) -> list[str]:
    """Every breach of the house's rules below root, each as "file:line: words"."""
    found: list[str] = []
    for file in source_files(root):
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text)
        name = room_of(module_parts(root, file))
        where = file.relative_to(root).as_posix()
        if len(text.splitlines()) > MOST_LINES:
            found.append(f"{where}:1: longer than {MOST_LINES} lines")
        found += [f"{where}:{line}: print" for line in prints(tree) if name not in COMMANDS]
        if where.startswith(f"{CORE}/"):
            found += [f"{where}:{line}: the node {node} below nodes/" for line, node in node_ids(text)]
        if name not in ROOMS:
            found.append(f"{where}:1: no room {name} in the design")
            continue
        for item in imports(root, file, tree):
            found += [f"{where}:{item.line}: {words}" for words in import_faults(name, item)]
    return found


def node_ids(text: str) -> Iterator[tuple[int, str]]:
    """The line and name of every node that a source names."""
    for number, line in enumerate(text.splitlines(), start=1):
        yield from ((number, node) for node in NODE_ID.findall(line))


def prints(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield node.lineno


def import_faults(name: str, item: Import) -> Iterator[str]:
    """What is wrong with one import in the named room, in words."""
    room, top = ROOMS[name], item.name.split(".")[0]
    # In the pack, an absolute name of ours is found only where the root is on the path, which it never is.
    ours = item.relative or top == CORE or top in COMMANDS
    if ours:
        if not item.relative and name not in COMMANDS:
            yield f"absolute import of {item.name}"
        target = room_of(tuple(item.name.split(".")))
        if target != name and target not in (EVERY_ROOM if room.rooms is None else room.rooms):
            yield f"{name} imports {target}"
    elif top in HOST:
        if top in NODE_CLASSES_OF_THE_HOST:
            yield f"node classes of the host: {item.name}"
        elif room.host is not None and not any(f"{item.name}.".startswith(f"{seen}.") for seen in room.host):
            yield f"{name} imports the host: {item.name}"
    elif top not in STANDARD:
        if room.packages is not None and top not in room.packages:
            yield f"{name} imports {top}"
        if top == "open_clip" and item.at_module_level:
            yield "open_clip at module level"


def test_the_house_is_in_order():
    assert {"errors.py", "spec.py"} <= {file.name for file in source_files(ROOT)}
    assert violations(ROOT) == []


PLANTED = [
    ("stylecrafter_core/spec.py", "import torch", "spec imports torch"),
    ("stylecrafter_core/spec.py", "from .adapter import x", "spec imports adapter"),
    ("stylecrafter_core/families/video.py", "from .. import formats", "families imports formats"),
    ("stylecrafter_core/adapter/deep/a.py", "from ...formats.read import x", "adapter imports formats"),
    ("stylecrafter_core/adapter/a.py", "def f():\n    from .. import training", "adapter imports training"),
    ("stylecrafter_core/guidance.py", "import comfy.samplers", "guidance imports the host: comfy.samplers"),
    ("stylecrafter_core/formats/a.py", "from ..features import x", "formats imports features"),
    ("stylecrafter_core/formats/a.py", "from .tools.export import x", "formats imports formats.tools"),
    ("stylecrafter_core/features.py", "import open_clip", "open_clip at module level"),
    ("stylecrafter_core/features.py", "class A:\n    import open_clip", "open_clip at module level"),
    ("stylecrafter_core/features.py", "from .comfy_host import x", "features imports comfy_host"),
    ("stylecrafter_core/media.py", "import folder_paths", "media imports the host: folder_paths"),
    ("stylecrafter_core/comfy_host/a.py", "from ..training import x", "comfy_host imports training"),
    ("stylecrafter_core/comfy_host/a.py", "from ...nodes import x", "comfy_host imports nodes"),
    (
        "stylecrafter_core/comfy_host/a.py",
        "from comfy_extras import x",
        "node classes of the host: comfy_extras.x",
    ),
    ("stylecrafter_core/comfy_host/a.py", "import nodes", "node classes of the host: nodes"),
    ("stylecrafter_core/training/a.py", "from ...nodes.video import x", "training imports nodes"),
    ("stylecrafter_core/training/a.py", "import comfy.sd", "training imports the host: comfy.sd"),
    ("stylecrafter_core/training/host/a.py", "from ..loop import x", "training.host imports training"),
    (
        "stylecrafter_core/comfy_host/a.py",
        "from ..training.host import x",
        "comfy_host imports training.host",
    ),
    (
        "stylecrafter_core/formats/a.py",
        "import stylecrafter_core.spec",
        "absolute import of stylecrafter_core.spec",
    ),
    (
        "stylecrafter_core/comfy_host/a.py",
        "fix = 'add StyleCrafterPatchModel'",
        "the node StyleCrafterPatchModel below nodes/",
    ),
    ("stylecrafter_core/attic.py", "", "no room attic in the design"),
    ("stylecrafter_core/training/a.py", "from ...lab.family import x", "training imports lab"),
    ("train.py", "from lab import x", "train imports lab"),
    ("nodes/style.py", "from ..lab import x", "nodes imports lab"),
    ("lab/family/a.py", "x = 1\n" * 301, "longer than 300 lines"),
    ("scripts/a.py", "import comfy_extras", "node classes of the host: comfy_extras"),
    ("stylecrafter_core/media.py", "def f():\n    print(1)", "print"),
    ("stylecrafter_core/media.py", "x = 1\n" * 301, "longer than 300 lines"),
    ("nodes/style.py", "from ..stylecrafter_core.training import x", "nodes imports training"),
    ("nodes/style.py", "from ..stylecrafter_core.adapter import x", "nodes imports adapter"),
    ("nodes/style.py", "import comfy.model_management", "nodes imports the host: comfy.model_management"),
    ("__init__.py", "from .stylecrafter_core.adapter import x", "pack imports adapter"),
    ("train.py", "import nodes", "node classes of the host: nodes"),
    ("evaluate.py", "from stylecrafter_core.training import x", "evaluate imports training"),
]


@pytest.mark.parametrize(
    ("path", "source", "words"), PLANTED, ids=[f"{path}-{words}" for path, _, words in PLANTED]
)
def test_a_planted_fault_is_found(tmp_path, path, source, words):
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(f"{path}:")
    assert found[0].endswith(f": {words}")


ALLOWED = [
    ("stylecrafter_core/__init__.py", "def f():\n    from .formats import x\n    from .adapter import y"),
    (
        "stylecrafter_core/adapter/a.py",
        "import torch\nfrom einops import rearrange\nfrom .b import c\nfrom ..spec import d",
    ),
    ("stylecrafter_core/features/a.py", "def f():\n    import open_clip\n    from ..formats import x"),
    (
        "stylecrafter_core/comfy_host/a.py",
        "import comfy.samplers\nimport folder_paths\nfrom ..adapter import x",
    ),
    (
        "nodes/loaders.py",
        "import folder_paths\nfrom comfy_api.latest import io\nfrom ..stylecrafter_core.comfy_host import x",
    ),
    ("stylecrafter_core/errors.py", "class StyleCrafterError(Exception):\n    pass"),
    ("__init__.py", "def f():\n    from .nodes import x"),
    ("train.py", "import json\nfrom stylecrafter_core.training import x\nprint(1)"),
]


@pytest.mark.parametrize(("path", "source"), ALLOWED, ids=[path for path, _ in ALLOWED])
def test_what_is_allowed_passes(tmp_path, path, source):
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    assert violations(tmp_path) == []
