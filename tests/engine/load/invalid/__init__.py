"""Broken desired states, each with the whole report that it deserves."""

from tests.engine.load.invalid import (
    certificates,
    fields,
    files,
    limits,
    manifests,
    provisioned,
    toml,
    workspace,
)
from tests.engine.load.invalid import for_each as fleets
from tests.engine.load.invalid import moved_removed as transitions

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
