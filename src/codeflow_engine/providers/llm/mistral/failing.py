"""What the SDK of Mistral raises, in the errors of our tree."""

from __future__ import annotations

import json
from typing import Any

from codeflow_engine.errors import AuthenticationError, ProviderError, ProviderUnavailableError
from codeflow_engine.providers.llm.calls.faults import (
    Called,
    Refusal,
    from_transport,
    malformed,
    refused,
)

__all__ = ["from_sdk"]


def from_sdk(error: Exception, called: Called, *, begun: bool) -> ProviderError | None:
    """Say what an exception means; None where neither the SDK nor its transport raised it.

    Its classes are told by name and attributes, so that no SDK is imported to look at one.

    Args:
        error: What was raised.
        called: Which call it was.
        begun: Whether a part of the answer had come.
    """
    names = {one.__name__ for one in type(error).__mro__ if _package(one) == "mistralai"}
    response: Any = getattr(error, "raw_response", None)
    if names and response is not None:
        return _from_response(error, response, called)
    if "NoResponseError" in names:
        return ProviderUnavailableError(f"{called.title} gave no response", kind="connection")
    if "ServiceAccountTokenError" in names:
        return AuthenticationError(
            f"no token for {called.title}: the file of MISTRAL_SA_TOKEN_PATH cannot be used"
        )
    # Pydantic's errors quote the values that they refuse: a prompt, or an answer.
    if names or _package(type(error)) == "pydantic_core":
        return ProviderError(f"{called.title} was not asked: its SDK refuses the call", kind="sdk")
    return from_transport(error, called, begun=begun)


def _from_response(error: Exception, response: Any, called: Called) -> ProviderError:
    if response.is_success:
        return malformed(called, "an answer of another form")
    try:
        body = json.loads(getattr(error, "body", ""))
    except (ValueError, TypeError, RecursionError):
        body = None
    return refused(Refusal.of_body(response.status_code, response.headers, body), called)


def _package(one: type) -> str:
    return one.__module__.partition(".")[0]
