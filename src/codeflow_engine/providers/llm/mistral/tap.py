"""The HTTP client that the SDK is given: another one, with what we need of each call."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from codeflow_engine.providers.llm.calls.events import read_body
from codeflow_engine.providers.llm.calls.faults import Called

__all__ = ["CALL", "Call", "Nothing", "Tap"]

_DEPRECATION: Final = "x-model-deprecation-timestamp"
_OF_BYTES: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})


@dataclass(slots=True, kw_only=True)
class Call:
    """One call, as the tap sees it."""

    called: Called
    timeouts: dict[str, float]
    """As httpx2 keeps them in a request: `connect`, `read`, `write`, `pool`."""

    response: Any = None
    """What came: the SDK itself hands out neither the headers of an answer nor its JSON."""

    whole: Any = None
    """The same with its whole body, or None while a stream of events is open."""

    @property
    def is_answered(self) -> bool:
        """Whether all has come that was asked for."""
        return self.whole is not None and bool(self.whole.is_success)

    async def aclose(self) -> None:
        """Close the connection, where the response has not ended."""
        if self.response is not None:
            await self.response.aclose()


CALL: ContextVar[Call] = ContextVar("CALL")
"""The call that is being made. No argument can tell it: it is the SDK that calls the tap."""


class Tap:
    """Sends through another HTTP client, which stays as it is.

    With each request it says what the SDK cannot: a timeout for each phase, and that a redirect
    is not followed, since the key would go along. It reads a body itself, so that one without
    an end is refused, and keeps it: the SDK's models refuse what they do not know.
    """

    def __init__(self, http: Any) -> None:
        self.http = http

    def build_request(self, *args: Any, **kwargs: Any) -> Any:
        """Build a request."""
        return self.http.build_request(*args, **kwargs)

    async def send(self, request: Any, *, stream: bool = False, **_: Any) -> Any:
        """Send a request, and read what comes unless it is the stream that was asked for."""
        call = CALL.get()
        request.extensions["timeout"] = call.timeouts
        response = call.response = await self.http.send(
            request, stream=True, follow_redirects=False
        )
        if stream and response.is_success and _is_events(response):
            # A hook of the SDK reads the model from the body then, which a stream has not yet.
            response.headers.pop(_DEPRECATION, None)
            return response
        parts = response.aiter_bytes()

        async def following() -> bytes | None:
            return await anext(parts, None)

        content = await read_body(following, call.called)
        await response.aclose()
        headers = [pair for pair in response.headers.multi_items() if pair[0] not in _OF_BYTES]
        call.whole = type(response)(
            response.status_code, headers=headers, content=content, request=request
        )
        return call.whole

    async def aclose(self) -> None:
        """Close nothing: whoever has opened the client closes it."""


class Nothing:
    """Stands where the SDK would open a synchronous client, and a log that shows the key."""

    def build_request(self, *_: Any, **__: Any) -> Any:
        """Build no request."""
        raise NotImplementedError

    def send(self, *_: Any, **__: Any) -> Any:
        """Send none."""
        raise NotImplementedError

    def close(self) -> None:
        """Close nothing."""

    def debug(self, *_: Any, **__: Any) -> None:
        """Log nothing."""


def _is_events(response: Any) -> bool:
    return "text/event-stream" in str(response.headers.get("content-type", "")).lower()
