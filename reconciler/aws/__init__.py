"""The only package that imports boto3 and botocore.

Invariant: sessions, paging, rates, retries, error translation and the service models are here. Nothing here decides which
calls are sent.
"""
