"""Matroska files with a check sum per cluster: whole, damaged, cut, without."""

import io

import pytest
from media_files import film, put

from stylecrafter_core.training.data import reasons
from stylecrafter_core.training.data.check_sums import wrong_check_sum
from stylecrafter_core.training.data.measure import Facts, Request, measure

CLUSTER = bytes.fromhex("1f43b675")


def matroska() -> bytes:
    """Seven seconds: a new cluster begins at a key frame after five."""
    return film(70, format="matroska", codec="mpeg4", options={"g": "9"})


def starts_of_clusters(data: bytes) -> list[int]:
    return [place for place in range(len(data)) if data.startswith(CLUSTER, place)]


@pytest.mark.parametrize("format", ["matroska", "webm", "mp4", "avi"])
def test_whole_files_pass(format):
    codec = "libvpx-vp9" if format == "webm" else "mpeg4"
    assert wrong_check_sum(io.BytesIO(film(30, format=format, codec=codec))) is None


def test_a_changed_byte_of_any_cluster_is_found():
    data = matroska()
    first, second = starts_of_clusters(data)
    behind_heads = [*range(first + 20, second, 61), *range(second + 20, second + 300, 61)]
    for place in behind_heads:
        damaged = bytearray(data)
        damaged[place] ^= 1
        wrong = wrong_check_sum(io.BytesIO(damaged))
        assert wrong is not None, place
        assert (first if place < second else second) < wrong <= place


@pytest.mark.parametrize("cut", [0, 3, 30, 300])
def test_a_file_that_ends_early_is_no_wrong_sum(cut):
    assert wrong_check_sum(io.BytesIO(matroska()[:cut])) is None


def test_prepare_names_the_place(tmp_path):
    data = bytearray(matroska())
    start = starts_of_clusters(data)[1]
    data[start + 100] ^= 255
    path = put(tmp_path, "a.mkv", bytes(data))
    problem = measure(Request(path, None, len(data), "video"))
    assert problem.kind == reasons.DAMAGED
    assert any(f"byte {start + length} " in problem.text for length in range(5, 13))
    path.write_bytes(matroska())
    assert isinstance(measure(Request(path, None, len(data), "video")), Facts)
