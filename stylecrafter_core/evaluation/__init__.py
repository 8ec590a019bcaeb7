"""What can be measured about styles and results, and how it is shown."""

from .gain_chart import draw_gains, gain_table

__all__ = ["draw_gains", "gain_table"]
