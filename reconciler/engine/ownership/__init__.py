"""Ownership markers of a workspace, and the lease that allows one writer at a time."""
