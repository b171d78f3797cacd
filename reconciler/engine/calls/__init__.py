"""Send one call until it is answered, and write the files that responses fill."""
