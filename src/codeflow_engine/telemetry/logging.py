"""Log lines over the host's standard logging; structlog is wrapped and never configured."""

from __future__ import annotations

import logging
from typing import Any

from codeflow_engine.redaction import Redactor

__all__ = ["EngineLog"]

LOGGER_NAME = "codeflow_engine"


class EngineLog:
    """Writes events with fields to one standard logger, with secrets redacted.

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
        safe = {name: self._redactor.scrub(_plain(value)) for name, value in fields.items()}
        self._bound.log(level, event, **safe)


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
