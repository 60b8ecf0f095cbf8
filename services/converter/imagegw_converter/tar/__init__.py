"""A tar reader for layers, headers only, and a tar writer for the squashfs tools."""
