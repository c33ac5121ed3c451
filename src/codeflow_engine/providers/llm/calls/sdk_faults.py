"""What the SDKs that Stainless generates raise, in the errors of our tree.

Those of OpenAI, Groq and Anthropic name their exceptions alike. They are told apart by name and
attributes: no SDK is imported to look at an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from codeflow_engine.errors import (
    AuthenticationError,
    CodeflowError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RefusedError,
    TruncatedAnswerError,
)
from codeflow_engine.providers.llm.calls.faults import (
    Called,
    Refusal,
    from_transport,
    malformed,
    refused,
)

__all__ = ["from_sdk"]

_SDKS: Final = frozenset({"anthropic", "groq", "openai"})


def _no_token(called: Called) -> AuthenticationError:
    return AuthenticationError(
        f"no token for {called.title} could be had from the host's own client"
    )


_NAMED: Final[Mapping[str, Callable[[Called], ProviderError]]] = {
    "APIResponseValidationError": lambda called: malformed(called, "an answer of another form"),
    "APIWebhookValidationError": lambda called: malformed(called, "a signature that is wrong"),
    "InvalidWebhookSignatureError": lambda called: malformed(called, "a signature that is wrong"),
    "APITimeoutError": lambda called: ProviderTimeoutError(
        f"{called.title} gave no answer in time", kind="read_timeout", charged=True
    ),
    "APIConnectionError": lambda called: ProviderUnavailableError(
        f"{called.title} cannot be reached", kind="connection"
    ),
    "RetryableError": lambda called: ProviderUnavailableError(
        f"{called.title} cannot be reached", kind="connection"
    ),
    "WebSocketConnectionClosedError": lambda called: ProviderUnavailableError(
        f"{called.title} closed the connection", kind="connection"
    ),
    "LengthFinishReasonError": lambda called: TruncatedAnswerError(
        f"{called.title} reached the limit of its output", charged=True
    ),
    "ContentFilterFinishReasonError": lambda called: RefusedError(
        f"a filter took the answer of {called.title} away", kind="filtered", charged=True
    ),
    "SubjectTokenProviderError": _no_token,
    "CredentialsError": _no_token,
}
"""By class; a subclass is found under the nearest of its classes."""

_NO_KEY: Final = "authentication method"
"""Of the plain TypeError with which these SDKs say that a client has no key at all."""


def from_sdk(error: Exception, called: Called, *, begun: bool) -> ProviderError | None:
    """Say what an exception means; None where neither an SDK nor its transport raised it.

    Args:
        error: What was raised.
        called: Which call it was.
        begun: Whether a part of the answer had come.
    """
    if isinstance(error, CodeflowError):
        return None
    names = [one.__name__ for one in type(error).__mro__ if _package(one) in _SDKS]
    if not names and isinstance(error, TypeError) and _NO_KEY in str(error):
        return AuthenticationError(f"{called.title} was not asked: {called.key_name} has no key")
    if not names:
        return from_transport(error, called, begun=begun)
    response: Any = getattr(error, "response", None)
    named = next((_NAMED[name] for name in names if name in _NAMED), None)
    if named is None and response is not None:
        body = getattr(error, "body", None)
        # A decoder raises what it reads inside of an answer with the status of that answer.
        status = None if response.is_success else response.status_code
        return refused(Refusal.of_body(status, response.headers, body), called)
    transport = from_transport(error, called, begun=begun)
    if transport is not None or named is not None:
        return transport or (named(called) if named else None)
    if "APIError" in names:
        return refused(Refusal.of_body(None, {}, getattr(error, "body", None)), called)
    return ProviderError(f"{called.title} was not asked: its SDK refuses the call", kind="sdk")


def _package(one: type) -> str:
    return one.__module__.partition(".")[0]
