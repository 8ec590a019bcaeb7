"""Aspect buckets."""

import pytest

from stylecrafter_core.errors import InputError
from stylecrafter_core.training.data.buckets import assign, bucket_sizes, bucket_table
from stylecrafter_core.training.data.manifest import Item

SIZES = bucket_sizes(512 * 512, 64)


def test_the_published_area_in_steps_of_64():
    assert SIZES == ((384, 640), (448, 576), (512, 512), (576, 448), (640, 384))


@pytest.mark.parametrize("area", [256**2, 768**2, 1024**2])
def test_sizes_fill_the_area_both_ways(area):
    sizes = bucket_sizes(area, 64)
    assert all((height, width) in sizes for width, height in sizes)
    for width, height in sizes:
        assert width % 64 == height % 64 == 0
        assert width * height <= area
        assert area < max((width + 64) * height, width * (height + 64))
        assert max(width, height) <= 2 * min(width, height)
    assert list(sizes) == sorted(sizes, key=lambda size: size[0] / size[1])


def test_one_size_when_only_squares_may_be():
    assert bucket_sizes(512 * 512, 64, max_aspect=1) == ((512, 512),)


@pytest.mark.parametrize("arguments", [(1000, 64, 2.0), (512 * 512, 64, 0.5)])
def test_no_size_is_an_error(arguments):
    with pytest.raises(InputError, match="No bucket size fits") as error:
        bucket_sizes(*arguments)
    assert str(arguments[0]) in error.value.found


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (800, 800, (512, 512)),
        (1600, 900, (640, 384)),
        (900, 1600, (384, 640)),
        (100, 10, (640, 384)),
        (4, 3, (576, 448)),
        (1130, 1000, (512, 512)),
        (1140, 1000, (576, 448)),
    ],
)
def test_the_nearest_aspect_is_taken(width, height, expected):
    # Between square and 9:7 the border lies at the square root of 9/7: 1.134.
    assert assign(width, height, SIZES) == expected


def test_the_table_counts_every_item():
    def item(width: int, height: int) -> Item:
        return Item("a", None, 1, "image", width, height, 1, None, "a", "a", "0")

    table = bucket_table([item(100, 100), item(90, 100), item(200, 100)], SIZES)
    assert table == {(384, 640): 0, (448, 576): 0, (512, 512): 2, (576, 448): 0, (640, 384): 1}
