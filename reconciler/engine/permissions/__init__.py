"""The AWS permissions that a file needs, and a probe of the ones the caller has."""
