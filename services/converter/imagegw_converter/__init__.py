"""Turns layers into one image file."""
