"""Everything in the manifests, decoded once more; what is left out and why; how it is cut and ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...columns import table
from ..config import Config
from ..config.schema import Data
from ..data.buckets import bucket_table
from ..data.manifest import Item, item_name, read_manifest
from ..data.plan import Kind, Plan, Size, Stream
from ..data.prepare import check_manifest
from ..data.reasons import Rejected
from ..data.sets import DataSet, sizes_in
from ..optimiser import learning_rate
from .report import Section


def decoded(config: Data) -> Section:
    """Decodes every item of every manifest; what is broken or has changed does not pass.

    Raises:
        InputError: a manifest cannot be read.
    """
    lines: list[str] = []
    passed = True
    for path in config.manifests:
        manifest = read_manifest(path)
        rejected = check_manifest(manifest, workers=max(1, config.workers))
        lines.append(f"{path}: {len(manifest.images)} pictures, {len(manifest.videos)} videos, all decoded")
        lines += [*_quarantined(rejected), *_too_short(manifest.videos, config.frames)]
        passed = passed and not rejected
    return Section("Data", "\n".join(lines), passed)


def _quarantined(rejected: Sequence[Rejected]) -> Iterator[str]:
    """Counts by kind, then every one with its reason."""
    if not rejected:
        return
    counts = Counter(it.kind for it in rejected)
    yield f"  in quarantine: {', '.join(f'{count} × {kind}' for kind, count in counts.most_common())}"
    for it in rejected:
        yield f"    {it.path}: {it.kind}: {it.reason}"
    yield "  run prepare again: it leaves these out"


def _too_short(videos: Sequence[Item], frames: int) -> Iterator[str]:
    short = [item for item in videos if item.frames < frames]
    if not short:
        return
    yield f"  {len(short)} videos are left out: they have fewer than data.frames = {frames} frames"
    for item in short:
        yield f"    {item_name(item)}: {item.frames} frames"


def buckets(data: DataSet, plan: Plan, config: Data) -> Section:
    """How many pictures and videos are trained on at which size, and what is held out."""
    rows = [("size", "pictures", "a step")]
    if plan.images is not None:
        counts = bucket_table(data.images, sizes_in(config))
        rows += [(_size_name(s), str(count), str(plan.images.group)) for s, count in counts.items()]
    lines = [table(rows)] if len(rows) > 1 else []
    if plan.videos is not None:
        lines.append(
            f"{len(data.videos)} videos at {_size_name((config.width, config.height))}, "
            f"{config.frames} frames, {plan.videos.group} a step"
        )
    lines.append(f"held out for validation: {len(data.held_images)} pictures, {len(data.held_videos)} videos")
    return Section("Sizes", "\n".join(lines))


def schedule(plan: Plan, config: Config) -> Section:
    """Exactly how many steps are on pictures and on videos, how often each item is seen, what is written."""
    run = config.run
    kinds = Counter(plan.kind_at(step) for step in range(run.steps))
    lines = [f"{run.steps} steps: {kinds['image']} on pictures, {kinds['video']} on videos"]
    streams: tuple[tuple[Kind, Stream | None], ...] = (("image", plan.images), ("video", plan.videos))
    lines += [_seen(kind, stream, kinds[kind]) for kind, stream in streams if stream is not None]
    layout = plan.layout
    lines.append(f"passes in a step: {layout.passes}; processes: {layout.processes}")
    if run.steps:
        rates = [learning_rate(config.optimiser, step, run.steps) for step in (0, run.steps - 1)]
        lines.append(f"learning rate {rates[0]:.2e} at the first step, {rates[1]:.2e} at the last")
    for what, every in (
        ("checkpoints", run.checkpoint_every),
        ("validations", run.validate_every),
        ("sample grids", run.sample_every),
    ):
        lines.append(f"{times(run.steps, every)} {what}, every {every} steps and at the end")
    return Section("Schedule", "\n".join(lines))


def times(steps: int, every: int) -> int:
    """How often something happens that is due every so many steps and at the last one."""
    return -(-steps // every)


def _seen(kind: Kind, stream: Stream, steps: int) -> str:
    total, items = steps * stream.group, len(stream.sizes)
    return f"each {kind} is seen about {total / items:.3g} times ({items} of them, {stream.group} a step)"


def _size_name(size: Size) -> str:
    return f"{size[0]}×{size[1]}"
