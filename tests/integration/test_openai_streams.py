"""OpenAI's streams, and what is no answer: pieces, ends, stalls, errors and other forms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from openai_asking import RESPONSE, pieces, provider, usual

from codeflow_engine.domain.chat import FinishReason
from fault_server import FaultServer
from model_replies import in_events, streamed

BOTH = pytest.mark.parametrize("api", ["responses", "chat"])


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """Answer as OpenAI would."""
    async with FaultServer(usual) as server:
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
    server: FaultServer, api: str, events: list[object]
) -> None:
    """The pieces together are the answer's text, and the counts are the server's."""
    server.tell(in_events(*events))
    llm = provider(server, api=api)

    deltas = await pieces(llm)

    assert [delta.text for delta in deltas] == ["fo", "ur", ""]
    answer = deltas[-1].answer
    assert answer is not None
    assert (answer.text, answer.finish_reason) == ("four", FinishReason.STOP)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 9)
    assert not answer.is_estimated
    assert server.requests[0].json["stream"] is True
    await llm.aclose()


async def test_streams_use_a_connection_again(server: FaultServer) -> None:
    """What follows the last event is read, so that the next call needs no new connection."""
    server.tell(in_events(*CHUNKS))
    llm = provider(server)

    for _ in range(3):
        await pieces(llm)

    assert server.connections == 1
    await llm.aclose()


async def test_a_stream_that_stays_open_after_its_end_is_no_stall(server: FaultServer) -> None:
    """An answer is whole with its last event, whether or not the server hangs up."""
    ending = in_events(*CHUNKS).pieces
    server.tell(streamed(*ending, *[b": still here\n\n"] * 1000, every=0.01))
    llm = provider(server, idle_timeout=20)

    async with asyncio.timeout(5):
        answer = (await pieces(llm))[-1].answer

    assert answer is not None
    assert answer.finish_reason is FinishReason.STOP
    await llm.aclose()


async def test_a_server_that_does_not_stream_answers_whole(server: FaultServer) -> None:
    """JSON in the place of a stream is the answer in one piece."""
    llm = provider(server)

    deltas = await pieces(llm)

    assert [delta.text for delta in deltas] == ["four"]
    assert deltas[0].answer is not None
    await llm.aclose()
