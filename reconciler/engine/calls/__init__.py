"""Send one call until AWS responds, and write members of responses to files."""
