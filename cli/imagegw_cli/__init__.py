"""The `imagegw` command."""
