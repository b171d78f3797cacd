"""The journal: a SQLite store of every run, and its history."""
