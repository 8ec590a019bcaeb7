"""What stops the demo once its server is asked for, in words for the person in front of the screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api_prompt import ApiPrompt
from comfy_server import ServerError
from refusal import RefusedInput, refused_inputs, words_of

from stylecrafter_core.errors import StyleCrafterError

WEIGHTS = (".safetensors", ".ckpt", ".pth", ".pt", ".bin")
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
FOLDERS = {  # under models/, by inputs of loaders that the demo does not fill
    "lora_name": "loras",
    "vae_name": "vae",
    "control_net_name": "controlnet",
    "unet_name": "diffusion_models",
    "ckpt_name": "checkpoints",
    "clip_name": "text_encoders",
}
EXPORT = "export the workflow again (Workflow > Export (API))"


class DemoError(StyleCrafterError):
    """The job did not give a video or a picture."""


@contextmanager
def server_in_words() -> Iterator[None]:
    """A server that does not start ends the demo with a DemoError."""
    try:
        yield
    except ServerError as error:
        what, _, log = str(error).partition("\n")
        raise DemoError(
            what,
            found=log,
            expected="a server that answers on this computer",
            fix="correct what the log names; where COMFYUI_PATH is set, see whether that ComfyUI starts by "
            "itself, or unset it: the demo then fetches one that it was tested with",
        ) from error


@contextmanager
def job_in_words(workflow: Path, prompt: ApiPrompt, base: Path) -> Iterator[None]:
    """A prompt that is refused, does not end in time, or ends the server, ends the demo with a DemoError."""
    # They need a package that the set-up installs.
    from aiohttp import ClientError
    from comfy_client import PromptRefusedError

    try:
        yield
    except PromptRefusedError as error:
        raise refused(workflow, prompt, base, error.answer) from error
    except TimeoutError as error:
        raise DemoError(
            f"The workflow {workflow} was given up.",
            found=str(error),
            expected="its end within that time",
            fix=f"take fewer steps or frames, or a graphics card; {base / 'server.log'} says how far it came",
        ) from error
    except (ConnectionError, ClientError) as error:
        raise DemoError(
            f"ComfyUI ended while it ran the workflow {workflow}.",
            found=str(error) or type(error).__name__,
            expected="a server that lives until the workflow has ended",
            fix=f"read {base / 'server.log'}; where memory ran out, take fewer frames or a smaller picture",
        ) from error


def refused(workflow: Path, prompt: ApiPrompt, base: Path, answer: dict[str, Any]) -> DemoError:
    """The error for a workflow that the host did not accept, from its answer."""
    what, faults = f"ComfyUI refused the workflow {workflow}", refused_inputs(answer)
    if not faults:
        return DemoError(
            f"{what}.",
            found=words_of(answer["error"]),
            expected="nodes that the demo's ComfyUI knows, one of them an output such as Save Image",
            fix=f"put a node pack that is missing into {base / 'custom_nodes'}, "
            f"or change the nodes and {EXPORT}",
        )
    return DemoError(
        f"{what}: {'; '.join(_place(fault, prompt) for fault in faults)}.",
        found="; ".join(f"{_label(fault)}: {fault.found}" for fault in faults),
        expected="; ".join(f"{_label(fault)}: {fault.allowed}" for fault in faults),
        fix=_fix(faults, base),
    )


def _place(fault: RefusedInput, prompt: ApiPrompt) -> str:
    title = prompt[fault.node].get("_meta", {}).get("title", fault.class_type)
    node = f'node "{title}" ({fault.class_type}, id {fault.node})'
    return f"{node}, input {fault.name}" if fault.name else node


def _label(fault: RefusedInput) -> str:
    return fault.name or fault.class_type


def _fix(faults: list[RefusedInput], base: Path) -> str:
    folders = sorted({str(base / folder) for folder in map(_folder, faults) if folder})
    change = f"change the inputs in ComfyUI and {EXPORT}"
    if not folders:
        return change
    return (
        f"put what is missing into {' and '.join(folders)} (the demo keeps folders of its own), or {change}"
    )


def _folder(fault: RefusedInput) -> str | None:
    """Where the demo's ComfyUI looks for the file that it did not find, if that is the fault."""
    ending = Path(fault.found.strip("'")).suffix.lower()
    if ending in WEIGHTS:
        return f"models/{FOLDERS.get(fault.name, '<its kind>')}"
    return "input" if ending in PICTURES else None
