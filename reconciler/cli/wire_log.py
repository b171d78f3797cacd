"""What `--debug` shows beside tracebacks: what was sent and answered, as botocore's own loggers tell it, without secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable

import click

from reconciler.model.redaction import redact
from reconciler.model.text import visible

_LOGGERS = ("reconciler", "botocore.endpoint", "botocore.parsers", "urllib3.connectionpool")
"""Ours, the requests, the answers, the connections; the rest of botocore's is about itself."""


class _Redacting(logging.Handler):
    """To stderr, whatever that is by then; nothing that a record holds gets past `redacted`."""

    def emit(self, record: logging.LogRecord) -> None:
        """One record, one line."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 (a record that cannot be written must not end the run)
            text = f"{record.name}: a record that cannot be written"
        click.echo(safe(text), err=True)


def safe(text: str) -> str:
    """Text of others: no secrets, and nothing that a terminal would obey but the line ends."""
    return "\n".join(visible(line) for line in redact(text).splitlines())


def show_wire() -> Callable[[], None]:
    """Begin; the result ends it."""
    handler = _Redacting()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(handler)

    def end() -> None:
        for name, level in levels.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)

    return end
