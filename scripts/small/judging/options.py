"""The options that every command with judges has."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much is sampled, and how the content judge is trained."""
    parser.add_argument("--steps", type=int, help="of the sampler")
    parser.add_argument("--paintings", type=int, help="at most so many")
    parser.add_argument("--prompts", type=int, help="at most so many")
    parser.add_argument("--judge-scenes", type=int, default=4000, help="that the content judge learns from")
    parser.add_argument("--judge-steps", type=int, default=1500, help="for so many steps")
