"""How good the small family is, by judges that had no part in making its data or in training it.

P held-out paintings × K prompts of scenes that nothing was trained on; N = P · K results, the
paintings outermost.
"""
