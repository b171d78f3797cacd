"""Broken desired states, each with the whole report that it deserves."""

from tests.engine.loading.broken import (
    certificates,
    fields,
    files,
    fleets,
    limits,
    manifests,
    provisioned,
    toml,
    transitions,
    workspace,
)

CASES = (
    *toml.CASES,
    *workspace.CASES,
    *fields.CASES,
    *files.CASES,
    *certificates.CASES,
    *limits.CASES,
    *manifests.CASES,
    *provisioned.CASES,
    *fleets.CASES,
    *transitions.CASES,
)
