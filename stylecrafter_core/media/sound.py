"""Sound next to the frames: checked, cut to the length of the video, handed to the encoder piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import torch
from av.audio.stream import AudioStream
from av.container import OutputContainer
from torch import Tensor

from ..errors import InputError

CODED_RATE = 48000  # samples per second in the file; Opus knows few others, AAC knows this one
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


@dataclass(frozen=True)
class Sound:
    """waveform: [channels, samples] float32 within -1..1; sample_rate in samples per second."""

    waveform: Tensor
    sample_rate: int


def checked_sound(waveform: Tensor, sample_rate: int) -> Sound:
    """The first sound of a batch [B, C, N] (or one sound [C, N]).

    Raises:
        InputError: naming the input `audio`: wrong dimensions, channels or rate, no samples, or no numbers.
    """
    layout_fits = isinstance(waveform, Tensor) and waveform.ndim in (2, 3) and waveform.shape[-2] in _LAYOUTS
    if not layout_fits or waveform.numel() == 0 or int(sample_rate) <= 0:
        shape = list(waveform.shape) if isinstance(waveform, Tensor) else type(waveform).__name__
        raise InputError(
            "The input `audio` is not a sound that can be written.",
            found=f"waveform {shape} at {sample_rate} Hz",
            expected=f"waveform [batch, channels, samples] with {', '.join(map(str, _LAYOUTS))} channels",
            fix="Connect an AUDIO output, for example of Load Audio, or leave `audio` unconnected.",
        )
    samples = waveform.reshape(-1, *waveform.shape[-2:])[0].to("cpu", torch.float32)
    if not bool(torch.isfinite(samples).all()):
        raise InputError(
            "The input `audio` holds values that are not numbers.",
            found="NaN or infinity",
            expected="numbers from -1 to 1",
            fix="Look at the node that made the sound.",
        )
    return Sound(samples.clamp(-1, 1), int(sample_rate))


class SoundTrack:
    """The sound as a stream of a file that is being written.

    Args:
        container: the file.
        codec: name of the encoder.
        sound: what is heard.
    """

    def __init__(self, container: OutputContainer, codec: str, sound: Sound):
        channels = sound.waveform.shape[0]
        self._layout = _LAYOUTS[channels]
        self._sound = sound
        self._done = 0
        self._stream: AudioStream = container.add_stream(codec, rate=CODED_RATE, layout=self._layout)  # type: ignore[assignment]

    def packets_until(self, seconds: Fraction) -> list[av.Packet]:
        """What is heard up to this time; what lies behind the last asked time is never written."""
        end = min(int(seconds * self._sound.sample_rate), self._sound.waveform.shape[1])
        if end <= self._done:
            return []
        piece = self._sound.waveform[:, self._done : end].contiguous().numpy()
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=self._layout)
        frame.sample_rate = self._sound.sample_rate
        frame.time_base = Fraction(1, self._sound.sample_rate)
        frame.pts = self._done
        self._done = end
        return self._stream.encode(frame)

    def last_packets(self) -> list[av.Packet]:
        """What the encoder still holds."""
        return self._stream.encode(None)
