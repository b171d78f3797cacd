"""One AWS noun per file: its tables and its operations.

The tables are `SCHEMA`, a tuple of DDL steps that only grows.

Invariant: an operation is a function of a context and of parameters that the wire layer has parsed and validated; it
returns the output's members or raises `ApiError`. Code that belongs to another noun is imported from that noun's file. A new
noun is one new file: the catalog discovers it.
"""
