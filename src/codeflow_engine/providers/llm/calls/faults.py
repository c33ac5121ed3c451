"""What went wrong in a call, in the errors of our tree; the one mapping for all providers.

A provider's file turns what its SDK raises into `Refusal` (the server answered with an
error) or hands the exception on to `from_transport` (nothing or too little came). Status,
body code and class decide together: servers disagree about each of them alone.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.errors import (
    AuthenticationError,
    ContextOverflowError,
    InvalidResponseError,
    ModelUnavailableError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExhaustedError,
    RateLimitError,
    RefusedError,
)
from codeflow_engine.providers.llm.calls.waits import read_retry_after

__all__ = ["Called", "Refusal", "from_transport", "malformed", "refused"]

_WORD: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_QUOTA: Final = re.compile(
    r"insufficient_quota|billing|credit balance|spend(ing)?[ _-]limit|quota exceeded|usage limits",
    re.IGNORECASE,
)
_OVERFLOW: Final = re.compile(
    r"context_length_exceeded|prompt is too long|maximum context length|context window|"
    r"request_too_large|too many tokens|input is too long|exceed context limit",
    re.IGNORECASE,
)
_FILTER: Final = re.compile(r"content_filter|content_policy|responsible_?ai", re.IGNORECASE)
_FORM: Final = frozenset({"json_validate_failed", "tool_use_failed"})
_MODEL: Final = re.compile(
    r"model_not_found|invalid_model|model_decommissioned|not_found_error|deprecated"
)
_ACCESS: Final = re.compile(r"authentication|permission")
_OVERLOADED: Final = re.compile(r"overloaded|capacity|engine_overloaded", re.IGNORECASE)

_DEEP: Final = 20
"""Causes of causes that are looked at."""

_SHOWN: Final = 200
"""Characters of a server's own words that an error quotes."""

_TELLING: Final = 16
"""Characters: a run of the prompt's own text that is so long is no accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Which call it was."""

    provider: str
    model: str
    key_name: str
    """What to set where the key is wrong."""

    request: ChatRequest | None = None
    """What was asked, so that no error quotes it."""

    @property
    def title(self) -> str:
        """The model as a person names it."""
        return f"{self.provider}:{self.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A server's answer that is an error."""

    status: int | None
    """None for an error that was told inside of a stream that had begun well."""

    code: str = ""
    """The body's own words: its `code` and `type`, with a blank between them."""

    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""

    @classmethod
    def of_body(cls, status: int | None, headers: Mapping[str, str], body: Any) -> Refusal:
        """Read the usual forms of an error's body; any other one has no words."""
        found = body.get("error", body) if isinstance(body, Mapping) else {}
        if not isinstance(found, Mapping):
            found = {"message": found}
        # Where Anthropic has a more exact word than the type, it stands in details.
        details = found.get("details")
        code = details.get("error_code") if isinstance(details, Mapping) else None
        words = [found.get("code") or code, found.get("type")]
        message = found.get("message") or found.get("detail")
        lowered = {str(name).lower(): str(value) for name, value in headers.items()}
        return cls(
            status=status,
            code=" ".join(str(word) for word in words if isinstance(word, str | int)),
            message=message if isinstance(message, str) else "",
            headers=lowered,
        )


def refused(refusal: Refusal, called: Called) -> ProviderError:
    """Say what a server's error means."""
    where = f"{called.title} answered {_said(refusal, called)}"
    return (
        _account(refusal, called, where)
        or _question(refusal, called, where)
        or _moment(refusal, where)
        or ProviderError(f"{where}: it does not take the request", kind="bad_request")
    )


def _account(refusal: Refusal, called: Called, where: str) -> ProviderError | None:
    """Look for what is wrong with the key, its money, or what it may use."""
    status, words = refusal.status, f"{refusal.code} {refusal.message}"
    if status == 402 or (status in {400, 403, 429, None} and _QUOTA.search(words)):
        return QuotaExhaustedError(f"{where}: the account of this key has no money or quota left")
    if status == 403 and _FILTER.search(words):
        return None
    if status in {401, 403} or (status is None and _ACCESS.search(refusal.code)):
        return AuthenticationError(f"{where}: the key is not accepted; see {called.key_name}")
    if status in {404, 410} or (status in {400, None} and _MODEL.search(refusal.code)):
        return ModelUnavailableError(f"{where}: no such model, or no such place: see base_url")
    return None


def _question(refusal: Refusal, called: Called, where: str) -> ProviderError | None:
    """Look for what is wrong with this question alone."""
    status, words = refusal.status, f"{refusal.code} {refusal.message}"
    if status == 413 or (status in {400, 422, None} and _OVERFLOW.search(words)):
        return ContextOverflowError(f"{where}: the prompt {_size(called)}does not fit the model")
    if status in {400, 422, None} and _FORM & set(refusal.code.split()):
        return InvalidResponseError(
            f"{where}: the model did not keep to the form", kind="invalid_json", charged=True
        )
    if status in {400, 403, 422, None} and _FILTER.search(words):
        return RefusedError(f"{where}: a filter took the prompt away", kind="filtered")
    return None


def _moment(refusal: Refusal, where: str) -> ProviderError | None:
    """Look for what may pass by itself."""
    status, wait = refusal.status, read_retry_after(refusal.headers)
    words = f"{refusal.code} {refusal.message}"
    if status == 429 or (status is None and "rate_limit" in refusal.code):
        return RateLimitError(f"{where}: too many requests or tokens", retry_after=wait)
    if status == 408:
        return ProviderTimeoutError(f"{where}: it took too long", retry_after=wait)
    if status is not None and 300 <= status < 400:
        return ProviderError(f"{where}: a redirect, which no key is sent to", kind="redirect")
    # Told inside of a stream or a body, "invalid_request_error" is still the caller's.
    if status is None and "invalid" in refusal.code:
        return None
    # 409 is a lock that somebody holds, 498 Groq's word for no room, 529 Anthropic's.
    if status is None or status >= 500 or status in {409, 425, 498}:
        kind = "overloaded" if status in {498, 529} or _OVERLOADED.search(words) else "server"
        return ProviderUnavailableError(where, retry_after=wait, kind=kind, charged=status is None)
    return None


def from_transport(error: BaseException, called: Called, *, begun: bool) -> ProviderError | None:
    """Say what an exception of httpx or httpx2 means; None where it is another one.

    Args:
        error: Looked at with all its causes; no package is imported for it.
        called: Which call it was.
        begun: Whether a part of the answer had come, so that it may cost money.
    """
    names = {name for one in _causes(error) for name in _transport_names(one)}
    if not names:
        return None
    title = called.title
    if "ConnectTimeout" in names or "PoolTimeout" in names:
        kind = "connect_timeout" if "ConnectTimeout" in names else "pool_timeout"
        return ProviderTimeoutError(f"{title} could not be reached in time", kind=kind)
    if names & {"ReadTimeout", "WriteTimeout", "TimeoutException"}:
        return ProviderTimeoutError(
            f"{title} gave no answer in time", kind="read_timeout", charged=True
        )
    if names & {"UnsupportedProtocol", "InvalidURL"}:
        return ProviderError(f"{title} has a base_url that is none", kind="bad_url")
    if names & {"ConnectError", "ProxyError"}:
        kind, what = _connecting(error)
        return ProviderUnavailableError(f"{title} cannot be reached: {what}", kind=kind)
    if names & {"DecodingError"}:
        return InvalidResponseError(f"{title} gave an answer that cannot be decoded", charged=True)
    what = "broke its answer off" if begun else "closed the connection"
    return ProviderUnavailableError(f"{title} {what}", kind="connection", charged=begun)


def malformed(called: Called, what: str, *, charged: bool = True) -> InvalidResponseError:
    """Say that an answer has a form that the interface does not allow."""
    return InvalidResponseError(f"{called.title} gave {what}", charged=charged)


def _transport_names(error: BaseException) -> Iterator[str]:
    for one in type(error).__mro__:
        if one.__module__.partition(".")[0] in {"httpx", "httpx2"}:
            yield one.__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what it came from; a ring of causes ends."""
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen and len(seen) < _DEEP:
        seen.append(at)
        yield at
        at = at.__cause__ or at.__context__


def _connecting(error: BaseException) -> tuple[str, str]:
    for one in _causes(error):
        if isinstance(one, socket.gaierror):
            return "dns", "its name is not known"
        if isinstance(one, ssl.SSLError):
            return "tls", "no encrypted connection that can be trusted"
        if isinstance(one, ConnectionRefusedError):
            return "connection_refused", "nothing listens there"
    return "connect", "no connection"


def _size(called: Called) -> str:
    if called.request is None:
        return ""
    size = sum(len(message.text) for message in called.request.messages)
    return f"of {size:,} characters "


def _said(refusal: Refusal, called: Called) -> str:
    """Quote a server, without what it may have from the prompt or the key."""
    words = [word for word in refusal.code.split() if _WORD.fullmatch(word)]
    code = " ".join(dict.fromkeys(words))
    status = "an error" if refusal.status is None else f"HTTP {refusal.status}"
    told = f"{status} ({code})" if code else status
    message = " ".join(refusal.message.split())[:_SHOWN]
    hidden = refusal.status in {401, 403} or "<" in message or not message.isprintable()
    if hidden or not message or _quotes(message, called.request):
        return told
    return f"{told}, {message!r}"


def _quotes(message: str, request: ChatRequest | None) -> bool:
    if request is None:
        return False
    windows = [message[at : at + _TELLING] for at in range(max(len(message) - _TELLING + 1, 1))]
    texts = [" ".join(one.text.split()) for one in request.messages]
    return any(window in text for text in texts for window in windows)
