"""Calls through the clients of Anthropic's SDK, those of Bedrock and Vertex among them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from codeflow_engine.providers.llm.calls.line import Asked, Line, Ready

__all__ = ["KEYS", "AnthropicLine"]

KEYS: Final = (
    *("api_key", "auth_token", "access_token"),
    *("aws_access_key", "aws_secret_key", "aws_session_token"),
)
"""What clients call their keys: Anthropic's own, Vertex', and Bedrock's."""

_FOLLOWED: Final = (*KEYS, "credentials", "aws_profile", "aws_region", "base_url")
"""What a host may change on its client, and our copy follows."""

_UNREAD: Final = {"X-Stainless-Raw-Response": "stream"}
"""Has the SDK hand over a response without making its decoder, for which Bedrock's client
imports botocore."""

_AMAZON: Final = "application/vnd.amazon.eventstream"


class AnthropicLine(Line):
    """The way to Anthropic: our client, or a private copy of the host's.

    The SDK makes spans for the calls of a client. Those of the engine tell of the same calls, so
    that the copy makes none; it keeps the host's connections, platform and middleware.
    """

    _copy: Any = None
    _state: tuple[Any, ...] = ()

    async def _ask(
        self, ready: Ready, path: str, body: Mapping[str, Any] | None, options: dict[str, Any]
    ) -> Asked:
        client = ready.client if self._host is None else self._copied()
        options["headers"] |= _UNREAD
        raw = {"cast_to": object, "stream": True, "stream_cls": ready.sdk.AsyncStream[object]}
        if body is None:
            held = await client.get(path, options=options, **raw)
        else:
            held = await client.post(path, body=body, options=options, **raw)
        response = held.http_response
        if response.headers.get("content-type") == _AMAZON:
            return response, _as_events(await held.parse())
        return response, response.aiter_bytes()

    def _copied(self) -> Any:
        """Give the copy, which is made anew where the host has changed its key."""
        state = tuple(getattr(self._host, name, None) for name in _FOLLOWED)
        if self._copy is None or state != self._state:
            self._copy = self._host.with_options(open_telemetry=False)
            self._state = state
        return self._copy


async def _as_events(told: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    """Write what Bedrock's decoder reads as the events that all others send."""
    async for event in told:
        yield b"data: %b\n\n" % json.dumps(event).encode()
