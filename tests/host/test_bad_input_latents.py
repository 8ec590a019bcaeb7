"""Latents whose frames are no whole videos: what is said, and what to do."""

from __future__ import annotations

import pytest
import torch
from golden_video import GoldenVideo
from jobs import dual_guider, noise, one_box, run
from neighbours import with_context_windows
from refused import refused


def test_frames_that_do_not_divide(golden: GoldenVideo) -> None:
    (model,) = golden.run_node("StyleCrafterSetVideoLength", model=golden.model, frames=4)
    with refused(
        "InputError",
        what="do not divide into whole videos",
        found="7 latent frames at a length of 4 frames",
        expected="a multiple of 4",
        fix="make the latent as an empty video latent, or set the video length",
    ):
        run(dual_guider(golden, model=model), noise(7))


def test_a_latent_of_videos_that_was_cut(golden: GoldenVideo) -> None:
    """Two videos of 4 frames, and the host's LatentFromBatch took 7 of the 8."""
    (two,) = golden.run_node("StyleCrafterEmptyVideoLatent", width=64, height=64, frames=4, batch_size=2)
    (cut,) = golden.run_node("LatentFromBatch", samples=two, batch_index=0, length=7)
    with refused(
        "InputError",
        what="The latent no longer holds whole videos; it was cut",
        found="7 latent frames, made as videos of 4 frames",
        expected="a multiple of 4, or at most 4",
        fix="set the video length on the model, before the sampler",
    ):
        one_box(golden, cut)


def test_context_windows_over_several_videos(golden: GoldenVideo) -> None:
    windows = with_context_windows(golden.run_node)(golden.model)
    (latent,) = golden.run_node("StyleCrafterEmptyVideoLatent", width=64, height=64, frames=4, batch_size=2)
    with refused(
        "InputError",
        what="Context windows cannot slide over several videos in one latent",
        found="8 latent frames in videos of 4, and windows of 2",
        expected="one video in the latent, or no context windows",
        fix="sample the videos one by one",
    ):
        one_box(golden, latent, model=windows)


def test_a_video_of_no_frames(golden: GoldenVideo) -> None:
    with refused(
        "InputError",
        what="cannot have this number of frames",
        found="frames 0",
        expected="1 or more",
        fix="set frames",
    ):
        golden.run_node("StyleCrafterSetVideoLength", model=golden.model, frames=0)


@pytest.mark.parametrize(
    ("latent", "found"),
    [
        ({}, "NoneType for samples"),
        ({"samples": torch.zeros(0, 4, 8, 8)}, "shape [0, 4, 8, 8], float32"),
        ({"samples": torch.zeros(4, 4, 0, 8)}, "shape [4, 4, 0, 8], float32"),
        ({"samples": torch.zeros(4, 4, 8, 8, dtype=torch.int32)}, "shape [4, 4, 8, 8], int32"),
    ],
)
def test_a_latent_of_nothing(golden: GoldenVideo, latent: dict, found: str) -> None:
    with refused(
        "InputError",
        what="The latent holds nothing to sample",
        found=found,
        expected="one value or more, as floating-point numbers",
        fix="connect a latent image or video",
    ):
        one_box(golden, latent)


@pytest.mark.parametrize("numbers", [[], [0, 1, 2]])
def test_noise_numbers_of_another_count_than_the_rows(golden: GoldenVideo, numbers: list[int]) -> None:
    with refused(
        "InputError",
        what="`batch_index` does not belong to its rows",
        found=f"{len(numbers)} numbers for 4 rows",
        expected="one number for each row",
        fix="check the node before the sampler",
    ):
        one_box(golden, {"samples": torch.zeros(4, 4, 8, 8), "batch_index": numbers})
