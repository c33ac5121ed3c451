"""What GitHub refuses, and what PyGithub and the transports raise, become errors of our tree."""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
from typing import Any

import pytest

from codeflow_engine.errors import (
    AuthenticationError,
    ChangeUnavailableError,
    CodeflowError,
    ConfigurationError,
    InvalidResponseError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    PublishError,
    RateLimitError,
)
from codeflow_engine.providers.vcs.github.errors import (
    TOO_LARGE,
    Asked,
    Refusal,
    from_exception,
    graphql_refusal,
    refused,
    status_of,
    words_of,
)

READING = Asked(method="GET", path="/repos/acme/shop/pulls/1", needs="pull_requests: read")
WRITING = Asked(method="POST", path="/repos/acme/shop/pulls/1/reviews")

PYGITHUB: dict[str, type[CodeflowError]] = {
    "BadAttributeException": InvalidResponseError,
    "BadCredentialsException": AuthenticationError,
    "BadUserAgentException": AuthenticationError,
    "GithubException": ProviderUnavailableError,
    "IncompletableObject": ProviderError,
    "RateLimitExceededException": RateLimitError,
    "RateLimitExceededExceedsMaxWait": RateLimitError,
    "TwoFactorException": AuthenticationError,
    "UnknownObjectException": ChangeUnavailableError,
}
"""By class; one that PyGithub adds fails the test until it stands here."""

STATUSES = {
    "BadCredentialsException": 401,
    "BadUserAgentException": 403,
    "GithubException": 502,
    "IncompletableObject": 400,
    "RateLimitExceededException": 403,
    "RateLimitExceededExceedsMaxWait": 403,
    "TwoFactorException": 401,
    "UnknownObjectException": 404,
}


def exceptions_of(module: str) -> list[type[Exception]]:
    """List the exception classes that a module defines."""
    found = vars(importlib.import_module(module)).values()
    return [
        one
        for one in found
        if inspect.isclass(one) and issubclass(one, Exception) and one.__module__ == module
    ]


def test_every_exception_of_pygithub_has_a_meaning() -> None:
    """No class of it passes through; the list is that of the installed release."""
    classes = exceptions_of("github.GithubException")
    meant = {}
    for one in classes:
        status = STATUSES.get(one.__name__)
        body = {"message": "API rate limit exceeded"} if "Rate" in one.__name__ else None
        raised = one(1, str, None) if status is None else one(status, body, {}, None)
        meant[one.__name__] = type(from_exception(raised, READING))

    assert meant == PYGITHUB


@pytest.mark.parametrize(
    "module",
    ["requests.exceptions", "urllib3.exceptions", "aiohttp.client_exceptions", "jwt.exceptions"],
)
def test_every_exception_of_a_transport_has_a_meaning(module: str) -> None:
    """Each class is an error of ours, made without its constructor, as its words are not shown."""
    for one in exceptions_of(module):
        if issubclass(one, Warning):
            continue
        raised = one.__new__(one)

        told = from_exception(raised, READING)

        assert isinstance(told, ProviderError | ConfigurationError), one


@pytest.mark.parametrize(
    ("module", "name", "meant"),
    [
        ("requests.exceptions", "ConnectTimeout", ProviderTimeoutError),
        ("requests.exceptions", "ReadTimeout", ProviderTimeoutError),
        ("requests.exceptions", "ConnectionError", ProviderUnavailableError),
        ("requests.exceptions", "SSLError", ProviderUnavailableError),
        ("requests.exceptions", "ChunkedEncodingError", ProviderUnavailableError),
        ("requests.exceptions", "ContentDecodingError", InvalidResponseError),
        ("requests.exceptions", "InvalidURL", ConfigurationError),
        ("aiohttp.client_exceptions", "ServerTimeoutError", ProviderTimeoutError),
        ("aiohttp.client_exceptions", "ClientPayloadError", ProviderUnavailableError),
        ("aiohttp.client_exceptions", "ClientConnectorDNSError", ProviderUnavailableError),
        ("aiohttp.client_exceptions", "InvalidURL", ConfigurationError),
        ("jwt.exceptions", "InvalidKeyError", ConfigurationError),
    ],
)
def test_an_exception_of_a_transport_means_what_it_says(
    module: str, name: str, meant: type[CodeflowError]
) -> None:
    """What may pass by itself can be tried again, and what is set wrongly cannot."""
    one = getattr(importlib.import_module(module), name)

    assert type(from_exception(one.__new__(one), READING)) is meant


def test_what_is_none_of_theirs_is_left_alone() -> None:
    """A fault of our own is no fault of GitHub, and errors of the tree stay as they are."""
    assert from_exception(KeyError("x"), READING) is None
    assert from_exception(ChangeUnavailableError("x"), READING) is None


@pytest.mark.parametrize(
    ("asked", "status", "message", "headers", "meant"),
    [
        (READING, 401, "Bad credentials", {}, AuthenticationError),
        (READING, 403, "Resource not accessible by integration", {}, AuthenticationError),
        (READING, 403, "", {"x-github-sso": "required; url=https://x"}, AuthenticationError),
        (READING, 404, "Not Found", {}, ChangeUnavailableError),
        (READING, 410, "Gone", {}, ChangeUnavailableError),
        (READING, 451, "Repository access blocked", {}, ChangeUnavailableError),
        (READING, 409, "Git Repository is empty.", {}, ChangeUnavailableError),
        (READING, 422, "No commit found for SHA: abc", {}, ChangeUnavailableError),
        (READING, 500, "", {}, ProviderUnavailableError),
        (READING, 502, "", {}, ProviderUnavailableError),
        (READING, 408, "", {}, ProviderTimeoutError),
        (READING, 302, "", {}, ProviderError),
        (READING, 418, "", {}, ProviderError),
        (WRITING, 403, "Repository was archived so is read-only.", {}, PublishError),
        (WRITING, 403, "Conversation is locked", {}, PublishError),
        (WRITING, 422, "Validation Failed", {}, PublishError),
        (WRITING, 404, "Not Found", {}, ChangeUnavailableError),
        (WRITING, 410, "Issues are disabled for this repo", {}, ChangeUnavailableError),
    ],
)
def test_g30_refusals_are_typed_and_most_of_them_final(
    asked: Asked, status: int, message: str, headers: dict[str, str], meant: type[CodeflowError]
) -> None:
    """Only what may pass by itself is asked again; the answer's own parts can still be read."""
    told = refused(Refusal(status=status, headers=headers, body={"message": message}), asked)

    assert type(told) is meant
    assert told.retryable is (status in {408, 500, 502})
    assert (status_of(told), words_of(told)) == (status, message)


def test_g30_branches_without_a_common_commit_are_no_lack_of_a_right() -> None:
    """A pull request may be pointed at a branch that shares nothing with it."""
    told = refused(Refusal(status=404, body={"message": "No common ancestor of a and b."}), READING)

    assert isinstance(told, ChangeUnavailableError)
    assert "where two commits have parted" in told.message
    assert "permission" not in told.message


def test_g30_a_missing_permission_is_named() -> None:
    """A 404 may mean one as well; GitHub's own word for it wins over ours, if it is one."""
    headers = {"x-accepted-github-permissions": "contents=read; pull_requests=write"}
    evil = {"x-accepted-github-permissions": "\x1b[2Jnothing"}

    assert "pull_requests: read" in refused(Refusal(status=404), READING).message
    told = refused(Refusal(status=403, headers=headers), READING).message
    assert "contents=read; pull_requests=write" in told
    assert "\x1b" not in refused(Refusal(status=403, headers=evil), READING).message


def test_g23_an_answer_that_is_too_large_has_a_kind_of_its_own() -> None:
    """So that another way to the same is taken."""
    errors = [{"resource": "PullRequest", "field": "diff", "code": "too_large"}]
    body = {"message": "Sorry, the diff exceeded", "errors": errors}

    told = refused(Refusal(status=406, body=body), READING)

    assert isinstance(told, ProviderError)
    assert told.kind == TOO_LARGE


def test_errors_survive_pickling_with_their_status() -> None:
    """A run keeps them in its journal."""
    told = refused(Refusal(status=422, body={"message": "Line could not be resolved"}), WRITING)

    again = pickle.loads(pickle.dumps(told))  # noqa: S301 - our own

    assert (status_of(again), words_of(again)) == (422, "Line could not be resolved")


@pytest.mark.parametrize("message", ["a\x1b[31mb", "<html>", "\u202egnp"])
def test_words_of_a_server_that_could_do_harm_are_not_shown(message: str) -> None:
    """They go to terminals and logs."""
    told = refused(Refusal(status=500, body={"message": message}), READING)

    assert told.message.isprintable()
    assert message not in told.message


def test_a_path_is_shown_on_one_line_without_its_query() -> None:
    """It may hold names of the change, and a query may hold more."""
    told = refused(Refusal(status=500), Asked(method="GET", path="/a\nb?token=x"))

    assert "a\\nb" in told.message
    assert "token" not in told.message


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ([{"type": "NOT_FOUND", "message": "Could not resolve"}], 404),
        ([{"type": "FORBIDDEN"}], 403),
        ([{"type": "RATE_LIMITED"}, {"type": "NOT_FOUND"}], 429),
        ([{"extensions": {"code": "undefinedField"}, "message": "Field"}], 422),
        ("words", 422),
    ],
)
def test_errors_of_graphql_mean_what_those_of_rest_do(errors: Any, status: int) -> None:
    """They come with status 200."""
    assert graphql_refusal(errors, {}).status == status


def test_what_is_no_json_is_an_answer_of_a_wrong_form() -> None:
    """Whoever read it."""
    for raised in (
        json.JSONDecodeError("x", "y", 0),
        RecursionError(),
        UnicodeDecodeError("a", b"", 0, 1, "b"),
    ):
        assert isinstance(from_exception(raised, READING), InvalidResponseError)
