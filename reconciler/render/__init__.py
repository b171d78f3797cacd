"""Rendering of values for people and programs, as text, HTML, Markdown, JSON and graphs; no I/O.

Invariant: everything from a file or the registry is shown as text; no format executes or interprets it. `views` turns values
into nested records of texts and numbers, which every format renders. A module imports only modules further right in
`rich_display`, `formats` → `json` → `html`, `graph`, `markdown` → `text` → `views`. Slow libraries are imported where they are
needed, so that `--help` starts fast.
"""
