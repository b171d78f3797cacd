"""JSON for programs: plans, drift, runs and events, with their schemas.

Each format is defined by value classes, from which both the JSON and its schema are derived. A class's name appears in no
output, but its members' names do; renaming a member requires a new version of the format.
"""
