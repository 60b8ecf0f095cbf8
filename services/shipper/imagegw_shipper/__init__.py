"""Brings image files to platforms."""
