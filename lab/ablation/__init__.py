"""The paper in miniature: each ablation trained by the trainer everybody uses, scored, and written down."""
