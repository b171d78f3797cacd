"""What machines read: the JSON that plans, drifts and runs are written as, and its schemas.

Each is a value class, from which both the JSON and its schema follow. A class's name is in no output; its members' names are,
and changing one is a new version of the format.
"""
