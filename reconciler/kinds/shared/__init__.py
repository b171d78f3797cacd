"""Helpers that several kinds share: certificates, groups, provisioning. Imports no kind."""
