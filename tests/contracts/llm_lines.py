"""The other ends of the shipped providers' lines, as the suite wants them.

What a vendor's servers write is known to `tests/llm_wires`; here it is put under the kinds
of replies of the suite.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import FinishReason
from codeflow_engine.testing.contracts import (
    HTTPReply,
    HTTPRequest,
    HTTPWire,
    LLMContract,
    Reply,
    ReplyKind,
)
from fault_server import sse
from wires import WIRES, Told
from wires import Wire as Vendor

__all__ = ["Shipped", "VendorLine", "offline"]

_VENDORS = {wire.name: wire for wire in WIRES}

_SDKS = {
    "responses": "openai",
    "chat": "openai",
    "messages": "anthropic",
    "mistral": "mistralai",
    "groq": "groq",
}
_ODD = "contract_odd"
_NOWHERE = "http://127.0.0.1:9"
_REASONS = {
    ReplyKind.ANSWER: FinishReason.STOP,
    ReplyKind.CUT: FinishReason.LENGTH,
    ReplyKind.REFUSED: FinishReason.REFUSED,
    ReplyKind.FILTERED: FinishReason.FILTERED,
}


def offline(vendor: str) -> LLM:
    """Make a vendor's provider, which is asked nothing: where it calls, nobody listens."""
    return _VENDORS[vendor].provider(_NOWHERE)


class Shipped(LLMContract):
    """The suite on one shipped provider, whose vendor a subclass names."""

    vendor: ClassVar[str]
    wrap: ClassVar[Callable[[LLM], LLM]] = staticmethod(lambda llm: llm)
    """What a mutant makes of the provider."""

    @pytest.fixture
    def create(self) -> Callable[[], LLM]:
        return lambda: self.wrap(offline(self.vendor))

    @pytest.fixture
    def keyless(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], LLM]:
        vendor = _VENDORS[self.vendor]
        monkeypatch.delenv(vendor.key_variable, raising=False)
        # At the vendor's own place: a server of one's own may want no key.
        return lambda: self.wrap(vendor.make(settings=vendor.settings()))

    @pytest.fixture
    def wire(self) -> VendorLine:
        # On a busy machine that alone may take longer than a call may.
        importlib.import_module(_SDKS[self.vendor])
        return VendorLine(_VENDORS[self.vendor], self.wrap)


class VendorLine(HTTPWire):
    """Speaks as the servers of a vendor do."""

    def __init__(self, vendor: Vendor, wrap: Callable[[LLM], LLM] = lambda llm: llm) -> None:
        super().__init__()
        self._vendor = vendor
        self._wrap = wrap
        unspoken = {kind for kind, reason in _REASONS.items() if reason not in vendor.reasons}
        self.speaks = frozenset(ReplyKind) - unspoken  # type: ignore[misc]

    def create(self, url: str) -> LLM:
        return self._wrap(
            self._vendor.provider(
                url, key=self.key, timeout=self.timeout, idle_timeout=self.timeout
            )
        )

    def last_message(self, request: HTTPRequest) -> str:
        return _last_text(request.json)

    def write(self, reply: Reply, request: HTTPRequest) -> HTTPReply:
        if "models" in request.path.rsplit("/", 1)[-1]:
            return HTTPReply.of_json(self._models())
        if "count" in request.path or "input_tokens" in request.path:
            return HTTPReply.of_json({"input_tokens": len(request.body) // 4})
        if reply.kind in _REASONS or reply.kind in {ReplyKind.ODD_REASON, ReplyKind.UNFINISHED}:
            return self._answer(reply, request)
        status, body = self._error(reply)
        headers = {"content-type": "application/json"}
        if reply.retry_after is not None:
            headers["retry-after"] = f"{reply.retry_after:g}"
        return HTTPReply(status=status, headers=headers, pieces=(body,))

    def _answer(self, reply: Reply, request: HTTPRequest) -> HTTPReply:
        reason = _REASONS.get(reply.kind)
        finish = _ODD if reason is None else self._vendor.reasons[reason]
        counted = reply.input_tokens, reply.output_tokens
        usage: Any = None if None in counted else counted
        if request.json.get("stream"):
            events = self._vendor.events(*reply.pieces, finish=finish, usage=usage)
            if reply.kind is ReplyKind.UNFINISHED:
                events = events[: self._vendor.last(events)]
            told = {"content-type": "text/event-stream"}
            return HTTPReply(headers=told, pieces=tuple(sse(*events)))
        document = self._vendor.document(reply.text, finish=finish, usage=usage)
        text = json.dumps(document)
        if reply.kind is ReplyKind.UNFINISHED:
            text = text.replace(f'"{_ODD}"', "null")
        return HTTPReply(pieces=(text.encode(),))

    def _error(self, reply: Reply) -> Told:
        vendor, said = self._vendor, reply.text or "No."
        match reply.kind:
            case ReplyKind.RATE_LIMITED:
                return vendor.status(429, said)
            case ReplyKind.UNAUTHORIZED:
                return vendor.status(401, said)
            case ReplyKind.OVERLOADED:
                return vendor.status(503, said)
            case ReplyKind.BAD_REQUEST:
                return vendor.status(422, said)
            case ReplyKind.NO_QUOTA:
                return _saying(vendor.quota[0], reply.text)
            case ReplyKind.NO_MODEL:
                return _saying(vendor.no_model[0], reply.text)
            case ReplyKind.TOO_LONG:
                return _saying(vendor.overflow[0], reply.text)
            case _:
                raise AssertionError(f"{reply.kind} is the server's own")

    def _models(self) -> Any:
        models = [{"id": name, "object": "model", "type": "model"} for name in ("small", "large")]
        return {"object": "list", "data": models, "has_more": False}


def _saying(told: Told, more: str) -> Told:
    """Put more words to those of an error, as a server does that quotes its caller."""
    status, body = told
    document = json.loads(body)
    error = document.get("error", document)
    error["message"] = f"{error['message']} {more}".strip()
    return status, json.dumps(document).encode()


def _last_text(body: Any) -> str:
    messages = body.get("messages") or body.get("input")
    if isinstance(messages, str):
        return messages
    content = messages[-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
