"""What is done with a weight file as a whole: described in words, and written in another format."""
