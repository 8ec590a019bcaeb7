"""Whole jobs at full size on a graphics card that is not there."""
