"""Bytes of pictures to RGB."""

import io

import numpy as np
import pytest
import torch
from media_files import cmyk_jpeg, encoded, jpeg, pixels, target_picture, turned_jpeg
from PIL import Image

from stylecrafter_core.errors import MediaError
from stylecrafter_core.training.data.pictures import read_picture
from stylecrafter_core.training.data.samples import decode_picture


def test_a_png_comes_back_as_it_was():
    picture = decode_picture(encoded(pixels(), "PNG"))
    assert picture.dtype == torch.uint8
    assert np.array_equal(picture.numpy(), pixels())


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (3, np.rot90(pixels(), 2)),
        (6, np.rot90(pixels(), -1)),
        (8, np.rot90(pixels())),
        (2, pixels()[:, ::-1]),
    ],
)
def test_exif_orientation_is_applied(orientation, expected):
    picture = read_picture(turned_jpeg(0, orientation))
    assert picture.turned
    assert picture.pixels.shape == expected.shape
    assert np.abs(picture.pixels.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("orientation", [1, 0, 9])
def test_upright_and_meaningless_orientations_change_nothing(orientation):
    picture = read_picture(turned_jpeg(0, orientation))
    assert not picture.turned
    assert picture.pixels.shape == (40, 60, 3)


def test_cmyk_becomes_rgb():
    picture = read_picture(cmyk_jpeg(0))
    assert picture.cmyk
    assert np.abs(picture.pixels.astype(int) - pixels()).mean() < 6


def test_transparency_lies_over_white():
    rgba = np.dstack([pixels(), np.full((40, 60), 255, np.uint8)])
    rgba[:20, :, 3], rgba[20:, :30, 3] = 0, 51
    picture = read_picture(encoded(rgba, "PNG"))
    assert picture.alpha
    assert (picture.pixels[:20] == 255).all()
    assert np.array_equal(picture.pixels[20:, 30:], pixels()[20:, 30:])
    blended = pixels()[20:, :30] * 0.2 + 255 * 0.8
    assert np.abs(picture.pixels[20:, :30] - blended).max() <= 1


def test_a_transparent_palette_lies_over_white():
    palette = Image.fromarray(pixels()).quantize(8)
    picture = read_picture(encoded(palette, "PNG", transparency=palette.getpixel((0, 0))))
    assert picture.alpha
    assert (picture.pixels[0, 0] == 255).all()


def test_sixteen_bit_grey_keeps_its_shades():
    shades = np.linspace(0, 65535, 600).reshape(20, 30).astype(np.uint16)
    picture = read_picture(encoded(Image.fromarray(shades), "PNG"))
    assert np.array_equal(picture.pixels, np.repeat(np.rint(shades / 257)[..., None], 3, axis=-1))


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA"])
def test_other_modes_become_rgb(mode):
    assert decode_picture(encoded(Image.fromarray(pixels()).convert(mode), "PNG")).shape == (40, 60, 3)


def animation() -> bytes:
    frames = [Image.fromarray(pixels(seed)) for seed in range(3)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


FLOATING = encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF")
BAD = {
    "zero bytes": (b"", "zero bytes"),
    "text": (b"not a picture", "no picture format that is known"),
    "cut jpeg": (jpeg()[:-50], "truncated"),
    "jpeg without its end": (jpeg()[:-1], "truncated"),
    "cut png": (encoded(pixels(), "PNG")[:-700], "truncated"),
    "png without its end": (encoded(pixels(), "PNG")[:-5], "truncated"),
    "head only": (jpeg()[:30], ""),
    "animation": (animation(), "several frames"),
    "floating point": (FLOATING, "floating-point"),
}


@pytest.mark.parametrize(("data", "found"), BAD.values(), ids=BAD)
def test_what_cannot_be_decoded_says_why(data, found):
    with pytest.raises(MediaError, match=r"The picture cannot be decoded") as error:
        decode_picture(data)
    assert found in error.value.found
    assert error.value.found
    assert error.value.fix


def test_a_damaged_png_is_found_by_its_checks():
    data = bytearray(encoded(pixels(height=200, width=200), "PNG"))
    middle = len(data) // 2
    data[middle : middle + 20] = bytes(20)
    with pytest.raises(MediaError):
        decode_picture(bytes(data))


def large_jpeg(orientation: int = 1) -> bytes:
    """1600×1200, smooth, as stored; EXIF may turn it."""
    rows, columns = np.mgrid[:1200, :1600]
    waves = [np.sin(rows / 90 + phase) * np.cos(columns / 130) for phase in (0, 1, 2)]
    picture = Image.fromarray((np.stack(waves, axis=-1) * 100 + 128).astype(np.uint8))
    exif, stream = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    picture.save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("orientation", "at_least", "size"),
    [
        (1, (400, 300), (400, 300)),
        (1, (401, 300), (800, 600)),
        (1, (300, 400), (800, 600)),
        (6, (300, 400), (300, 400)),
        (6, (400, 400), (600, 800)),
        (1, (1601, 10), (1600, 1200)),
        (1, None, (1600, 1200)),
    ],
)
def test_a_large_jpeg_is_decoded_no_larger_than_needed(orientation, at_least, size):
    found = decode_picture(large_jpeg(orientation), at_least)
    assert (found.shape[1], found.shape[0]) == size


def test_a_jpeg_decoded_small_looks_like_the_whole_one():
    whole = target_picture(decode_picture(large_jpeg()), 200, 150)
    small = target_picture(decode_picture(large_jpeg(), (200, 150)), 200, 150)
    assert (whole - small).abs().mean() < 0.005
    assert (whole - small).abs().max() < 0.05
