"""The fault server does what it is told, as plain sockets and the vendors' SDKs see it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from fault_places import UNKNOWN, blackhole, make_certificate, refusing
from fault_server import Ending, FaultServer, Received, Reply
from wires import KEY, REQUEST, WIRES, Wire

QUESTION = b"POST /x?y=1 HTTP/1.1\r\nHost: a\r\nX-Api-Key: k\r\nContent-Length: 2\r\n\r\n{}"


async def told(server: FaultServer, *, size: int = -1) -> bytes:
    """Ask once and read until the other side closes, or until so many bytes have come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(QUESTION)
    try:
        return await (reader.read() if size < 0 else reader.readexactly(size))
    finally:
        writer.close()


async def test_a_script_is_followed_and_its_last_reply_goes_on() -> None:
    """Each request gets the next reply, then always the last one, on one connection too."""
    async with FaultServer([Reply(status=503), Reply(body=b"{1}")]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        heads = []
        for _ in range(3):
            writer.write(QUESTION)
            heads.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
            await reader.readexactly(0 if heads[-1] == b"503" else 3)
        writer.close()

    assert heads == [b"503", b"200", b"200"]
    assert server.connections == 1
    first = server.requests[0]
    assert (first.method, first.path, first.target) == ("POST", "/x", "/x?y=1")
    assert (first.body, first.key, first.left_at) == (b"{}", "k", None)


async def test_a_script_may_choose_by_the_request() -> None:
    """A function gives the reply to each request."""

    def script(received: Received) -> Reply:
        return Reply(headers=(("x-saw", received.target),), ending=Ending.CUT)

    async with FaultServer(script) as server:
        assert b"x-saw: /x?y=1" in await told(server)


@pytest.mark.parametrize("ending", [Ending.CUT, Ending.RESET])
async def test_a_reply_may_break_off_in_its_body(ending: Ending) -> None:
    """What was told comes, and then an end that is none, or a reset."""
    async with FaultServer(Reply(body=b"{ha", chunked=True, ending=ending)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(QUESTION)
        await reader.readuntil(b"3\r\n{ha\r\n")
        if ending is Ending.RESET:
            with pytest.raises(ConnectionResetError):
                await reader.read()
        else:
            assert await reader.read() == b""
        writer.close()


async def test_a_reply_may_break_off_in_its_head_or_before() -> None:
    """A head is sent as it is told, however little of it there is."""
    async with FaultServer([Reply(head=b"HTTP/1.1 20"), Reply(head=b"")]) as server:
        assert [await told(server), await told(server)] == [b"HTTP/1.1 20", b""]


async def test_a_reply_may_wait_drip_and_stall() -> None:
    """The head comes after its delay, pieces at their times, and a stall lasts until one goes."""
    drip = Reply(body=(b"a", b"b", b"c"), after=0.1, every=0.05, ending=Ending.STALL)
    async with FaultServer(drip) as server:
        begun = time.monotonic()
        await told(server, size=len(drip.start()) + 3)
        assert time.monotonic() - begun >= 0.2
        await asyncio.wait_for(server.requests[0].left.wait(), 5)

    assert server.requests[0].left_at is not None


async def test_a_connection_is_carried_through_a_tunnel() -> None:
    """`CONNECT` brings bytes to another server and back."""
    async with (
        FaultServer(Reply(body=b"{here}", ending=Ending.CUT)) as far,
        FaultServer(Reply(tunnel=True)) as proxy,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(f"CONNECT 127.0.0.1:{far.port} HTTP/1.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(QUESTION)
        assert b"{here}" in await reader.readuntil(b"}")
        writer.close()

    assert proxy.requests[0].method == "CONNECT"
    assert far.requests[0].key == "k"


async def test_tls_is_spoken_with_a_certificate_that_nobody_knows(tmp_path: Path) -> None:
    """The certificate is good for whoever trusts it, and for nobody else."""
    import ssl

    certificate = make_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate.file)
    async with FaultServer(Reply(ending=Ending.CUT), tls=certificate.context) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trusting)
        writer.write(QUESTION)
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(
                "127.0.0.1", server.port, ssl=ssl.create_default_context()
            )


async def test_bad_places_are_bad_in_their_own_ways() -> None:
    """One place refuses, one lets wait, and one has no address."""
    with refusing() as url, pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    with blackhole() as url, pytest.raises(TimeoutError):
        await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2])), 0.2
        )
    with pytest.raises(socket.gaierror):
        await asyncio.open_connection(UNKNOWN.partition("//")[2], 80)


async def ask_with_sdk(wire: Wire, url: str, *, stream: bool) -> tuple[str, Any]:
    """Ask with the vendor's own SDK; give the text and what it came in."""
    messages: Any = [{"role": "user", "content": "Hello?"}]
    if wire.name in {"responses", "chat"}:
        import openai

        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client:
            if wire.name == "responses":
                return await _responses(client, wire.model, stream=stream)
            return await _chat(client.chat.completions.create, wire.model, messages, stream=stream)
    if wire.name == "groq":
        import groq

        async with groq.AsyncGroq(api_key=KEY, base_url=url) as asked:
            return await _chat(asked.chat.completions.create, wire.model, messages, stream=stream)
    if wire.name == "messages":
        import anthropic

        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url) as other:
            call = {"model": wire.model, "messages": messages, "max_tokens": 9}
            if not stream:
                message = await other.messages.create(**call)
                return message.content[0].text, message
            async with other.messages.stream(**call) as events:
                final = await events.get_final_message()
                return await events.get_final_text(), final
    from mistralai.client import Mistral

    async with Mistral(api_key=KEY, server_url=url) as mistral:
        if not stream:
            answer = await mistral.chat.complete_async(model=wire.model, messages=messages)
            return answer.choices[0].message.content, answer
        chunks = [
            each.data
            async for each in await mistral.chat.stream_async(model=wire.model, messages=messages)
        ]
        return "".join(each.choices[0].delta.content or "" for each in chunks), chunks[-1]


async def _responses(client: Any, model: str, *, stream: bool) -> tuple[str, Any]:
    if not stream:
        response = await client.responses.create(model=model, input="Hello?")
        return response.output_text, response
    async with client.responses.stream(model=model, input="Hello?") as events:
        final = await events.get_final_response()
        return final.output_text, final


async def _chat(create: Any, model: str, messages: Any, *, stream: bool) -> tuple[str, Any]:
    if not stream:
        answer = await create(model=model, messages=messages)
        return answer.choices[0].message.content, answer
    chunks = [each async for each in await create(model=model, messages=messages, stream=True)]
    deltas = [each.choices[0].delta.content for each in chunks if each.choices]
    return "".join(delta or "" for delta in deltas), chunks[-1]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_the_vendors_own_sdk_takes_what_a_wire_says(wire: Wire, *, stream: bool) -> None:
    """A good answer and a good stream of a wire are those of its vendor, down to the counts."""
    whole = Reply(body=wire.answer("Fine, thanks."))
    streamed = Reply(
        headers=(("content-type", "text/event-stream"),),
        body=wire.stream("Fine", ", thanks."),
        chunked=True,
    )
    async with FaultServer(streamed if stream else whole) as server:
        text, came = await ask_with_sdk(wire, server.url, stream=stream)

    assert text == "Fine, thanks."
    assert server.requests[0].path == wire.path
    assert server.requests[0].key == KEY
    counted = json.loads(came.model_dump_json())
    usage = counted.get("usage") or counted["x_groq"]["usage"]
    assert 11 in usage.values()
    assert 7 in usage.values()


def test_there_are_five_wires() -> None:
    """Each wire has a name of its own, and knows when its stream ends."""
    assert [wire.name for wire in WIRES] == ["responses", "chat", "messages", "mistral", "groq"]
    for wire in WIRES:
        events = wire.events("a", "b")
        assert 0 < wire.last(events) < len(events)
    assert REQUEST.max_output_tokens
