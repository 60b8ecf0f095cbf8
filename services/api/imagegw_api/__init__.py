"""The HTTP endpoint and the keeper."""
