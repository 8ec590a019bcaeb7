"""A ComfyUI of this process's own: the user's models and nodes, folders of the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from aiohttp import ClientError

from scripts.comfy_client import ComfyClient, Job, PromptRefusedError
from scripts.comfy_server import STOP_TIMEOUT_S, ServerError, place_pack, serve
from stylecrafter_core.errors import HostError, InputError, StyleCrafterError
from stylecrafter_core.training.host.find import check_version, find_host

from ..family.packages import style_network_file
from .methods import PACKS, PUBLISHED, ROOT, Method
from .shards import Shard, thread_count
from .workflow import ApiPrompt, filled, read_workflow, with_output_numbers

HOST_NODES = Path(__file__).parent / "host_nodes"
TRANSFER = "StyleCrafterTransferFrames"
TIME_LIMIT_S = 24 * 3600.0
# glibc gives every large tensor that PyTorch frees on the CPU back to the system, and gets the next one anew,
# page by page. What is freed is kept with these: a tenth less time, with the small weights.
KEPT_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
    "MALLOC_TOP_PAD_": str(2**26),
}


@dataclass(frozen=True)
class Settings:
    """What the host runs with.

    Attributes:
        models: a folder of the layout of ComfyUI/models; None is the host's own.
        values: for inputs of these names in every workflow: file names, sizes, steps.
        cpu: compute there; None does so without an accelerator.
    """

    models: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)
    cpu: bool | None = None


@contextmanager
def running_host(settings: Settings, work: Path, shard: Shard) -> Iterator[Host]:
    """A host that is up, with the pack, the comparisons' nodes and the user's own.

    Args:
        work: its input, output, temp and log.

    Raises:
        HostError: there is none, it is too old, or does not start.
    """
    import torch

    host = find_host()
    check_version(host)
    base = work.absolute() / f"host-{shard.number}"
    base.mkdir(parents=True, exist_ok=True)
    end_left_over(base)
    if ROOT.parent != host / "custom_nodes":
        place_pack(ROOT, base)
    paths = base / "paths.yaml"
    paths.write_text(_paths(host, (settings.models or host / "models").absolute()), encoding="utf-8")
    cpu = not torch.cuda.is_available() if settings.cpu is None else settings.cpu
    options = ["--extra-model-paths-config", str(paths)]
    if not cpu and shard.count > 1:
        options += ["--cuda-device", str(shard.local)]
    try:
        variables = {"OMP_NUM_THREADS": str(thread_count()), **(KEPT_MEMORY if cpu else {})}
        with (
            serve(host, base, cpu=cpu, options=options, variables=variables) as address,
            ComfyClient(address) as client,
        ):
            yield Host(client, base)
    except (ServerError, ConnectionError, ClientError) as problem:
        raise HostError(
            f"The ComfyUI in {host} does not run.",
            found=str(problem),
            expected="a server that starts and stays",
            fix=f"read {base / 'server.log'}, mend what its last lines name, and run the command again: what "
            "is done stays",
        ) from problem


class KeptHost:
    """One host for several jobs: started when the first one needs it, ended with the `with` statement.

    Args:
        start: `running_host` with its arguments.
    """

    def __init__(self, start: Callable[[], AbstractContextManager[Host]]):
        self._start, self._stack = start, ExitStack()
        self._host: Host | None = None

    def __enter__(self) -> KeptHost:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    @contextmanager
    def running(self) -> Iterator[Host]:
        """The host; after a fault of its own it is ended, and the next job gets another.

        Raises:
            HostError: see `running_host`.
        """
        if self._host is None:
            self._host = self._stack.enter_context(self._start())
        try:
            yield self._host
        except StyleCrafterError:  # the job's
            raise
        except BaseException as problem:
            self._host = None
            self._stack.__exit__(type(problem), problem, problem.__traceback__)  # as HostError, mostly
            raise


def end_left_over(base: Path) -> None:
    """End the server that a killed process has left behind in this folder: it would keep the accelerator."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if ("--base-directory", str(base)) in pairwise(words):
            process.terminate()
            psutil.wait_procs([process], timeout=STOP_TIMEOUT_S)


def _paths(host: Path, models: Path) -> str:
    """The host's file of further folders; JSON is YAML."""
    folders = {folder.name: str(folder) for folder in sorted(models.glob("*")) if folder.is_dir()}
    nodes = [str(HOST_NODES), str(host / "custom_nodes")]
    return json.dumps({"evaluation": {**folders, "custom_nodes": "\n".join(nodes)}}, indent=1)


class Host:
    """Runs workflows and says what it lacks for one."""

    def __init__(self, client: ComfyClient, base: Path):
        self._client, self.base = client, base
        self.version = str(client.system_stats()["system"].get("comfyui_version", "unknown"))
        self._nodes = client.object_info()

    def lacks(self, method: Method, values: dict[str, Any]) -> list[str]:
        """What the method's workflow needs that is not there, and where it comes from; empty: it runs."""
        if method.workflow is None:
            return [method.note]
        graph = filled(read_workflow(method.workflow), "", [], 0, {**values, **(method.values or {})})
        missing = []
        for node in graph.values():
            kind = node["class_type"]
            if kind not in self._nodes:
                missing.append(f"the node {kind}" + _from(kind))
                continue
            missing += self._missing_files(kind, node["inputs"]) + _missing_network(kind)
        return list(dict.fromkeys(missing))

    def _missing_files(self, kind: str, inputs: dict[str, Any]) -> list[str]:
        about = self._nodes[kind]["input"]
        declared = {**about.get("required", {}), **about.get("optional", {})}
        missing = []
        for name, value in inputs.items():
            options = _options(declared.get(name))
            if options is not None and name != "image" and isinstance(value, str) and value not in options:
                missing.append(f"{name} {value}{_published(value)}")
        return missing

    def fitted(self, graph: ApiPrompt) -> ApiPrompt:
        """The workflow for this host's nodes; raises as `with_output_numbers`."""
        return with_output_numbers(graph, self._nodes)

    def run(self, graph: ApiPrompt) -> Path:
        """The picture or video that a workflow makes.

        Raises:
            HostError: it is refused, fails, or makes no file.
        """
        try:
            job = self._client.wait(self._client.queue(graph), TIME_LIMIT_S)
        except PromptRefusedError as refused:
            raise _failed("ComfyUI refuses the workflow.", _refusal(refused)) from refused
        if job.error is not None:
            raise _failed("The workflow failed in ComfyUI.", job.error)
        return self._file_of(job)

    def _file_of(self, job: Job) -> Path:
        files = [file for file in job.files if file["type"] == "output"]
        if not files:
            raise _failed("The workflow made no file.", "no file in the output folder")
        return self.base / "output" / files[-1]["subfolder"] / files[-1]["filename"]


def _from(kind: str) -> str:
    return next((f" of {pack}" for start, pack in PACKS.items() if kind.startswith(start)), "")


def _published(file: str) -> str:
    return f" of {PUBLISHED[file]} at Hugging Face" if file in PUBLISHED else ""


def _missing_network(kind: str) -> list[str]:
    """What a node of the comparisons themselves needs beside its inputs."""
    if kind != TRANSFER:
        return []
    try:
        style_network_file()
    except InputError as problem:
        return [f"{problem.what} {problem.fix}"]
    return []


def _options(declared: Any) -> list[Any] | None:
    """The entries of a list of choices; None where the input is none."""
    if not declared:
        return None
    if isinstance(declared[0], list):
        return declared[0]
    if declared[0] == "COMBO":
        return declared[1].get("options")
    return None


def _refusal(refused: PromptRefusedError) -> str:
    faults = [
        f"{about['class_type']}: {error['message']} {error['details']}"
        for about in refused.answer.get("node_errors", {}).values()
        for error in about["errors"]
    ]
    return "; ".join(faults) or str(refused.answer.get("error", ""))


def _failed(what: str, found: str) -> HostError:
    return HostError(
        what,
        found=found,
        expected="a picture or a video",
        fix="open the workflow in ComfyUI and run it there; the other pairs go on",
    )
