"""What newer hosts ask of a node, with the values in the API forms; an older host leaves it aside.

The page fills them in by itself.
"""

ADDED_INPUTS = {
    "ContextWindowsManual": {
        "freenoise": False,
        "cond_retain_index_list": "",
        "split_conds_to_windows": False,
        "latent_retain_index_list": "",
        "causal_window_fix": False,
    }
}
