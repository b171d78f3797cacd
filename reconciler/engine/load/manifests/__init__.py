"""Manifests: the rows of `for_each`, from files, databases, objects in S3, tables or arrays.

Invariant: rows are read one after another; limits bound their number and their size, in all manifests together; nothing in a
manifest is executed except one query that can only read its own database.

- `reader`: the forms of `for_each`, and which reader each needs
- `builder`, `row_values`: what has been read, the limits, and the texts of values that are not text
- `csv_rows`, `json_rows`, `sqlite_rows`, `parquet_rows`, `table_rows`: one reader for each format
"""
