"""The paths, and what each answers."""
