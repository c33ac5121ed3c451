"""What servers of models reply, for a `FaultServer`: JSON and streams of events."""

from __future__ import annotations

import json
from typing import Any

from fault_server import Reply

__all__ = ["JSON", "SSE", "in_events", "in_json", "streamed"]

JSON = (("content-type", "application/json"),)
SSE = (("content-type", "text/event-stream; charset=utf-8"),)


def in_json(value: object, status: int = 200, **headers: str) -> Reply:
    """Reply with JSON; an underscore in a header's name is a hyphen."""
    named = [(name.replace("_", "-"), told) for name, told in headers.items()]
    return Reply(status=status, headers=(*JSON, *named), body=json.dumps(value).encode())


def in_events(*events: object, done: bool = True, **reply: Any) -> Reply:
    """Reply with events that have no names, and with the end that OpenAI has written."""
    written = [b"data: %b\n\n" % json.dumps(event).encode() for event in events]
    return streamed(*written, *([b"data: [DONE]\n\n"] if done else []), **reply)


def streamed(*body: bytes, **reply: Any) -> Reply:
    """Reply with a stream, a chunk for each piece."""
    return Reply(**{"headers": SSE, "body": body, "chunked": True, **reply})
