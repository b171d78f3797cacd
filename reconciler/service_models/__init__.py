"""The service models of the installed botocore, each read at most once per process."""
