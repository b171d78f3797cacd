"""The log of `--debug`: requests and responses, as botocore's loggers write them, without secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable

import click

from reconciler.model.redaction import redact
from reconciler.model.text import escape_invisible

_LOGGERS = ("reconciler", "botocore.endpoint", "botocore.parsers", "urllib3.connectionpool")
"""Our own logger, botocore's for requests and for responses, and urllib3's for connections.

botocore's other loggers log only its internals.
"""


class _RedactingHandler(logging.Handler):
    """A handler that writes each record to stderr, redacted."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 (a record that cannot be formatted must not end the run)
            text = f"{record.name}: a log record cannot be formatted"
        click.echo(sanitize(text), err=True)


def sanitize(text: str) -> str:
    """Return a text without secrets, and with control characters escaped except line ends."""
    return "\n".join(escape_invisible(line) for line in redact(text).splitlines())


def start_wire_log() -> Callable[[], None]:
    """Start the log, and return the function that stops it."""
    handler = _RedactingHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    previous_levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(handler)

    def stop() -> None:
        for name, level in previous_levels.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level)

    return stop
