"""The temporal blocks of the video U-Net, in pure torch."""

from .transformer import TemporalTransformer, check_frames

__all__ = ["TemporalTransformer", "check_frames"]
