"""Fetches images from registries into the store."""
