"""What every kind is built from: the `Kind` class, fields, tags, references, reads. Imports no kind."""
