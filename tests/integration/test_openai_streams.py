"""OpenAI's streams, and what is no answer: pieces, ends, stalls, errors and other forms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from llm_server import CHAT, RESPONSE, LLMServer, Reply, in_events, in_json, usual
from openai_asking import ASK, pieces, provider

from codeflow_engine.domain.chat import FinishReason
from codeflow_engine.errors import (
    InvalidResponseError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)

BOTH = pytest.mark.parametrize("api", ["responses", "chat"])


@pytest.fixture
async def server() -> AsyncIterator[LLMServer]:
    """Answer as OpenAI would."""
    async with LLMServer(usual) as server:
        yield server


CHUNKS = [
    {"id": "c1", "model": "m-1", "choices": [{"index": 0, "delta": {"content": "fo"}}]},
    {"id": "c1", "choices": [{"index": 0, "delta": {"content": "ur"}, "finish_reason": "stop"}]},
    {"id": "c1", "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 9}},
]
EVENTS = [
    {"type": "response.created", "response": {"id": "r1", "status": "in_progress"}},
    {"type": "response.something.new", "delta": 7},
    {"type": "response.output_text.delta", "delta": "fo"},
    {"type": "response.output_text.delta", "delta": "ur"},
    {"type": "response.completed", "response": RESPONSE},
]


@pytest.mark.parametrize(("api", "events"), [("responses", EVENTS), ("chat", CHUNKS)])
async def test_a_stream_gives_pieces_and_then_the_answer(
    server: LLMServer, api: str, events: list[object]
) -> None:
    """The pieces together are the answer's text, and the counts are the server's."""
    server.answer = lambda asked: in_events(*events)
    llm = provider(server, api=api)

    deltas = await pieces(llm)

    assert [delta.text for delta in deltas] == ["fo", "ur", ""]
    answer = deltas[-1].answer
    assert answer is not None
    assert (answer.text, answer.finish_reason) == ("four", FinishReason.STOP)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 9)
    assert not answer.is_estimated
    assert server.asked[0].body["stream"] is True
    await llm.aclose()


@pytest.mark.parametrize(("api", "events"), [("responses", EVENTS[:-1]), ("chat", CHUNKS[:1])])
async def test_l17_a_stream_that_ends_too_early_is_not_whole(
    server: LLMServer, api: str, events: list[object]
) -> None:
    """An end without a reason is unknown, and its counts are guessed."""
    server.answer = lambda asked: in_events(*events)
    llm = provider(server, api=api)

    answer = (await pieces(llm))[-1].answer

    assert answer is not None
    assert answer.finish_reason is FinishReason.UNKNOWN
    assert answer.is_estimated
    assert answer.usage.output_tokens >= 1
    await llm.aclose()


async def test_streams_use_a_connection_again(server: LLMServer) -> None:
    """What follows the last event is read, so that the next call needs no new connection."""
    server.answer = lambda asked: in_events(*CHUNKS)
    llm = provider(server)

    for _ in range(3):
        await pieces(llm)

    assert server.connections == 1
    await llm.aclose()


async def test_a_stream_that_stays_open_after_its_end_is_no_stall(server: LLMServer) -> None:
    """An answer is whole with its last event, whether or not the server hangs up."""
    ending = in_events(*CHUNKS).parts
    server.answer = lambda asked: Reply(
        parts=[*ending, *[b": still here\n\n"] * 1000],
        headers={"content-type": "text/event-stream"},
        pause=0.01,
    )
    llm = provider(server, idle_timeout=20)

    async with asyncio.timeout(5):
        answer = (await pieces(llm))[-1].answer

    assert answer is not None
    assert answer.finish_reason is FinishReason.STOP
    await llm.aclose()


async def test_a_server_that_does_not_stream_answers_whole(server: LLMServer) -> None:
    """JSON in the place of a stream is the answer in one piece."""
    llm = provider(server)

    deltas = await pieces(llm)

    assert [delta.text for delta in deltas] == ["four"]
    assert deltas[0].answer is not None
    await llm.aclose()


@BOTH
async def test_l20_an_error_inside_of_a_stream_has_its_kind(server: LLMServer, api: str) -> None:
    """The status was 200; the type says what it is."""
    error = {"type": "server_error", "code": "overloaded", "message": "busy"}
    told = {**error, "type": "error"} if api == "responses" else {"error": error}
    server.answer = lambda asked: in_events(EVENTS[2] if api == "responses" else CHUNKS[0], told)
    llm = provider(server, api=api)

    with pytest.raises(ProviderUnavailableError) as caught:
        await pieces(llm)

    assert (caught.value.kind, caught.value.charged) == ("overloaded", True)
    await llm.aclose()


async def test_l18_a_stall_ends_a_stream(server: LLMServer) -> None:
    """Nothing for longer than the idle timeout is the end of it."""
    server.answer = lambda asked: Reply(
        parts=[b"data: {}\n\n"] * 2, pause=3, headers={"content-type": "text/event-stream"}
    )
    llm = provider(server, idle_timeout=0.2)

    with pytest.raises(ProviderTimeoutError) as caught:
        await pieces(llm)

    assert caught.value.kind == "read_timeout"
    await llm.aclose()


async def test_l18_a_drip_ends_with_the_whole_timeout(server: LLMServer) -> None:
    """Bytes that never stop coming keep no call alive."""
    server.answer = lambda asked: Reply(
        parts=[b" "] * 1000, pause=0.02, headers={"content-type": "application/json"}
    )
    llm = provider(server, timeout=0.3)

    with pytest.raises(ProviderTimeoutError) as caught:
        await llm.complete(ASK)

    assert (caught.value.kind, caught.value.charged) == ("deadline", True)
    await llm.aclose()


async def test_l25_a_cancelled_call_closes_its_connection(server: LLMServer) -> None:
    """The server sees at once that nobody waits any longer."""
    server.answer = lambda asked: Reply(parts=[b" "], pause=30)
    llm = provider(server)
    call = asyncio.create_task(llm.complete(ASK))
    await server.was_asked.wait()

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    async with asyncio.timeout(2):
        await server.is_idle.wait()
    await llm.aclose()


async def test_a_reader_that_leaves_a_stream_closes_its_connection(server: LLMServer) -> None:
    """Whoever stops reading pays for no more than he has read."""
    server.answer = lambda asked: Reply(
        parts=list(in_events(*CHUNKS).parts) * 100,
        pause=0.05,
        headers={"content-type": "text/event-stream"},
    )
    llm = provider(server)
    stream = llm.stream(ASK)

    assert (await anext(stream)).text == "fo"
    await stream.aclose()  # type: ignore[attr-defined]

    async with asyncio.timeout(2):
        await server.is_idle.wait()
    await llm.aclose()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(parts=[b"<html>busy</html>"], headers={"content-type": "text/html"}),
        Reply(parts=[b"{"], headers={"content-type": "application/json"}),
        Reply(parts=[b'{"a":' * 100_000], headers={"content-type": "application/json"}),
        in_json([]),
        in_json({}),
        in_json({**CHAT, "choices": []}),
        in_json({**CHAT, "choices": [{"finish_reason": "stop", "message": {"content": None}}]}),
        in_json({**CHAT, "choices": [{"finish_reason": "stop", "message": {"content": 7}}]}),
    ],
)
async def test_l21_an_answer_of_another_form_is_none(server: LLMServer, reply: Reply) -> None:
    """What is no answer is an error, whole and streamed, and may cost money."""
    server.answer = lambda asked: reply
    llm = provider(server)

    for ask in (llm.complete(ASK), pieces(llm)):
        with pytest.raises(InvalidResponseError) as caught:
            await ask
        assert caught.value.charged
    await llm.aclose()
