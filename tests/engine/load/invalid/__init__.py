"""Invalid desired states, each with its whole report."""

from tests.engine.load.invalid import (
    certificates,
    fields,
    files,
    for_each,
    limits,
    manifests,
    moved_removed,
    provisioned,
    toml,
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
    *for_each.CASES,
    *moved_removed.CASES,
)
