"""Every exception of an SDK and of its transport becomes one of our tree."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from codeflow_engine.errors import (
    AuthenticationError,
    ConfigurationError,
    ContextOverflowError,
    InvalidResponseError,
    ModelUnavailableError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
    RefusedError,
    TruncatedAnswerError,
)
from codeflow_engine.providers.llm.calls.faults import Called
from codeflow_engine.providers.llm.calls.sdk_faults import from_sdk

TRANSPORTS = {"openai": "httpx2", "groq": "httpx"}
CALLED = Called(provider="p", model="m", key_name="P_API_KEY")

MEANT: dict[str, type[ProviderError]] = {
    "APIConnectionError": ProviderUnavailableError,
    "APIError": ProviderUnavailableError,
    "APIResponseValidationError": InvalidResponseError,
    "APIStatusError": ProviderError,
    "APITimeoutError": ProviderTimeoutError,
    "AuthenticationError": AuthenticationError,
    "BadRequestError": ProviderError,
    "ConflictError": ProviderUnavailableError,
    "ContentFilterFinishReasonError": RefusedError,
    "GroqError": ProviderError,
    "InternalServerError": ProviderUnavailableError,
    "InvalidWebhookSignatureError": InvalidResponseError,
    "LengthFinishReasonError": TruncatedAnswerError,
    "NotFoundError": ModelUnavailableError,
    "OAuthError": AuthenticationError,
    "OpenAIError": ProviderError,
    "PermissionDeniedError": AuthenticationError,
    "RateLimitError": RateLimitError,
    "SubjectTokenProviderError": AuthenticationError,
    "UnprocessableEntityError": ProviderError,
    "WebSocketConnectionClosedError": ProviderUnavailableError,
    "WebSocketQueueFullError": ProviderError,
}
"""By the name of the SDK's class; one that an SDK adds fails the test until it stands here."""


def exceptions_of(module: str) -> list[type[Exception]]:
    """List the exception classes that a module defines."""
    found = vars(importlib.import_module(module)).values()
    return [
        each
        for each in found
        if inspect.isclass(each)
        and issubclass(each, Exception)
        and each.__module__.partition(".")[0] == module.partition(".")[0]
    ]


def raised(kind: type[Exception], sdk: str) -> Exception:
    """Make an exception as its SDK does, from what its constructor takes."""
    transport = importlib.import_module(TRANSPORTS[sdk])
    request = transport.Request("POST", "http://127.0.0.1/v1")
    status = getattr(kind, "status_code", 500 if kind.__name__ == "InternalServerError" else 418)
    usable: dict[str, Any] = {
        "message": "said",
        "request": request,
        "response": transport.Response(
            status if isinstance(status, int) else 401,
            request=request,
            headers={"retry-after": "7"},
        ),
        "body": {"message": "said", "type": "server_error"},
        "completion": type("Completion", (), {"usage": None})(),
        "unsent_messages": [],
    }
    if not inspect.isfunction(kind.__init__):
        return kind("said")
    taken = list(inspect.signature(kind.__init__).parameters)[1:]
    return kind(**{name: usable[name] for name in taken})


@pytest.mark.parametrize("sdk", sorted(TRANSPORTS))
def test_each_exception_of_an_sdk_has_its_error(sdk: str) -> None:
    """The SDK's own list of exceptions is asked, so that a new one is not overlooked."""
    found = {kind.__name__: kind for kind in exceptions_of(f"{sdk}._exceptions")}

    told = {name: from_sdk(raised(kind, sdk), CALLED, begun=False) for name, kind in found.items()}

    assert len(found) > 10
    assert {name: type(error) for name, error in told.items()} == {
        name: MEANT[name] for name in found
    }


@pytest.mark.parametrize("transport", ["httpx", "httpx2"])
def test_each_exception_of_a_transport_has_its_error(transport: str) -> None:
    """What comes raw from below an SDK is told like what comes through it."""
    found = [
        kind
        for kind in exceptions_of(f"{transport}._exceptions")
        if issubclass(kind, importlib.import_module(transport).TransportError)
    ]

    told = [from_sdk(kind("said"), CALLED, begun=True) for kind in found]

    assert len(found) > 10
    assert all(isinstance(error, ProviderError) for error in told)


@pytest.mark.parametrize("sdk", sorted(TRANSPORTS))
def test_the_cause_of_a_connections_error_is_told(sdk: str) -> None:
    """An SDK wraps what its transport raised; the cause says more."""
    module, transport = map(importlib.import_module, (sdk, TRANSPORTS[sdk]))
    request = transport.Request("POST", "http://127.0.0.1/v1")
    error = module.APITimeoutError(request=request)
    error.__cause__ = transport.ConnectTimeout("said")

    told = from_sdk(error, CALLED, begun=False)

    assert isinstance(told, ProviderTimeoutError)
    assert (told.kind, told.charged) == ("connect_timeout", False)


@pytest.mark.parametrize("sdk", sorted(TRANSPORTS))
def test_what_a_server_said_decides(sdk: str) -> None:
    """Of one class and status, the body's code tells the kind, and the headers the wait."""
    module, transport = map(importlib.import_module, (sdk, TRANSPORTS[sdk]))
    request = transport.Request("POST", "http://127.0.0.1/v1")

    def told(kind: str, status: int, code: str) -> ProviderError | None:
        response = transport.Response(status, request=request, headers={"retry-after": "7"})
        body = {"code": code, "message": "said"}
        make: Callable[..., Exception] = getattr(module, kind)
        return from_sdk(make("said", response=response, body=body), CALLED, begun=False)

    limited = told("RateLimitError", 429, "rate_limit_exceeded")
    assert limited is not None
    assert (type(limited), limited.retry_after) == (RateLimitError, 7.0)
    overflow = told("BadRequestError", 400, "context_length_exceeded")
    assert type(overflow) is ContextOverflowError


def test_what_is_no_failure_of_a_call_is_left_alone() -> None:
    """A mistake in code, and an error of our own, stay what they are."""
    assert from_sdk(TypeError("said"), CALLED, begun=False) is None
    assert from_sdk(ConfigurationError("said"), CALLED, begun=False) is None
