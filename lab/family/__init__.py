"""The small family: weights of our own that lie in the repository, and everything that makes them again."""
