"""The keeper: one elected process that brings along what has stopped moving."""
