"""Small pictures, films and tars on the disk, good ones and bad ones."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image
from torch import Tensor

from stylecrafter_core.training.data.crops import target_clip


def target_picture(pixels_HWC: Tensor, width: int, height: int) -> Tensor:
    """The target of one picture: [3, height, width]."""
    return target_clip(pixels_HWC[None], width, height)[0]


def pixels(seed: int = 0, height: int = 40, width: int = 60) -> np.ndarray:
    """A soft picture, another one for each seed: [H, W, 3] uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encoded(picture: Image.Image | np.ndarray, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def jpeg(seed: int = 0, **options: object) -> bytes:
    return encoded(pixels(seed), "JPEG", **options)


def turned_jpeg(seed: int, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return jpeg(seed, exif=exif)


def cmyk_jpeg(seed: int) -> bytes:
    return encoded(Image.fromarray(pixels(seed)).convert("CMYK"), "JPEG")


def rgba_png(seed: int) -> bytes:
    return encoded(Image.fromarray(pixels(seed)).convert("RGBA"), "PNG")


def put(folder: Path, name: str, data: bytes, caption: str | None = "a dog on a hill") -> Path:
    """A file and, unless it is None, its caption beside it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if caption is not None:
        path.with_suffix(".txt").write_text(caption, encoding="utf-8")
    return path


def film_frames(num_frames: int, seed: int = 0) -> list[np.ndarray]:
    """[64, 96, 3] each; a bright bar moves, and the top rows count."""
    frames = []
    for number in range(num_frames):
        frame = pixels(seed, 64, 96) // 3
        frame[10:50, number * 3 % 80 : number * 3 % 80 + 14] = 200
        frame[:8] = number * 4 % 256
        frames.append(frame)
    return frames


def film(
    num_frames: int = 20,
    *,
    seed: int = 0,
    format: str = "mp4",
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    times: Sequence[int] | None = None,
    rate: int = 10,
) -> bytes:
    """A video; frame i is shown at times[i] / rate seconds (i / rate without times)."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format) as output:
        stream = output.add_stream(codec, rate=rate, options=dict(options or {}))
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number, rgb in enumerate(film_frames(num_frames, seed)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts = times[number] if times else number
            frame.time_base = Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def tar(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            add(archive, name, data)
    return path


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))
