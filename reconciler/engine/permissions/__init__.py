"""The AWS permissions that a desired state needs, and a check of which kinds the caller may read."""
