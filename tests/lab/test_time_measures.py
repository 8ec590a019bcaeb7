"""Flow, warp error and motion on clips whose motion is known."""

import math
import sys

import pytest
import torch
from torch.nn import functional as F

from lab.measures import (
    Flows,
    clip_flows,
    temporal_cosine,
    time_measures,
    warp_error,
)
from lab.measures.time_measures import contrast
from stylecrafter_core.errors import InputError

DIS = "opencv_dis_medium"
RIGHT, DOWN = 3, 2


def texture(side=160, seed=0):
    """Smooth coloured noise, [side, side, 3] in 0..1: what flow can follow everywhere."""
    coarse = torch.rand(1, 3, side // 8, side // 8, generator=torch.Generator().manual_seed(seed))
    fine = F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)
    return fine[0].movedim(0, -1).clamp(0, 1)


def panning(frames=4, side=128):
    """What is shown moves by (3, 2) pixels a frame to the right and down."""
    whole = texture()
    starts = [(DOWN * (frames - 1 - t), RIGHT * (frames - 1 - t)) for t in range(frames)]
    return torch.stack([whole[top : top + side, left : left + side] for top, left in starts])


def constant_flow(frames_thwc, x, y, backend="known"):
    pairs, height, width = len(frames_thwc) - 1, *frames_thwc.shape[1:3]
    forward = torch.tensor([x, y]).float().view(1, 2, 1, 1).expand(pairs, 2, height, width)
    return Flows(backend, forward, -forward)


def test_flow_finds_a_known_displacement():
    flows = clip_flows(panning(), DIS)
    inner = (slice(None), slice(None), slice(16, -16), slice(16, -16))
    expected = torch.tensor([RIGHT, DOWN]).float().view(1, 2, 1, 1)
    assert (flows.forward[inner] - expected).norm(dim=1).mean() < 0.15
    assert (flows.backward[inner] + expected).norm(dim=1).mean() < 0.15


def test_flow_is_as_exact_on_a_smooth_warp_as_the_name_promises():
    side, texture_hwc = 128, texture(128)
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    bend_x, bend_y = 4 * torch.sin(rows / 20), 3 * torch.cos(columns / 25)
    # The earlier frame shows at p what the later one has at p + bend.
    grid = torch.stack([2 * (columns + bend_x) / (side - 1) - 1, 2 * (rows + bend_y) / (side - 1) - 1], -1)
    earlier = F.grid_sample(
        texture_hwc.movedim(-1, 0)[None], grid[None], padding_mode="reflection", align_corners=True
    )
    clip = torch.stack([earlier[0].movedim(0, -1), texture_hwc]).clamp(0, 1)
    found = clip_flows(clip, DIS).forward[0, :, 12:-12, 12:-12]
    expected = torch.stack([bend_x, bend_y])[:, 12:-12, 12:-12]
    assert expected.norm(dim=0).mean() > 2.5
    assert (found - expected).norm(dim=0).mean() < 0.35


def test_a_pan_has_its_motion_and_hardly_any_warp_error():
    clip = panning()
    found = time_measures(clip)
    speed = math.hypot(RIGHT, DOWN)
    assert found[f"flow_magnitude_pixels.{DIS}"] == pytest.approx(speed, rel=0.05)
    assert found[f"flow_magnitude_percent.{DIS}"] == pytest.approx(100 * speed / 128, rel=0.05)
    unmoved = warp_error(clip, constant_flow(clip, 0, 0))["warp_error.known"]
    assert found[f"warp_error.{DIS}"] < 0.1 * unmoved
    assert found[f"warp_error_masked.{DIS}"] <= found[f"warp_error.{DIS}"]
    assert 0.85 < found[f"warp_error_masked_share.{DIS}"] <= 1


def test_a_frozen_clip_has_no_motion_and_no_error_but_its_contrast():
    found = time_measures(texture(64).expand(3, 64, 64, 3))
    assert found.pop("contrast") > 50
    expected = dict.fromkeys(found, 0.0) | {f"warp_error_masked_share.{DIS}": 1.0}
    assert found == pytest.approx(expected, abs=1e-9)


def test_flicker_raises_the_warp_error_and_not_the_motion():
    clip = panning()
    flicker = torch.tensor([0.0, 0.1, 0.0, 0.1]).view(4, 1, 1, 1)
    steady, flickering = time_measures(clip), time_measures((clip * 0.9 + flicker).clamp(0, 1))
    assert flickering[f"warp_error.{DIS}"] > 10 * steady[f"warp_error.{DIS}"]
    motion = f"flow_magnitude_pixels.{DIS}"
    assert flickering[motion] == pytest.approx(steady[motion], rel=0.1)


def test_the_error_is_summed_over_channels_and_times_a_thousand():
    clip = torch.zeros(3, 40, 50, 3)
    clip[1] = torch.tensor([0.1, 0.2, 0.3])
    # Pair 0 and pair 1 both differ by (0.1, 0.2, 0.3): 0.01 + 0.04 + 0.09.
    found = warp_error(clip, constant_flow(clip, 0, 0))
    assert found["warp_error.known"] == pytest.approx(140, rel=1e-5)


def test_the_flow_points_forward_and_only_pixels_that_stay_inside_count():
    clip = panning(frames=2)
    found = warp_error(clip, constant_flow(clip, RIGHT, DOWN))
    assert found["warp_error.known"] == pytest.approx(0, abs=1e-6)
    share = (128 - RIGHT) * (128 - DOWN) / 128**2
    assert found["warp_error_masked_share.known"] == pytest.approx(share)
    assert warp_error(clip, constant_flow(clip, -RIGHT, -DOWN))["warp_error.known"] > 1


def test_pixels_whose_flows_contradict_are_left_out_of_the_masked_error():
    clip = torch.zeros(2, 40, 40, 3)
    clip[1, :, 20:] = 1.0
    flows = constant_flow(clip, 0, 0)
    flows.backward[:, 0, :, 20:] = 5.0
    found = warp_error(clip, Flows("known", flows.forward, flows.backward))
    assert found["warp_error.known"] == pytest.approx(1500)
    assert found["warp_error_masked.known"] == 0.0
    assert found["warp_error_masked_share.known"] == 0.5


def test_no_valid_pixel_gives_no_number():
    clip = torch.zeros(2, 40, 40, 3)
    found = warp_error(clip, constant_flow(clip, 100, 0))
    assert math.isnan(found["warp_error.known"])
    assert found["warp_error_masked_share.known"] == 0.0


def test_contrast_is_the_variance_of_each_frames_pixels():
    black_and_white = (torch.arange(64) % 2).float().view(1, 8, 8, 1).expand(2, 8, 8, 3).clone()
    assert contrast(black_and_white) == pytest.approx(750)
    grey = torch.stack([torch.full((8, 8, 3), value) for value in (0.2, 0.9)])
    assert contrast(grey) == pytest.approx(0, abs=1e-6), "between frames nothing counts"


def test_half_the_differences_have_a_quarter_of_contrast_and_warp_error():
    clip = panning()
    still = constant_flow(clip, 0, 0)
    whole, half = (
        (contrast(frames), warp_error(frames, still)["warp_error.known"]) for frames in (clip, clip / 2)
    )
    assert half == pytest.approx([value / 4 for value in whole])


def test_temporal_cosine_of_known_vectors():
    features = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, -3.0]])
    assert temporal_cosine(features) == pytest.approx(-0.5)
    assert temporal_cosine(torch.ones(2, 5)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        (torch.zeros(2, 40, 40, 4), r"\[2, 40, 40, 4\]"),
        (torch.zeros(2, 40, 40, 3, dtype=torch.uint8), "torch.uint8"),
        (torch.zeros(1, 40, 40, 3), "1 frames"),
        (torch.full((2, 40, 40, 3), math.nan), "NaN"),
        (torch.full((2, 40, 40, 3), 255.0), "255"),
        (torch.zeros(2, 20, 40, 3), "40 × 20 pixels"),
    ],
)
def test_bad_clips_are_refused(clip, words):
    with pytest.raises(InputError, match=words):
        time_measures(clip)


def test_an_unknown_backend_is_named_beside_the_known():
    with pytest.raises(InputError, match=r"'raft'[\s\S]*opencv_dis_medium"):
        time_measures(torch.zeros(2, 40, 40, 3), "raft")


def test_a_flow_of_another_clip_is_refused():
    clip = torch.zeros(3, 40, 40, 3)
    with pytest.raises(InputError, match=r"\[1, 2, 40, 40\][\s\S]*\[2, 2, 40, 40\]"):
        warp_error(clip, constant_flow(clip[:2], 0, 0))


def test_features_of_one_frame_are_refused():
    with pytest.raises(InputError, match=r"\[1, 5\]"):
        temporal_cosine(torch.ones(1, 5))


def test_missing_opencv_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        InputError, match="backend opencv_dis_medium needs the package opencv-python-headless"
    ):
        time_measures(torch.zeros(2, 40, 40, 3))
