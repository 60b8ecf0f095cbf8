"""`imagegw up` and its parts, with real servers."""
