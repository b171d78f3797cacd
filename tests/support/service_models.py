"""botocore's service models, parsed once in a process for all clients of the tests."""

from __future__ import annotations

from botocore.loaders import create_loader
from botocore.session import Session

_LOADER = create_loader()


def create_session() -> Session:
    """Return a new botocore session that shares its service models with all sessions made here."""
    session = Session()
    session.register_component("data_loader", _LOADER)
    return session
