"""Views: what people are shown, as trees of plain values that every format renders; imports nothing else of `render`."""
