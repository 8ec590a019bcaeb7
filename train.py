"""Train style adapters (stage 1) and temporal blocks (stage 2) without a user interface.

python train.py style     --config configs/tiny_style.yaml --set run.dir=runs/first
python train.py temporal  --config configs/tiny_temporal.yaml --set run.dir=runs/second
accelerate launch train.py style --config F                        several processes (DDP)
torchrun --nproc-per-node 2 train.py style --config F --set engine.kind=fsdp2

docs/training.md tells the way from a folder of pictures to an adapter in the node graph.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from pathlib import Path

from stylecrafter_core.errors import exit_status

INSTALL = (
    "python -m pip install -r requirements.txt -r requirements-train.txt, or use .venv/bin/python, which "
    "scripts/demo.py makes"
)
PIPE_CLOSED = 141  # as a shell reports a program that SIGPIPE has ended


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verbose", action="store_true", help="show the host's messages, too")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for add in (_add_training, _add_prepare, _add_preflight, _add_cache, _add_export, _add_inspect):
        add(commands)
    options = parser.parse_args(arguments)
    _set_up_logging(options.verbose)
    for stream in (sys.stdout, sys.stderr):  # names of files may hold what is no text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = exit_status(lambda: options.run(options), INSTALL)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # as in `train.py inspect FILE | head`: nobody reads any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _add_training(commands: argparse._SubParsersAction) -> None:
    for name, words in (
        ("style", "stage 1: a style adapter, on pictures"),
        ("temporal", "stage 2: the temporal blocks, on pictures and videos"),
    ):
        parser = commands.add_parser(name, help=words, description=words)
        _add_config(parser)
        parser.add_argument(
            "--resume",
            action="store_true",
            help="go on in run.dir from its newest checkpoint; with a higher run.steps, beyond its end",
        )
        parser.add_argument(
            "--accept-changed-files",
            action="store_true",
            help="with --resume: go on although manifests or weight files have changed since the start",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="load and check everything, compute one step, write nothing",
        )
        parser.set_defaults(run=_train)


def _add_prepare(commands: argparse._SubParsersAction) -> None:
    words = "pictures and videos with captions to a manifest"
    parser = commands.add_parser("prepare", help=words, description=words)
    parser.add_argument(
        "sources",
        nargs="+",
        type=Path,
        help="folders (with .txt captions), .jsonl, .csv (columns path and caption) or WebDataset .tar files",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="the manifest to write, for example data.jsonl"
    )
    parser.add_argument(
        "--convert",
        action="store_true",
        help="take CMYK, transparent and rotated files and videos at a variable rate, converted",
    )
    parser.add_argument(
        "--without-captions",
        action="store_true",
        help="take files without a caption, too: they are trained on with an empty prompt",
    )
    parser.add_argument("--min-side", type=int, default=64, help="shorter side in pixels that is needed")
    parser.add_argument("--workers", type=int, default=2, help="processes that decode")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for one file")
    parser.set_defaults(run=_prepare)


def _add_preflight(commands: argparse._SubParsersAction) -> None:
    words = "decode all data, check the config, estimate memory and disk, train one step and read it back"
    parser = commands.add_parser("preflight", help=words, description=words)
    _add_stage(parser)
    _add_config(parser)
    parser.set_defaults(run=_preflight)


def _add_cache(commands: argparse._SubParsersAction) -> None:
    words = "compute latents and text states once, into data.cache"
    parser = commands.add_parser("cache", help=words, description=words)
    _add_config(parser)
    parser.set_defaults(run=_cache)


def _add_export(commands: argparse._SubParsersAction) -> None:
    words = "weights between our safetensors and the published formats"
    parser = commands.add_parser(
        "export",
        help=words,
        description="""Rewrite a style adapter or temporal file in another format, bit for bit.

The input is recognised by its content: our own safetensors, adapter_v1.pth, temporal_v1*.pth,
stylecrafter_sdxl.ckpt. ComfyUI's nodes read all of them; --to published is for other programs
that read the released files. Nothing is overwritten.""",
        epilog="""examples:
  python train.py export adapter_v1.pth --out adapter.safetensors --to own
  python train.py export runs/first/adapter.safetensors --out mine.pth --to published

A published file holds tensors only: training step, base and other header text are left out of it. Only
adapters for VideoCrafter and SDXL, of the published shape, have a published format; a video base is not
exported. Exit status: 0 written, 2 refused, with the reason.""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="an adapter or temporal file of any format")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="the file to write, in a folder that exists: .safetensors with --to own, .pth or .ckpt with "
        "--to published",
    )
    parser.add_argument(
        "--to",
        choices=("own", "published"),
        required=True,
        help="own: safetensors, sizes in the header; published: names, nesting and container of the "
        "released files",
    )
    parser.set_defaults(run=_export)


def _add_inspect(commands: argparse._SubParsersAction) -> None:
    words = "what is in a weight file"
    parser = commands.add_parser(
        "inspect",
        help=words,
        description="""Say what is in a weight file. Needs no ComfyUI, and no code in the file is run.

Kind, family, sizes, sites, millions of parameters per part, number types, header (training step,
base), and tensor names that are missing, unexpected, of wrong shape or ignored.""",
        epilog="""examples:
  python train.py inspect runs/first/adapter.safetensors
  python train.py inspect ComfyUI/models/checkpoints/model.ckpt

Exit status: 0 described, also where tensors are missing; 2 not readable, or no file of StyleCrafter.""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", type=Path, help="a style adapter, temporal file or video base, of any name and format"
    )
    parser.set_defaults(run=_inspect)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="a YAML file, see configs/")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="a.b=c",
        help="replace one field of the config; may be given more than once",
    )


def _add_stage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stage", choices=("style", "temporal"))


def _train(options: argparse.Namespace) -> int:
    config = _config(options)
    cpu = _activate_host()
    if options.dry_run:
        from stylecrafter_core.training.preflight import dry_run

        print(dry_run(options.command, config, cpu=cpu))
        return 0
    from stylecrafter_core.training.run import train

    train(
        options.command,
        config,
        resume=options.resume,
        cpu=cpu,
        accept_changed_files=options.accept_changed_files,
    )
    return 0


def _prepare(options: argparse.Namespace) -> int:
    from stylecrafter_core.training.data.prepare import prepare

    report = prepare(
        options.sources,
        options.out,
        convert=options.convert,
        min_side=options.min_side,
        need_captions=not options.without_captions,
        workers=options.workers,
        time_limit_s=options.time_limit,
    )
    print(report)
    return 0


def _preflight(options: argparse.Namespace) -> int:
    config = _config(options)
    cpu = _activate_host()
    from stylecrafter_core.training.preflight import preflight

    report = preflight(options.stage, config, cpu=cpu)
    print(report.text)
    return 0 if report.passed else 1


def _cache(options: argparse.Namespace) -> int:
    config = _config(options)
    cpu = _activate_host()
    from stylecrafter_core.training.fill_cache import fill_cache

    print(fill_cache(config, cpu=cpu))
    return 0


def _export(options: argparse.Namespace) -> int:
    from stylecrafter_core.formats.tools.export import export

    print(export(options.file, options.out, options.to))
    return 0


def _inspect(options: argparse.Namespace) -> int:
    from stylecrafter_core.formats.tools.inspect_file import inspect_file

    print(inspect_file(options.file))
    return 0


def _config(options: argparse.Namespace):
    from stylecrafter_core.training.config import load_config

    return load_config(options.config, options.set)


def _activate_host() -> bool:
    """Make ComfyUI importable; returns whether it computes on the CPU."""
    import torch

    from stylecrafter_core.training.host.find import activate, find_host

    cpu = not torch.cuda.is_available()
    activate(find_host(), cpu=cpu, exact_attention=True)
    return cpu


def _set_up_logging(verbose: bool) -> None:
    logging.basicConfig(format="%(message)s", level=logging.INFO if verbose else logging.WARNING)
    logging.getLogger("stylecrafter_core").setLevel(logging.INFO)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
