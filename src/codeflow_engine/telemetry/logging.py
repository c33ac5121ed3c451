"""Log lines over the host's standard logging; structlog is wrapped and never configured."""

from __future__ import annotations

import logging
from typing import Any

from codeflow_engine.redaction import Redactor
from codeflow_engine.reports.visible import escape
from codeflow_engine.telemetry.inside import ids

__all__ = ["LOGGER_NAME", "EngineLog"]

LOGGER_NAME = "codeflow_engine"

# The standard logger refuses a field of such a name by an error.
_TAKEN = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "level", "message", "stacklevel"}


class EngineLog:
    """Writes events with fields to one standard logger.

    Secrets in the fields are redacted, and characters that a terminal or the reader of a
    log file would obey are escaped. A line that is written inside of a run carries `run_id`,
    and where it is traced `trace_id` and `span_id`.

    Without a logger of the host the one named `codeflow_engine` is used; it gets a
    `NullHandler`, as a library's logger should, and nothing is printed.
    """

    def __init__(self, logger: logging.Logger | None, redactor: Redactor) -> None:
        if logger is None:
            logger = logging.getLogger(LOGGER_NAME)
            if not logger.handlers:
                logger.addHandler(logging.NullHandler())
        self._logger = logger
        self._redactor = redactor
        self._bound: Any = None

    def warning(self, event: str, **fields: Any) -> None:
        """Log something that went wrong and was contained."""
        self._log(logging.WARNING, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Log something that an operator may want to know."""
        self._log(logging.INFO, event, fields)

    def _log(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        if self._bound is None:
            self._bound = _wrap(self._logger)
        plain = {name: _plain(value) for name, value in fields.items()}
        safe = {
            f"{name}_" if name in _TAKEN else name: escape(value)
            if isinstance(value, str)
            else value
            for name, value in self._redactor.scrub(plain).items()
        }
        self._bound.log(level, event, **{**safe, **ids()})


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _wrap(logger: logging.Logger) -> Any:
    # structlog costs 0.13 s to import, so it waits for the first line. Unconfigured, its own
    # get_logger() prints to stdout; wrapping leaves its global configuration alone.
    import structlog

    return structlog.wrap_logger(
        logger,
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
        context_class=dict,
    )
