"""What each wire's streams become: the whole answer, or it is known that it is none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from wire_asking import hear

from codeflow_engine.domain.chat import FinishReason
from codeflow_engine.errors import (
    InvalidResponseError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
)
from fault_server import Ending, FaultServer, Reply, sse
from model_replies import streamed
from stopwatch import stopwatch
from wires import Event, Wire

PIECES = ("Looks ", "g\u00f6\u00f6d \U0001f600", ".")
TEXT = "".join(PIECES)


def after_text(events: list[Event]) -> int:
    """Say how many events there are up to the first one with a piece of text, with it."""
    return next(number for number, each in enumerate(events, 1) if PIECES[0] in str(each))


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET], ids=lambda ending: ending.value)
async def test_l16_a_stream_that_breaks_is_an_error_wherever_it_breaks(
    wire: Wire, ending: Ending
) -> None:
    """A connection that ends before its time is never an answer, and costs once text came."""
    events = wire.events(*PIECES)
    for kept in (0, 1, after_text(events), wire.last(events)):
        reply = streamed(*sse(*events[:kept]), ending=ending)
        async with FaultServer(reply) as server, wire.connect(server.url) as provider:
            heard = await hear(provider)
        assert isinstance(heard.error, ProviderUnavailableError), (kept, heard.answer)
        assert heard.error.retryable
        assert heard.error.kind == "connection"
        assert heard.error.charged or kept < after_text(events)
        assert len(server.requests) == 1


async def test_l17_a_stream_without_a_reason_at_its_end_is_incomplete(wire: Wire) -> None:
    """A stream that ends in good order, but without a reason, is `UNKNOWN` with its text."""
    events = wire.events(*PIECES)
    async with (
        FaultServer(streamed(*sse(*events[: wire.last(events)]))) as server,
        wire.connect(server.url) as provider,
    ):
        heard = await hear(provider)

    assert heard.answer is not None, heard.error
    assert heard.answer.finish_reason is FinishReason.UNKNOWN
    assert heard.answer.text == TEXT


@pytest.mark.parametrize("body", [(), (b": nothing\n\n",), (b"data: [DONE]\n\n",)])
async def test_l17_a_stream_of_nothing_is_incomplete(wire: Wire, body: tuple[bytes, ...]) -> None:
    """A stream in which nothing was said is `UNKNOWN` or a typed error."""
    async with FaultServer(streamed(*body)) as server, wire.connect(server.url) as provider:
        heard = await hear(provider)

    assert not heard.is_complete
    assert heard.error is not None or heard.answer is not None


async def test_l18_a_stream_that_stalls_ends_with_its_idle_timeout(wire: Wire) -> None:
    """Nothing for longer than `idle_timeout` is a timeout, long before the whole call's."""
    events = wire.events(*PIECES)
    reply = streamed(*sse(*events[: after_text(events)]), ending=Ending.STALL)
    async with FaultServer(reply) as server:
        async with (
            wire.connect(server.url, idle_timeout=0.25, timeout=30) as provider,
            stopwatch() as watch,
        ):
            heard = await hear(provider)
        await asyncio.wait_for(server.requests[0].left.wait(), 6)

    assert isinstance(heard.error, ProviderTimeoutError)
    assert (heard.error.retryable, heard.error.charged) == (True, True)
    assert watch.lasted > 0.1
    assert watch.seconds < 5


@pytest.mark.parametrize("reply", [{"after": 20.0}, {"ending": Ending.STALL}], ids=["head", "body"])
async def test_l18_a_stream_that_never_begins_ends_with_its_idle_timeout(
    wire: Wire, reply: dict[str, Any]
) -> None:
    """What comes first is waited for as long as for what comes next."""
    async with (
        FaultServer(streamed(**reply)) as server,
        wire.connect(server.url, idle_timeout=0.25, timeout=30) as provider,
        stopwatch() as watch,
    ):
        heard = await hear(provider)

    assert isinstance(heard.error, ProviderTimeoutError)
    assert watch.lasted > 0.1
    assert watch.seconds < 5


async def test_l18_a_drip_ends_with_the_whole_calls_timeout(wire: Wire) -> None:
    """A byte now and then holds off the idle timeout, and not that of the whole call."""
    drip = tuple(bytes([byte]) for byte in b"".join(wire.stream("x" * 500)))
    async with (
        FaultServer(streamed(*drip, every=0.05)) as server,
        wire.connect(server.url, idle_timeout=5, timeout=0.4) as provider,
        stopwatch() as watch,
    ):
        heard = await hear(provider)

    assert isinstance(heard.error, ProviderTimeoutError)
    assert watch.seconds < 3


type Odd = Callable[[bytes], bytes]

ODDITIES: dict[str, tuple[Odd, bool]] = {
    "crlf": (lambda stream: stream.replace(b"\n", b"\r\n"), True),
    "cr": (lambda stream: stream.replace(b"\n", b"\r"), False),
    "comments": (lambda stream: b": hi\n\n" + stream.replace(b"\n\n", b"\n\n: ping\n\n"), True),
    "keep-alives": (lambda stream: stream.replace(b"\n\n", b"\n\n\n\n"), True),
    "ids and retries": (lambda stream: b"retry: 9\nid: 1\n\n" + stream, True),
    "no blank": (lambda stream: stream.replace(b"data: ", b"data:"), True),
    "many lines": (lambda stream: stream.replace(b'", "', b'",\ndata: "'), True),
    "bom": (lambda stream: b"\xef\xbb\xbf" + stream, False),
}
"""Forms that the specification of server-sent events allows, and whether each is read.

The SDKs' readers, which read for us, take a lone CR and a byte order mark in their own ways:
with those, it is enough that no text is lost silently."""


@pytest.mark.parametrize("odd", ODDITIES)
async def test_l19_each_form_of_events_is_read(wire: Wire, odd: str) -> None:
    """A stream in another form that is allowed is the same stream, or a typed error."""
    change, is_read = ODDITIES[odd]
    body = change(b"".join(wire.stream(*PIECES)))
    async with FaultServer(streamed(body)) as server, wire.connect(server.url) as provider:
        heard = await hear(provider)

    if heard.error is None or is_read:
        assert heard.answer is not None, heard.error
        assert heard.answer.text == TEXT or not (is_read or heard.is_complete)


async def test_l19_characters_may_be_split_at_any_byte(wire: Wire) -> None:
    """A character whose bytes come one by one, each in a chunk of its own, is one character."""
    events = [_unescaped(each) for each in wire.events(*PIECES)]
    whole = b"".join(sse(*events))
    assert "\U0001f600".encode() in whole
    async with (
        FaultServer(streamed(*(bytes([byte]) for byte in whole))) as server,
        wire.connect(server.url) as provider,
    ):
        heard = await hear(provider)

    assert heard.answer is not None, heard.error
    assert (heard.answer.text, heard.is_complete) == (TEXT, True)


def _unescaped(event: Event) -> Event:
    """Write the characters of an event as themselves."""
    if isinstance(event, tuple):
        return event[0], json.dumps(json.loads(event[1]), ensure_ascii=False)
    return event if event == "[DONE]" else json.dumps(json.loads(event), ensure_ascii=False)


@pytest.mark.parametrize("bad", [b'data: {"id": \n\n', b"data: \xff\xfe\n\n", b"data: 7\n\n"])
async def test_l19_a_malformed_event_is_not_passed_over(wire: Wire, bad: bytes) -> None:
    """An event that cannot be read ends the stream with an error, for text may be lost."""
    events = wire.events(*PIECES)
    kept = after_text(events)
    name = b"" if isinstance(events[kept], str) else f"event: {events[kept][0]}\n".encode()
    body = (*sse(*events[:kept]), name + bad, *sse(*events[kept + 1 :]))
    async with FaultServer(streamed(*body)) as server, wire.connect(server.url) as provider:
        heard = await hear(provider)

    assert isinstance(heard.error, InvalidResponseError), heard.answer
    assert heard.error.charged


async def test_l19_a_broken_chunk_is_an_error(wire: Wire) -> None:
    """A chunk whose length is none breaks the stream."""
    events = wire.stream(*PIECES)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    head += b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\nzz\r\n" % (len(events[0]), events[0])
    async with FaultServer(Reply(head=head)) as server, wire.connect(server.url) as provider:
        heard = await hear(provider)

    assert isinstance(heard.error, ProviderError)


async def test_l20_an_overload_within_a_stream_is_one(wire: Wire) -> None:
    """An error that comes after status 200 is classified by its own words, and may pass."""
    events = wire.events(*PIECES)
    told = [*events[: after_text(events)], wire.overloaded]
    async with FaultServer(streamed(*sse(*told))) as server, wire.connect(server.url) as provider:
        heard = await hear(provider)

    assert isinstance(heard.error, ProviderUnavailableError), heard.answer
    assert (heard.error.kind, heard.error.retryable) == ("overloaded", True)
    assert heard.error.charged


async def test_l20_a_rate_limit_within_a_stream_is_one(wire: Wire) -> None:
    """A rate limit that comes after status 200 is a `RateLimitError`."""
    events = wire.events(*PIECES)
    told = [*events[: after_text(events)], wire.limited]
    async with FaultServer(streamed(*sse(*told))) as server, wire.connect(server.url) as provider:
        heard = await hear(provider)

    assert isinstance(heard.error, RateLimitError), heard.error
