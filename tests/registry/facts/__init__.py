"""The facts that AWS documents and clients rely on, in one numbered test each, over HTTP with boto3."""
