"""The paper's measures and comparisons: results of a test set, numbers, pages; evaluate.py is its command."""
