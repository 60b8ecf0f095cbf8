"""Ways to reach a platform's image directory; a further one is a file here and a line in `configured`."""
