"""Summaries of all environments, which the load of each of them is checked against.

A rollout loads all environments of a file one by one, and each load needs the summaries of all. They are remembered, so that 1,000
environments are not resolved 1,000 times.

Invariant: a remembered summary is the one that resolving the environment again would give. Only the latest summaries are kept, and none
of a file with `include`, whose files can change on their own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from reconciler.engine.load.environment_loader import EnvironmentLoader, LoadedSettings
from reconciler.frozen_classes import frozen
from reconciler.model.target_identity import identify


@frozen
class EnvironmentSummary:
    """The facts about one environment that others are checked against.

    - `identity`: of its workspace, see `identify`; None if its settings have problems;
    - `used_names`: the names in braces that its settings contain;
    - `included_paths`: the files that it includes.
    """

    identity: tuple[str, ...] | None
    used_names: frozenset[str]
    included_paths: tuple[Path, ...]


def summarize_environment(loaded: LoadedSettings, environ: Mapping[str, str]) -> EnvironmentSummary:
    """Return the summary of an environment whose settings are loaded."""
    resolved = loaded.resolved
    identity = None if resolved.problems else identify(resolved.environment.settings, environ)
    return EnvironmentSummary(identity, frozenset(resolved.placeholders.used), loaded.files.included_paths)


def summarize_environments(
    loader: EnvironmentLoader, environ: Mapping[str, str]
) -> Mapping[str, EnvironmentSummary]:
    """Return the summaries of all environments by name, if possible the remembered ones."""
    return _MEMORY.get(loader, environ)


class _Memory:
    """The latest summaries; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digest = ""
        self._summaries: Mapping[str, EnvironmentSummary] = {}

    def get(self, loader: EnvironmentLoader, environ: Mapping[str, str]) -> Mapping[str, EnvironmentSummary]:
        if loader.has_include:
            return _summarize_all(loader, environ)
        digest = loader.compute_settings_digest()
        with self._lock:  # the threads of a rollout wait for the first one, instead of repeating its work
            if digest != self._digest:
                self._summaries, self._digest = _summarize_all(loader, environ), digest
            return self._summaries


_MEMORY = _Memory()


def _summarize_all(loader: EnvironmentLoader, environ: Mapping[str, str]) -> Mapping[str, EnvironmentSummary]:
    return {name: summarize_environment(loader.load(name), environ) for name in loader.environments}
