from __future__ import annotations

import concurrent.futures
import copy
import multiprocessing
import pickle
from typing import Any

import pytest

from codeflow_engine.errors import (
    CodeflowError,
    ConfigurationError,
    DiffError,
    LeaseLostError,
    MissingDependencyError,
    PluginConflictError,
    PluginError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExhaustedError,
    RateLimitError,
    RunNotFoundError,
    SerializationError,
    StorageUnavailableError,
    UnknownBackendError,
)


class AcmeQuotaError(QuotaExhaustedError):
    """An error of a plugin, with required keywords of its own."""

    def __init__(self, message: str, *, account: str, **more: Any) -> None:
        super().__init__(f"account {account}: {message}", **more)
        self.account = account


def raise_in_a_process() -> None:
    error = AcmeQuotaError("no money left", account="acme", retry_after=60.0)
    error.add_note("seen in a worker")
    raise error


def test_a_message_is_the_text_of_the_error() -> None:
    """`message`, `str` and the only argument are the same."""
    error = CodeflowError("the disk is full")

    assert error.message == str(error) == error.args[0] == "the disk is full"
    assert repr(error) == "CodeflowError('the disk is full')"


@pytest.mark.parametrize(
    ("error", "kinds"),
    [
        (MissingDependencyError("m", requires="x"), (ConfigurationError,)),
        (UnknownBackendError("m"), (PluginError, LookupError)),
        (PluginConflictError("m"), (PluginError,)),
        (DiffError("m", line=1), (ValueError,)),
        (SerializationError("m"), (ValueError,)),
        (RunNotFoundError("m"), (LookupError,)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_caught_by_what_it_means(
    error: CodeflowError, kinds: tuple[type[Exception], ...]
) -> None:
    """By the root of the tree, by its branch, and by the builtin it is a case of."""
    for kind in (CodeflowError, *kinds):
        with pytest.raises(kind):
            raise error
    assert str(error) in {"m", "line 1: m"}


def test_attributes_stand_beside_the_message() -> None:
    """What a program decides by is no text to be taken apart."""
    assert MissingDependencyError("m", requires="acme[sdk]").requires == "acme[sdk]"
    assert UnknownBackendError("m", known=("a", "b")).known == ("a", "b")
    assert UnknownBackendError("m").known == ()
    assert DiffError("m", line=7).line == 7


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        (RateLimitError, True),
        (ProviderTimeoutError, True),
        (ProviderUnavailableError, True),
        (StorageUnavailableError, True),
        (QuotaExhaustedError, False),
        (ConfigurationError, False),
        (LeaseLostError, False),
    ],
)
def test_only_what_may_pass_by_itself_is_retryable(
    kind: type[CodeflowError], retryable: object
) -> None:
    """Waiting helps against load and lost connections, not against an empty account."""
    assert kind.retryable is retryable
    assert kind("m").retryable is retryable


def test_the_wait_is_known_or_unknown() -> None:
    """A wait of 0 s is an answer, and belongs to the one error that got it."""
    assert RateLimitError("m").retry_after is None
    assert RateLimitError("m", retry_after=0.0).retry_after == 0.0
    assert RateLimitError("m", retry_after=1.5).retry_after == 1.5
    assert RateLimitError.retry_after is None


ERRORS = [
    CodeflowError("m"),
    RateLimitError("m", retry_after=1.5),
    MissingDependencyError("m", requires="acme[sdk]"),
    UnknownBackendError("m", known=("a",)),
    DiffError("m", line=7),
    AcmeQuotaError("m", account="acme", retry_after=2),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(error: CodeflowError, protocol: int) -> None:
    """By every protocol, twice, also with required keywords and a rewritten message."""
    again: CodeflowError = error
    for _ in range(2):
        again = pickle.loads(pickle.dumps(again, protocol))  # noqa: S301 - made on this line

    assert type(again) is type(error)
    assert (again.args, vars(again)) == (error.args, vars(error))
    assert str(again) == str(error)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_copy_is_another_object(error: CodeflowError, way: Any) -> None:
    """What is added to the copy is not on the original."""
    again = way(error)
    again.retry_after = 99.0

    assert again is not error
    assert error.retry_after != 99.0
    assert again.message == error.message


def test_notes_survive_pickling() -> None:
    """What was added on the way up is kept with the error."""
    error = DiffError("m", line=7)
    error.add_note("while reading a.patch")

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - made on this line

    assert again.__notes__ == ["while reading a.patch"]


def test_an_error_arrives_from_another_process() -> None:
    """A worker's error has its type, its text and its attributes in the parent."""
    context = multiprocessing.get_context("forkserver")
    with (
        concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as workers,
        pytest.raises(AcmeQuotaError) as caught,
    ):
        workers.submit(raise_in_a_process).result(60)

    assert caught.value.message == "account acme: no money left"
    assert (caught.value.account, caught.value.retry_after) == ("acme", 60.0)
    assert caught.value.__notes__ == ["seen in a worker"]
