"""Values prepared for people: each view is a tree of plain values that every format renders."""
