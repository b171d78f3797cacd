"""Desired state for AWS IoT: the names of the public Python API.

Each name is imported when it is first used, so that `import reconciler` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.model.address import Address
    from reconciler.model.errors import (
        AwsError,
        InvalidDesiredStateError,
        JournalError,
        LeaseLostError,
        LockedError,
        MissingExtraError,
        MissingSecretError,
        NoConnectionError,
        PlanRejectedError,
        ReconcilerError,
        SelectionError,
        ServiceUnavailableError,
        StaleError,
        TargetError,
        UnknownOutcomeError,
        UnknownValueError,
        WaitError,
    )
    from reconciler.model.outcome import Result
    from reconciler.model.plan import Plan
    from reconciler.rollout import Rollout
    from reconciler.workspace import Workspace

    __version__: str

__all__ = [
    "Address",
    "AwsError",
    "InvalidDesiredStateError",
    "JournalError",
    "LeaseLostError",
    "LockedError",
    "MissingExtraError",
    "MissingSecretError",
    "NoConnectionError",
    "Plan",
    "PlanRejectedError",
    "ReconcilerError",
    "Result",
    "Rollout",
    "SelectionError",
    "ServiceUnavailableError",
    "StaleError",
    "TargetError",
    "UnknownOutcomeError",
    "UnknownValueError",
    "WaitError",
    "Workspace",
    "__version__",
]

_MODULES = {
    "Address": "model.address",
    "Plan": "model.plan",
    "Result": "model.outcome",
    "Rollout": "rollout",
    "Workspace": "workspace",
}
"""Public name → the module that defines it; the others, except `__version__`, are exceptions in `model.errors`."""


def load_ipython_extension(shell: Any) -> None:
    """Register the `%reconcile` magic; IPython calls this on `%load_ext reconciler`."""
    from reconciler.model.distribution import require_extra
    from reconciler.workspace import Workspace

    with require_extra("%load_ext reconciler"):
        from reconciler.notebook.extension import load
    load(shell, Workspace)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from reconciler.model.distribution import get_version

        return get_version()
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'model.errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
