"""One AWS noun per file: its tables (`SCHEMA`, a tuple of DDL steps that only grows) and its operations.

Law: an operation is a function of a context and of parameters that the wire layer has parsed and validated; it gives
the output's members or raises `ApiError`. What one noun needs of another it imports from that noun's file. A new noun is
a new file here and nothing else: the catalog finds it.
"""
