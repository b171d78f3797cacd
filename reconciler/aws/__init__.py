"""The only package that imports boto3 and botocore.

Sessions, paging, rates, retries, error translation and the service models are here. Invariant: nothing here decides which
calls a plan sends.
"""
