from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from codeflow_engine.redaction import Redactor
from codeflow_engine.telemetry.logging import LOGGER_NAME, EngineLog

PHRASE = "correct-horse-battery"
TOKEN = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"


class Recording(logging.Handler):
    """Keeps the records that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def handler() -> Recording:
    return Recording()


@contextmanager
def bare(name: str, level: int) -> Iterator[logging.Logger]:
    """Give a logger without handlers, and put it back as it was."""
    logger = logging.getLogger(name)
    before = (logger.level, logger.handlers)
    logger.handlers = []
    logger.setLevel(level)
    try:
        yield logger
    finally:
        logger.setLevel(before[0])
        logger.handlers = before[1]


@pytest.fixture
def logger(handler: Recording) -> Iterator[logging.Logger]:
    """Give a logger of a host."""
    with bare("codeflow_tests.host", logging.DEBUG) as logger:
        logger.addHandler(handler)
        yield logger


@pytest.fixture
def untouched() -> Iterator[logging.Logger]:
    """Give the engine's own logger as it is in a fresh process."""
    with bare(LOGGER_NAME, logging.NOTSET) as logger:
        yield logger


def fields(record: logging.LogRecord) -> dict[str, Any]:
    usual = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
    return {name: value for name, value in vars(record).items() if name not in usual}


def test_a_line_has_its_event_and_its_fields(logger: logging.Logger, handler: Recording) -> None:
    """The event is the message, and each field an attribute of the record."""
    log = EngineLog(logger, Redactor())

    log.warning("a plugin's hook failed", plugin="acme", run_id="r1", attempt=2, fatal=False)
    log.info("ready", ratio=0.5, nothing=None)

    first, second = handler.records
    assert (first.levelno, first.getMessage()) == (logging.WARNING, "a plugin's hook failed")
    assert fields(first) == {"plugin": "acme", "run_id": "r1", "attempt": 2, "fatal": False}
    assert (second.levelno, second.getMessage()) == (logging.INFO, "ready")
    assert fields(second) == {"ratio": 0.5, "nothing": None}


def test_a_percent_sign_in_an_event_is_no_format(
    logger: logging.Logger, handler: Recording
) -> None:
    """Nothing is put into the text of an event."""
    EngineLog(logger, Redactor()).info("100 %s done", path="%d")

    assert handler.records[0].getMessage() == "100 %s done"


def test_a_level_that_is_off_costs_nothing(logger: logging.Logger, handler: Recording) -> None:
    """Fields are not even looked at."""

    class Loud:
        def __str__(self) -> str:
            raise AssertionError("looked at")

    logger.setLevel(logging.WARNING)

    EngineLog(logger, Redactor()).info("ready", value=Loud())

    assert handler.records == []


def test_the_level_is_asked_for_at_each_line(logger: logging.Logger, handler: Recording) -> None:
    """A host may turn the logger up or down while the engine runs."""
    log = EngineLog(logger, Redactor())
    logger.setLevel(logging.ERROR)
    log.warning("first")
    logger.setLevel(logging.DEBUG)
    log.warning("second")

    assert [record.getMessage() for record in handler.records] == ["second"]


def test_s33_secrets_of_the_engine_are_redacted(logger: logging.Logger, handler: Recording) -> None:
    """What it was configured with, what looks like a secret, and what is named like one."""
    log = EngineLog(logger, Redactor(secrets=[PHRASE]))

    named = {"password": "x1"}

    log.warning("failed", error=f"401 for {PHRASE}", url=f"https://u:{TOKEN}@host/", **named)

    told = fields(handler.records[0])
    assert PHRASE not in str(told)
    assert TOKEN not in str(told)
    assert "x1" not in str(told["password"])
    assert told["error"].startswith("401 for [redacted:")


def test_s33_other_values_become_text_and_are_redacted(
    logger: logging.Logger, handler: Recording
) -> None:
    """An exception or a path is written as text, with its secrets redacted."""
    log = EngineLog(logger, Redactor(secrets=[PHRASE]))

    log.warning("failed", error=ValueError(f"no {PHRASE}"), parts=[PHRASE])

    told = fields(handler.records[0])
    assert all(isinstance(value, str) for value in told.values())
    assert PHRASE not in str(told)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ok\r\nroot logged in", r"ok\r\nroot logged in"),
        ("\x1b[2J\x1b]52;c;eA==\x07", r"\x1b[2J\x1b]52;c;eA==\x07"),
        ("a\u202eb\u2028c", r"a\u202eb\u2028c"),
        ("caf\udce9", r"caf\udce9"),
        ("été", "été"),
    ],
)
def test_s33_a_field_cannot_write_a_line_of_its_own(
    text: str, shown: str, logger: logging.Logger, handler: Recording
) -> None:
    """Line ends, terminal and bidi controls, and what UTF-8 cannot hold are escaped."""
    EngineLog(logger, Redactor()).warning("failed", error=text)

    assert fields(handler.records[0])["error"] == shown


@pytest.mark.parametrize("name", ["message", "name", "args", "module", "level", "exc_info", "msg"])
def test_a_field_with_a_name_of_the_record_is_kept_under_another(
    name: str, logger: logging.Logger, handler: Recording
) -> None:
    """The standard logger raises for such a name, and a log line never breaks a run."""
    EngineLog(logger, Redactor()).warning("failed", **{name: "value"})

    (record,) = handler.records
    assert record.getMessage() == "failed"
    assert fields(record) == {f"{name}_": "value"}


def test_without_a_logger_of_the_host_nothing_is_printed(
    untouched: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    """The logger of the package gets a handler that does nothing, once for all engines."""
    for _ in range(3):
        EngineLog(None, Redactor()).warning("failed", error="boom")

    assert [type(handler) for handler in untouched.handlers] == [logging.NullHandler]
    assert capfd.readouterr() == ("", "")


def test_handlers_of_the_host_on_our_logger_are_left_alone(
    untouched: logging.Logger, handler: Recording
) -> None:
    """Who configured the logger by its name gets the lines, and nothing is added."""
    untouched.addHandler(handler)

    EngineLog(None, Redactor()).warning("failed")

    assert untouched.handlers == [handler]
    assert len(handler.records) == 1


def test_the_logger_of_the_host_is_not_configured(
    logger: logging.Logger, handler: Recording
) -> None:
    """Level, handlers and propagation stay, and so does structlog's configuration."""
    before = (logger.level, logger.handlers[:], logger.propagate, structlog.get_config())

    EngineLog(logger, Redactor()).warning("failed")

    after = (logger.level, logger.handlers, logger.propagate, structlog.get_config())
    assert after == before
    assert not structlog.is_configured()


def test_two_engines_write_to_their_own_loggers(logger: logging.Logger, handler: Recording) -> None:
    """Each with its own secrets."""
    others = Recording()

    with bare("codeflow_tests.other", logging.DEBUG) as other:
        other.addHandler(others)
        EngineLog(logger, Redactor(secrets=[PHRASE])).warning("one", text=PHRASE)
        EngineLog(other, Redactor()).warning("two", text=PHRASE)

    assert [record.getMessage() for record in handler.records] == ["one"]
    assert fields(others.records[0]) == {"text": PHRASE}
