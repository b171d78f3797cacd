"""What keeps README.md true: its tables, its shown commands and its pictures are made from the code.

`python -m tests.docs.generate` writes them anew; the tests fail where the README says something else.
"""
