"""The options that every command with judges has."""

from __future__ import annotations

import argparse

from command_line import at_least


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much is sampled, and how the content judge is trained."""
    parser.add_argument("--steps", type=at_least(1), help="of the sampler")
    parser.add_argument("--paintings", type=at_least(1), help="at most so many of those that a measure takes")
    parser.add_argument("--prompts", type=at_least(1), help="the same")
    parser.add_argument(
        "--judge-scenes", type=at_least(1), default=4000, help="that the content judge learns from"
    )
    parser.add_argument("--judge-steps", type=at_least(1), default=1500, help="number of steps")
