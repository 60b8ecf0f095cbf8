"""`make demo`: a real image through the whole pipeline on this machine, and proof that it arrived whole."""
