"""What every kind is built from: the `Kind` class, its fields, tags, references and reads. Imports no kind."""
