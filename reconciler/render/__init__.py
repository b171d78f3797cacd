"""Rendering of values for people and programs, as text, HTML, Markdown, JSON and graphs; no I/O.

Invariant: everything from a file or the registry is text, and no format lets it act. `views` turns values into nested
records of texts and numbers, which every format renders. Imports run one way: `rich_display`, `formats` → `json` → `html`,
`graph`, `markdown` → `text` → `views`. Slow libraries are imported where they are needed, so that help is immediate.
"""
