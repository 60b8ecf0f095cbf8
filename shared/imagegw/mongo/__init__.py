"""The database: one guarded update, one small repository per collection."""
