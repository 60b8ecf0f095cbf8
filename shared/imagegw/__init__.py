"""What every service of the image gateway knows, and the one loop that they run."""
