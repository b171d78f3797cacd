"""What people touch: the Python API, the command line, and one renderer for all of them.

Law: faces decide nothing about AWS. What they show is first turned into a view, a tree of plain values (`view`), and every
format walks that one tree; rendering does no I/O beyond writing its output. Everything that came from a file or the
registry is text: no format lets it act. Slow libraries are imported where they are needed, so that help is immediate.
"""
