"""Views as HTML, for notebooks and exported pages; imports `views` and `text` only."""
