"""What can be measured about styles and results, and how it is shown.

Every measure takes pictures and gives named floats or one number for each; nothing here trains or loads the
method itself. Networks of other people and OpenCV are imported when a measure that needs them is used.
"""

from .content_classifier import ContentClassifier, load_classifier, save_classifier, train_classifier
from .curve_chart import draw_curves
from .intervals import Estimate, estimate, paired_difference, paired_ratio
from .sheet import labelled_sheet
from .style_numbers import (
    StyleJudge,
    cosine_distances,
    nearest_of,
    retrieval_ranks,
)
from .table import markdown_table, with_interval

__all__ = [
    "ContentClassifier",
    "Estimate",
    "StyleJudge",
    "cosine_distances",
    "draw_curves",
    "estimate",
    "labelled_sheet",
    "load_classifier",
    "markdown_table",
    "nearest_of",
    "paired_difference",
    "paired_ratio",
    "retrieval_ranks",
    "save_classifier",
    "train_classifier",
    "with_interval",
]
