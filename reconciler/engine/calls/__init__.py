"""Send one call, repeat it while needed, and write members of its response to files."""
