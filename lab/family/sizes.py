"""Sizes that data, networks and measures of the small family share."""

FRAMES = 8  # of a training clip
FRAME_RATE = 8  # frames per second
