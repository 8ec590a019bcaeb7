"""Sizes, lengths, batches, precisions, samplers: what may be asked of the video model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import comfy.model_patcher
import comfy.sample
import pytest
import torch
from golden_video import EXPECTED, GOLDEN, GoldenVideo
from jobs import SEED, STEPS, core, dual_guider, noise, one_box, relative_error, run
from probe import eps_of, eps_single
from watch import watched


@pytest.mark.parametrize(
    ("frames", "size"), [(1, (8, 8)), (5, (8, 8)), (16, (8, 8)), (64, (8, 8)), (2, (25, 41))]
)
def test_lengths_and_odd_sizes(golden: GoldenVideo, frames: int, size: tuple[int, int]) -> None:
    """25×41 latent pixels are 200×328 pixels: no multiple of anything that the U-Net halves."""
    (latent,) = golden.run_node(
        "StyleCrafterEmptyVideoLatent", width=8 * size[1], height=8 * size[0], frames=frames, batch_size=1
    )
    out = one_box(golden, latent, steps=1)
    assert out.shape == (frames, 4, *size)
    assert torch.isfinite(out).all()
    assert relative_error(out, one_box(golden, latent, steps=1, positive=golden.text(0))) > 1e-3


def test_frames_of_a_video_see_each_other(golden: GoldenVideo) -> None:
    """Five frames in one video are not five pictures, and a change in one frame reaches the others."""
    x, timestep = noise(5), 500
    together = eps_single(golden.model, golden.styled(0), x, timestep)
    alone = eps_single(golden.model, golden.styled(0), x[:1], timestep)
    assert relative_error(together[:1], alone) > 1e-3
    changed = torch.cat([x[:4], noise(1, seed=1)])
    assert (
        relative_error(eps_single(golden.model, golden.styled(0), changed, timestep)[:1], together[:1]) > 1e-4
    )


def two_videos_noise() -> torch.Tensor:
    return comfy.sample.prepare_noise(torch.zeros(10, 4, 8, 8), SEED)


def test_two_videos_in_one_latent_are_each_one_alone(golden: GoldenVideo) -> None:
    """The one-box sampler reads the length off the latent."""
    (latent,) = golden.run_node("StyleCrafterEmptyVideoLatent", width=64, height=64, frames=5, batch_size=2)
    both = one_box(golden, latent)
    alone = [run(dual_guider(golden), start) for start in two_videos_noise().split(5)]
    assert relative_error(both, torch.cat(alone)) < 1e-4
    assert relative_error(both[:5], both[5:]) > 1e-2


def test_two_videos_on_the_hosts_samplers(golden: GoldenVideo) -> None:
    (model,) = golden.run_node("StyleCrafterSetVideoLength", model=golden.model, frames=5)
    both = run(dual_guider(golden, model=model), two_videos_noise())
    alone = [run(dual_guider(golden), start) for start in two_videos_noise().split(5)]
    assert relative_error(both, torch.cat(alone)) < 1e-4
    one_long = run(dual_guider(golden), two_videos_noise())
    assert relative_error(both, one_long) > 1e-3


def test_a_latent_cut_to_less_than_one_video_is_a_shorter_video(golden: GoldenVideo) -> None:
    """The first 3 frames of 5: the host's LatentFromBatch leaves the old length on the latent."""
    (latent,) = golden.run_node("StyleCrafterEmptyVideoLatent", width=64, height=64, frames=5, batch_size=1)
    (cut,) = golden.run_node("LatentFromBatch", samples=latent, batch_index=0, length=3)
    (three,) = golden.run_node("StyleCrafterEmptyVideoLatent", width=64, height=64, frames=3, batch_size=1)
    assert cut["frames"] == 5
    cut.pop("batch_index", None)  # would only choose other noise
    assert torch.equal(one_box(golden, cut), one_box(golden, three))


def test_a_length_set_on_the_model_counts_instead_of_the_latents(golden: GoldenVideo) -> None:
    """8 frames of two videos of 5, cut by hand to 4 and 4: the way that the error message points to."""
    (latent,) = golden.run_node("StyleCrafterEmptyVideoLatent", width=64, height=64, frames=5, batch_size=2)
    latent = {**latent, "samples": latent["samples"][:8]}
    (model,) = golden.run_node("StyleCrafterSetVideoLength", model=golden.model, frames=4)
    (fours,) = golden.run_node("StyleCrafterEmptyVideoLatent", width=64, height=64, frames=4, batch_size=2)
    assert torch.equal(one_box(golden, latent, model=model), one_box(golden, fours))


def with_windows(golden: GoldenVideo, model: Any, length: int, overlap: int) -> Any:
    return golden.run_node(
        "ContextWindowsManual",
        model=model,
        context_length=length,
        context_overlap=overlap,
        context_schedule="standard_static",
        context_stride=1,
        closed_loop=False,
        fuse_method="pyramid",
        dim=0,
    )[0]


def test_windows_without_overlap_are_videos_of_their_own(golden: GoldenVideo) -> None:
    x, timestep = noise(8), 500
    eps = eps_of(dual_guider(golden, model=with_windows(golden, golden.model, 4, 0)), x, timestep)
    alone = [eps_of(dual_guider(golden), part, timestep) for part in x.split(4)]
    assert relative_error(eps, torch.cat(alone)) < 1e-5


def test_windows_in_a_video_whose_length_was_set(golden: GoldenVideo) -> None:
    """The length of the one video says nothing about a window, and longer windows change nothing."""
    (told,) = golden.run_node("StyleCrafterSetVideoLength", model=golden.model, frames=8)
    for length, overlap in ((4, 1), (16, 4)):
        outs = [
            run(dual_guider(golden, model=with_windows(golden, model, length, overlap)), noise(8))
            for model in (told, golden.model)
        ]
        assert torch.equal(*outs)


def test_windows_longer_than_the_latent_leave_several_videos_alone(golden: GoldenVideo) -> None:
    (told,) = golden.run_node("StyleCrafterSetVideoLength", model=golden.model, frames=5)
    out = run(dual_guider(golden, model=with_windows(golden, told, 16, 4)), two_videos_noise())
    assert torch.equal(out, run(dual_guider(golden, model=told), two_videos_noise()))


def test_a_long_video_through_the_hosts_windows(golden: GoldenVideo) -> None:
    """64 frames, windows of 16 with 4 in common: no call is longer than a window, every call is guided."""
    model, watcher = watched(with_windows(golden, golden.model, 16, 4))
    out = one_box(golden, {"samples": torch.zeros(64, 4, 8, 8), "frames": 64}, model=model)
    assert torch.isfinite(out).all()
    assert {call.rows // call.passes for call in watcher.calls} == {16}
    windows = watcher.styled_passes // STEPS
    assert windows >= 5
    assert watcher.passes == 3 * windows * STEPS


def in_precision(pack: Any, golden: GoldenVideo, dtype: torch.dtype, cast: torch.dtype | None) -> Any:
    """The recorded network with its weights in another precision, patched."""
    base = core(pack, "formats").read_video_base(GOLDEN / "base.ckpt")
    model = core(pack, "comfy_host.model").build_model(base.unet_spec, dtype, cast, "cpu")
    model.diffusion_model.load_state_dict(base.unet)
    cpu = torch.device("cpu")
    plain = comfy.model_patcher.ModelPatcher(model, load_device=cpu, offload_device=cpu)
    return golden.run_node("StyleCrafterPatchModel", model=plain, adapter=golden.adapter)[0]


@pytest.mark.parametrize(
    ("dtype", "cast", "tolerance"),
    [
        (torch.float16, None, 0.01),
        (torch.bfloat16, None, 0.05),
        (torch.float16, torch.float32, 0.01),
        (torch.bfloat16, torch.float32, 0.05),
        (torch.float32, None, 1e-6),
    ],
    ids=["fp16", "bf16", "fp16 weights", "bf16 weights", "fp32"],
)
def test_precisions(
    pack: Any, golden: GoldenVideo, dtype: torch.dtype, cast: torch.dtype | None, tolerance: float
) -> None:
    model = in_precision(pack, golden, dtype, cast)
    assert next(model.model.diffusion_model.parameters()).dtype == dtype
    x, timestep = golden.x(0), golden.timestep(0)
    expected = eps_single(golden.model, golden.styled(0), x, timestep)
    eps = eps_single(model, golden.styled(0), x, timestep)
    assert relative_error(eps, expected) < tolerance
    text = eps_single(golden.model, golden.text(0), x, timestep)
    assert relative_error(text, expected) > 2 * tolerance, "the style is more than the rounding"


@pytest.mark.parametrize(
    ("sampler_name", "scheduler"),
    [
        ("stylecrafter_ddim", "ddim_uniform"),
        ("stylecrafter_ddim", "karras"),
        ("euler_ancestral", "normal"),
        ("heun", "simple"),
        ("dpmpp_2m_sde", "karras"),
        ("ddim", "ddim_uniform"),
        ("uni_pc", "beta"),
        ("lcm", "sgm_uniform"),
    ],
)
def test_samplers_and_schedulers(golden: GoldenVideo, sampler_name: str, scheduler: str) -> None:
    settings = {"sampler_name": sampler_name, "scheduler": scheduler}
    latent = {"samples": torch.zeros(4, 4, 8, 8)}
    out = one_box(golden, latent, **settings)
    assert torch.isfinite(out).all()
    assert torch.equal(out, one_box(golden, latent, **settings))
    assert relative_error(out, one_box(golden, latent, **settings, seed=SEED + 1)) > 1e-3


@pytest.mark.parametrize("sampler_name", ["stylecrafter_ddim", "euler"])
def test_less_denoise_stays_nearer_to_the_latent(golden: GoldenVideo, sampler_name: str) -> None:
    latent = {"samples": noise(4)}
    distances = [
        (one_box(golden, latent, sampler_name=sampler_name, denoise=denoise) - latent["samples"]).norm()
        for denoise in (0.05, 0.5, 1.0)
    ]
    assert distances == sorted(distances)
    assert distances[0] < 0.5 * distances[2]


@pytest.mark.parametrize("sampler_name", ["stylecrafter_ddim", "euler"])
def test_a_noise_mask_keeps_what_it_covers(golden: GoldenVideo, sampler_name: str) -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1.0
    latent = {"samples": noise(4), "noise_mask": mask}
    out = one_box(golden, latent, sampler_name=sampler_name)
    torch.testing.assert_close(out[..., :4], latent["samples"][..., :4], atol=1e-4, rtol=0)
    assert relative_error(out[..., 4:], latent["samples"][..., 4:]) > 1e-2


def test_what_a_latent_carries_is_handed_on(golden: GoldenVideo, run_node: Callable) -> None:
    (out,) = run_node(
        "StyleCrafterSampler",
        model=golden.model,
        positive=golden.styled(0),
        negative=golden.empty(0),
        latent_image={"samples": torch.zeros(4, 4, 8, 8), "frames": 4, "batch_index": [3, 2, 1, 0]},
        seed=SEED,
        steps=1,
        cfg_text=5.0,
        cfg_style=3.0,
        sampler_name="euler",
        scheduler="ddim_uniform",
        denoise=1.0,
    )
    assert (out["frames"], out["batch_index"]) == (4, [3, 2, 1, 0])
    assert out["samples"].dtype == EXPECTED["x"].dtype
