"""The journal: a SQLite database of every run, and the history in it."""
