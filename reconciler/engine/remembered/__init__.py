"""Remembered edges: the principals of each thing as an earlier run read them.

An edge is the attachment of a certificate or another principal to a thing. AWS lists the edges of one thing a call, at 20 calls a
second, while everything else comes in pages of 250. So `read = "changed"` reads only the edges that may have changed.

Invariant: no write rests on memory. A plan reads the edges of every thing that its changes concern, and every step reads its resource
again before it writes.
"""
