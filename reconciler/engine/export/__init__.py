"""Write live resources as desired-state tables and files."""
