"""The protocol between pulls, artifacts and images: what is written in which order, over any database."""
