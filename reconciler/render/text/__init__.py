"""Views as text for a terminal, a pipe or a CI log; imports `views` only."""
