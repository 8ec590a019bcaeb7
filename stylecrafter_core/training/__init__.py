"""Training of style adapters (stage 1) and of temporal blocks (stage 2), headless."""
