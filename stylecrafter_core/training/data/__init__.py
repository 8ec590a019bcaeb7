"""What is trained on: sources, the manifest, decoding, crops and buckets."""
