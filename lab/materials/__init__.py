"""Small networks, pictures and clips that the tiny configs train on, made on the spot."""
