"""What the SDK raises, in the errors of our tree; the one place where that is decided."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from codeflow_engine.errors import (
    AuthenticationError,
    CodeflowError,
    ContextOverflowError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from codeflow_engine.providers.llm.calls.faults import (
    Called,
    Refusal,
    from_transport,
    malformed,
    refused,
)

__all__ = ["Watch", "told_inside", "translated"]

_SIZES: Final = re.compile(r"(\d[\d,]*) tokens? > (\d[\d,]*)")
_NO_KEY: Final = "authentication method"
"""Of the plain TypeError with which the SDK says that a client has no key at all."""

_BEGUN: Final = 200
"""The status of a stream that had begun well and then told of an error."""


class Watch:
    """Turns what leaves its block into an error of our tree.

    The SDK's own error is not shown beside it: its text quotes the server, and the server the
    prompt.
    """

    def __init__(self, called: Called) -> None:
        self._called = called
        self.begun = False
        """Whether a part of the answer has come, so that it may cost money."""

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise the error that it means; one that means nothing known goes its way."""
        if not isinstance(error, Exception) or isinstance(error, CodeflowError):
            return
        told = translated(error, self._called, begun=self.begun)
        if told is not None:
            raise told from None


def translated(error: Exception, called: Called, *, begun: bool) -> ProviderError | None:
    """Say what an exception of the SDK means; None where it is none of a call.

    Args:
        error: Of the SDK, of its transport, or of reading what came.
        called: Which call it was.
        begun: Whether a part of the answer had come.
    """
    names = {one.__name__ for one in type(error).__mro__ if _is_sdk(one)}
    if "APIStatusError" in names:
        return _status(error, called)
    if "APIResponseValidationError" in names or "APIWebhookValidationError" in names:
        return malformed(called, "an answer of a form that its SDK does not know")
    if "CredentialsError" in names:
        return AuthenticationError(
            f"{called.title} was not asked: the client's credentials cannot be loaded"
        )
    transport = from_transport(error, called, begun=begun)
    if transport is not None:
        return transport
    if "APITimeoutError" in names or isinstance(error, TimeoutError):
        return ProviderTimeoutError(f"{called.title} gave no answer in time", charged=True)
    if "APIConnectionError" in names or "RetryableError" in names:
        what = f"{called.title}: the connection failed"
        return ProviderUnavailableError(what, kind="connection", charged=begun)
    if names:
        return ProviderError(f"{called.title} could not be asked: {type(error).__name__}")
    if isinstance(error, TypeError) and _NO_KEY in str(error):
        return AuthenticationError(f"{called.title} was not asked: the client has no key")
    if isinstance(error, ValueError | RecursionError):
        return malformed(called, "a piece of an answer that cannot be read")
    return None


def told_inside(body: Any, headers: Mapping[str, str], called: Called) -> ProviderError:
    """Say what an error means that came within an answer that had begun well."""
    return _refused(_refusal(None, headers, body), called)


def _status(error: Any, called: Called) -> ProviderError:
    response = error.response
    status = None if response.status_code == _BEGUN else response.status_code
    return _refused(_refusal(status, response.headers, error.body), called)


def _refusal(status: int | None, headers: Mapping[str, str], body: Any) -> Refusal:
    """Read an error's body; the most exact word of it stands in `details`."""
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
        told = body["error"]
        details = told.get("details")
        if isinstance(details, Mapping) and "code" not in told:
            body = {"error": {**told, "code": details.get("error_code")}}
    return Refusal.of_body(status, headers, body)


def _refused(refusal: Refusal, called: Called) -> ProviderError:
    error = refused(refusal, called)
    sizes = _SIZES.search(refusal.message)
    if not isinstance(error, ContextOverflowError) or sizes is None:
        return error
    has, takes = sizes.groups()
    return ContextOverflowError(
        f"{called.title}: the prompt has {has} tokens, and the model takes at most {takes}"
    )


def _is_sdk(one: type) -> bool:
    return one.__module__.partition(".")[0] == "anthropic"
