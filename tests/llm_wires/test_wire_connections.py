"""What becomes of each wire's connections: timeouts, redirects, cancelling and closing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, nullcontext

import pytest
from wire_asking import ONE_WIRE, WAY, ask, failure, hear

from codeflow_engine.contracts.llm import LLM
from codeflow_engine.errors import ProviderError, ProviderTimeoutError, ProviderUnavailableError
from fault_places import UNKNOWN, Certificate, blackhole, refusing
from fault_server import Ending, FaultServer, Received, Reply
from model_replies import JSON, SSE, streamed
from stopwatch import stopwatch
from wires import REQUEST, Wire


@WAY
async def test_l18_a_body_that_drips_ends_with_the_whole_calls_timeout(
    wire: Wire, way: str
) -> None:
    """A whole call's timeout holds, though a byte comes now and then."""
    body = tuple(bytes([byte]) for byte in wire.answer("x" * 500))
    reply = Reply(headers=JSON if way == "whole" else SSE, body=body, every=0.05)
    async with (
        FaultServer(reply) as server,
        wire.connect(server.url, timeout=0.4, idle_timeout=5) as provider,
        stopwatch() as watch,
    ):
        error = await failure(provider, way)

    assert isinstance(error, ProviderTimeoutError)
    assert watch.seconds < 3


@WAY
@pytest.mark.parametrize(
    ("place", "kind"),
    [(nullcontext(UNKNOWN), "dns"), (None, "connection_refused"), (blackhole, "connect_timeout")],
    ids=["dns", "refused", "blackhole"],
)
async def test_l22_a_place_that_cannot_be_reached_is_told_by_its_kind(
    wire: Wire, way: str, place: object, kind: str
) -> None:
    """No address, nobody there and no reaction are different things, and may all pass."""
    where: AbstractContextManager[str] = (
        place if isinstance(place, nullcontext) else blackhole() if place else refusing()
    )
    with where as url:
        async with wire.connect(url, connect_timeout=0.3) as provider, stopwatch() as watch:
            error = await failure(provider, way)

    assert error.kind == kind
    assert isinstance(
        error, ProviderTimeoutError if kind == "connect_timeout" else ProviderUnavailableError
    )
    assert (error.retryable, error.charged) == (True, False)
    assert watch.seconds < 5


@WAY
async def test_l22_a_certificate_that_nobody_knows_is_not_trusted(
    wire: Wire, way: str, certificate: Certificate
) -> None:
    """A server that cannot prove itself gets no key, and the error says that it is TLS."""
    async with (
        FaultServer(Reply(body=wire.answer()), tls=certificate.context) as server,
        wire.connect(server.url) as provider,
    ):
        error = await failure(provider, way)

    assert (error.kind, type(error)) == ("tls", ProviderUnavailableError)
    assert server.requests == []


BROKEN = {
    "before": Reply(head=b""),
    "in the head": Reply(head=b"HTTP/1.1 200 OK\r\ncontent-ty"),
    "reset": Reply(head=b"", ending=Ending.RESET),
    "in the body": Reply(headers=JSON, body=b'{"id": "', ending=Ending.CUT),
    "reset in the body": Reply(headers=JSON, body=b'{"id": "', ending=Ending.RESET),
    "another protocol": Reply(head=b"SSH-2.0-OpenSSH_9.9\r\n"),
}
"""Where a connection may break."""


@WAY
async def test_l22_a_connection_that_breaks_is_told_as_such(wire: Wire, way: str) -> None:
    """Wherever a connection breaks, that is its kind, and it may pass."""
    replies = list(BROKEN.values())
    async with FaultServer(replies) as server, wire.connect(server.url) as provider:
        for number, where in enumerate(BROKEN, 1):
            error = await failure(provider, way)
            assert (error.kind, type(error)) == ("connection", ProviderUnavailableError), where
            assert error.retryable
            assert len(server.requests) == number, where


@WAY
async def test_l23_a_redirect_is_not_followed(wire: Wire, way: str) -> None:
    """Nobody but the place that was named gets the key or the prompt."""
    statuses = (301, 302, 303, 307, 308)
    async with FaultServer(Reply(body=wire.answer())) as other:
        there = (("location", f"{other.url}{wire.path}"),)
        replies = [Reply(status=status, headers=there) for status in statuses]
        async with FaultServer(replies) as server, wire.connect(server.url) as provider:
            for number, status in enumerate(statuses, 1):
                error = await failure(provider, way)
                assert (error.kind, error.retryable) == ("redirect", False), status
                assert len(server.requests) == number

    assert other.requests == []


@WAY
async def test_l24_a_head_that_is_too_slow_is_a_timeout(wire: Wire, way: str) -> None:
    """An answer that begins after the timeout is not waited for, and its connection closed."""
    reply = Reply(body=wire.answer(), after=8)
    async with FaultServer(reply) as server, wire.connect(server.url, timeout=0.3) as provider:
        async with stopwatch() as watch:
            error = await failure(provider, way)
        await asyncio.wait_for(server.requests[0].left.wait(), 6)

    assert isinstance(error, ProviderTimeoutError)
    assert error.retryable
    assert watch.seconds < 3
    assert len(server.requests) == 1


def _calls(provider: LLM, way: str) -> asyncio.Task[object]:
    return asyncio.create_task(ask(provider) if way == "whole" else hear(provider))  # type: ignore[arg-type]


@WAY
@pytest.mark.parametrize("at", ["waiting", "reading"])
async def test_l25_a_call_is_cancelled_at_once(wire: Wire, way: str, at: str) -> None:
    """A cancelled call ends within 100 ms, and its connection is closed."""
    body = wire.stream("Looks ")[:-3] if way == "stream" else (b'{"id":',)
    head = SSE if way == "stream" else JSON
    reply = Reply(headers=head, body=body, chunked=True, ending=Ending.STALL)
    slow = Reply(body=b"{}", after=60)
    async with (
        FaultServer(Reply(status=503)) as server,
        wire.connect(server.url) as provider,
    ):
        await failure(provider, way)  # the SDK is loaded now
        server.tell(slow if at == "waiting" else reply)
        task = _calls(provider, way)
        await server.until(lambda: len(server.requests) == 1)
        await asyncio.sleep(0.05 if at == "reading" else 0)
        task.cancel()
        async with stopwatch() as watch:
            with pytest.raises(asyncio.CancelledError):
                await task
        assert watch.seconds < 0.1
        await asyncio.wait_for(server.requests[0].left.wait(), 6)


@WAY
async def test_l25_a_call_that_is_not_connected_is_cancelled_at_once(wire: Wire, way: str) -> None:
    """A call whose connection does not stand yet ends within 100 ms as well."""
    with blackhole() as url:
        async with wire.connect(url, connect_timeout=60) as provider:
            task = _calls(provider, way)
            await asyncio.sleep(0.2)
            task.cancel()
            async with stopwatch() as watch:
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert watch.seconds < 0.1


async def test_l25_a_stream_that_nobody_reads_on_is_closed(wire: Wire) -> None:
    """Whoever closes a stream before its end closes its connection."""
    body = wire.stream("Looks ", "good")[:-3]
    reply = streamed(*body, ending=Ending.STALL)
    async with FaultServer(reply) as server, wire.connect(server.url) as provider:
        stream = provider.stream(REQUEST)
        async for _ in stream:
            break
        assert isinstance(stream, AsyncIterator)
        await stream.aclose()  # type: ignore[attr-defined]
        await asyncio.wait_for(server.requests[0].left.wait(), 6)


@ONE_WIRE
async def test_l33_many_calls_at_once_settle_and_leave_nothing(wire: Wire) -> None:
    """200 calls at once all end, the failing ones with their errors, and no socket is left."""

    def script(received: Received) -> Reply:
        number = len(server.requests)
        return Reply(status=503) if number % 10 == 0 else Reply(body=wire.answer(), after=0.01)

    async with FaultServer(script) as server:
        async with wire.connect(server.url, timeout=60) as provider:
            settled = await asyncio.gather(
                *(provider.complete(REQUEST) for _ in range(200)), return_exceptions=True
            )
        await server.until(lambda: server.open == 0)
        gc.collect()

    failed = [each for each in settled if isinstance(each, BaseException)]
    assert len(failed) == 20
    assert {type(each) for each in failed} == {ProviderUnavailableError}
    assert len(server.requests) == 200


async def test_l33_calls_that_are_left_half_way_leave_nothing(wire: Wire) -> None:
    """Cancelled calls and closed streams leave no socket either."""
    stalling = Reply(body=b"{}", after=60)
    async with FaultServer(Reply(status=503)) as server:
        async with wire.connect(server.url) as provider:
            with pytest.raises(ProviderError):
                await ask(provider)
            server.tell(stalling)
            tasks = [_calls(provider, way) for way in ("whole", "stream") * 10]
            await server.until(lambda: len(server.requests) == len(tasks))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await server.until(lambda: server.open == 0)
        gc.collect()
