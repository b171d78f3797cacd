"""The embedded registry, tested through real boto3 clients and against botocore's own protocol code."""
