"""The change feed: who changed which resources of the account, as CloudTrail recorded it."""
