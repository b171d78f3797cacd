"""The one place that knows boto3 and botocore.

Law: sessions, paging, rates, retries, error translation and the service models live here. Nothing in here decides what
should be sent; no other package of ours imports boto3 or botocore.
"""
