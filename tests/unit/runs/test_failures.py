from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine import errors
from codeflow_engine.errors import (
    CodeflowError,
    DiffError,
    MissingDependencyError,
    ProviderError,
    QuotaExhaustedError,
    RateLimitError,
    SerializationError,
    StepError,
    StepTimeoutError,
    UnknownBackendError,
)
from codeflow_engine.redaction import Redactor
from codeflow_engine.runs.failures import read_failure, write_failure

SECRET = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"
TREE = [getattr(errors, name) for name in errors.__all__]
KEYWORDS = {
    "requires": "package[extra]",
    "path": "run.cassette",
    "asked": "vcs git fetch_change",
    "nearest": "vcs git read_files",
    "scope": "run:1",
    "kind": "odd",
    "charged": True,
    "line": 7,
    "known": ("a", "b"),
    "retry_after": 1.5,
}


class AcmeQuotaError(QuotaExhaustedError):
    """An error of a plugin, with required keywords and a live object."""

    retryable = True

    def __init__(self, message: str, *, account: str) -> None:
        super().__init__(f"account {account}: {message}", retry_after=60)
        self.account = account
        self.limits = {"day": [1, (2, None)], "hour": 1.5}
        self.response = object()


class TwoArgumentsError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")


class HiddenError(ValueError):
    """A subclass of a builtin exception, whose text is foreign too."""


def again(error: BaseException, redactor: Redactor | None = None) -> BaseException:
    """Write an error and read it."""
    text = write_failure(error, redactor or Redactor())
    assert text.isascii()
    assert "\n" not in text
    return read_failure(text)


@pytest.mark.parametrize("kind", TREE)
def test_an_error_of_the_tree_comes_back_as_itself(kind: type[CodeflowError]) -> None:
    """Class, message and every attribute are those of the error that was written."""
    taken = inspect.signature(kind).parameters
    error = kind("what happened", **{k: v for k, v in KEYWORDS.items() if k in taken})

    read = again(error)

    assert type(read) is kind
    assert (read.args, vars(read)) == (error.args, vars(error))
    assert isinstance(read, CodeflowError)
    assert (read.retryable, read.retry_after) == (error.retryable, error.retry_after)


def test_notes_are_kept() -> None:
    """What was added on the way up comes back with the error."""
    error = DiffError("m", line=7)
    error.add_note("while reading a.patch")

    assert again(error).__notes__ == ["while reading a.patch"]


def test_an_error_of_a_plugin_comes_back_as_itself_while_it_is_loaded() -> None:
    """Attributes that are plain data are kept, with their types, and live objects are not."""
    read = again(AcmeQuotaError("no money", account="acme"))

    assert type(read) is AcmeQuotaError
    assert read.message == "account acme: no money"
    assert vars(read) == {
        "retry_after": 60,
        "account": "acme",
        "limits": {"day": [1, (2, None)], "hour": 1.5},
    }


def test_an_error_of_a_plugin_that_is_gone_comes_back_as_its_nearest_class() -> None:
    """Whoever catches quotas catches it still, and nothing is imported to find its class."""
    text = write_failure(AcmeQuotaError("no money", account="acme"), Redactor())
    gone = text.replace("AcmeQuotaError", "GoneError").replace(__name__, "antigravity")

    read = read_failure(gone)

    assert type(read) is QuotaExhaustedError
    assert read.message == "account acme: no money"
    assert "antigravity" not in sys.modules


def test_a_class_that_this_version_does_not_have_is_named() -> None:
    """An error that a newer version has written says what it was."""
    read = read_failure('{"ours":"FutureError","args":["m"],"state":{}}')

    assert type(read) is StepError
    assert "FutureError" in read.message


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a", 1, None, 1.5, ("b", True), ["c"]),
        KeyError("key"),
        ZeroDivisionError(),
        TimeoutError("late"),
        FileNotFoundError(2, "No such file", "a.py"),
        OSError("text alone"),
        NotImplementedError("x" * 1000),
        UserWarning("\ud800 \0"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_builtin_exception_comes_back_with_plain_arguments(error: Exception) -> None:
    """The class is the same, and so is everything that it was made from."""
    read = again(error)

    assert type(read) is type(error)
    assert repr(read) == repr(error)
    assert str(read) == str(error)


@pytest.mark.parametrize(
    "error",
    [
        TwoArgumentsError(1, SECRET),
        HiddenError(SECRET),
        ValueError(object()),
        ValueError(float("nan")),
        ValueError(10**5000),
        ValueError({1: 2}),
        UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, "odd"),
        ExceptionGroup("several", [ValueError(SECRET)]),
        StopIteration(SECRET),
        StopAsyncIteration(),
        KeyboardInterrupt(),
        SystemExit(SECRET),
        ValueError("x" * 2_000_000),
        ProviderError(object()),  # type: ignore[arg-type] # that is the case
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_other_error_is_named_without_its_text(error: BaseException) -> None:
    """What cannot be made again, or would end a coroutine, becomes a StepError with its type."""
    read = again(error)

    assert type(read) is StepError
    assert type(error).__name__ in read.message
    assert SECRET not in read.message


def test_a_type_with_an_odd_name_is_shown_inert() -> None:
    """A name that code has made up goes to no terminal as it is, and stays short."""
    odd = type("E\x1b[31m\n" + "x" * 500, (Exception,), {})

    message = str(again(odd()))

    assert "E??31m?" in message
    assert len(message) < 200


def test_an_argument_that_contains_itself_is_no_trap() -> None:
    """A circle is found out, and the error is named."""
    circle: list[Any] = []
    circle.append(circle)

    assert type(again(ValueError(circle))) is StepError
    assert type(again(RateLimitError(circle))) is StepError  # type: ignore[arg-type] # that is the case


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError(f"token {SECRET}"),
        MissingDependencyError("m", requires=f"x @ https://u:{SECRET}@host/x"),
        UnknownBackendError("m", known=(SECRET,)),
        AcmeQuotaError("m", account=SECRET),
        ValueError("a", [SECRET]),
        FileNotFoundError(2, "no", SECRET),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_secret_is_written(error: Exception) -> None:
    """Arguments and attributes are redacted wherever a secret stands in them."""
    text = write_failure(error, Redactor())

    assert SECRET not in text
    assert "redacted" in text


def test_a_value_under_a_telling_name_is_no_text_to_keep() -> None:
    """An attribute that is named like a secret is one."""
    error = ProviderError("m")
    error.password = "short"  # type: ignore[attr-defined] # noqa: S105 - that is the case

    assert "short" not in write_failure(error, Redactor())


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "1", "{}", '{"other":3}', '{"ours":3,"args":[]}'),
        '{"ours":"DiffError","args":["m"]}',
        '{"ours":"DiffError","args":["m"],"state":[]}',
        '{"ours":"DiffError","args":[{"set":[]}],"state":{}}',
        '{"ours":"DiffError","args":[{}],"state":{}}',
        '{"ours":"DiffError","own":["x"],"args":[],"state":{}}',
        '{"builtin":"UnicodeDecodeError","args":[]}',
        '{"builtin":[],"args":[]}',
        '{"builtin":"ValueError","args":' + "[" * 100_000,
    ],
    ids=lambda text: text[:40],
)
def test_a_damaged_error_is_an_error(text: str) -> None:
    """Whatever no error was written as is refused."""
    with pytest.raises(SerializationError, match="a stored error is damaged"):
        read_failure(text)


@pytest.mark.parametrize("name", ["print", "open", "BaseException", "SystemExit", "__import__"])
def test_nothing_but_an_exception_is_ever_called(name: str) -> None:
    """A name of stored data calls no function, and ends no program."""
    assert type(read_failure(json.dumps({"builtin": name, "args": []}))) is StepError


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x).map(tuple)))
def test_any_plain_argument_comes_back(argument: Any) -> None:
    """Texts of any characters, and tuples in tuples, are kept."""
    assert again(ValueError(argument)).args == (argument,)


def test_only_a_step_that_took_too_long_is_worth_another_try() -> None:
    """Of the three ends of a step and a run, waiting helps against one."""
    assert StepTimeoutError("m").retryable
    assert not StepError("m").retryable
    assert not errors.RunTimeoutError("m").retryable
