"""What the answers of Anthropic say, whole and in pieces."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic_asking import (
    MESSAGE,
    MODEL,
    asked,
    beginning,
    ending,
    events,
    piece,
    question,
)

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason
from codeflow_engine.errors import InvalidResponseError
from codeflow_engine.providers.llm.anthropic import Anthropic
from fault_server import FaultServer
from model_replies import in_json

SCHEMA = {"type": "object", "properties": {"line": {"type": "integer"}}}


async def streamed_answer(
    server: FaultServer, request: ChatRequest
) -> tuple[list[str], ChatAnswer]:
    """Ask for a stream, and give its pieces and its answer."""
    provider = Anthropic(MODEL, api_key="sk-1", base_url=server.url)
    try:
        deltas = [delta async for delta in provider.stream(request)]
    finally:
        await provider.aclose()
    assert deltas[-1].answer is not None
    assert all(delta.answer is None for delta in deltas[:-1])
    return [delta.text for delta in deltas[:-1]], deltas[-1].answer


async def test_cached_and_thinking_tokens_are_part_of_the_totals() -> None:
    """The interface counts cached tokens beside the others; our totals include them."""
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 4000,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 30},
        "not_known_yet": {"x": 1},
    }

    async with FaultServer(in_json(MESSAGE | {"usage": usage})) as server:
        answer = await asked(server, question())

    assert answer.usage.input_tokens == 4310
    assert answer.usage.cached_tokens == 4000
    assert answer.usage.cache_write_tokens == 300
    assert answer.usage.output_tokens == 50
    assert answer.usage.reasoning_tokens == 30
    assert answer.usage.cost_usd is None
    assert not answer.is_estimated


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"input_tokens": -1, "output_tokens": 3}, {"input_tokens": "7"}, [], True],
)
async def test_missing_counts_are_estimated_and_said_to_be(usage: Any) -> None:
    """A token per three characters, rounded up, stands where a count is missing or none."""
    async with FaultServer(in_json(MESSAGE | {"usage": usage})) as server:
        answer = await asked(server, question(("user", "x" * 100)))

    assert answer.is_estimated
    assert answer.usage.input_tokens == 34
    assert answer.usage.output_tokens in {3, 4}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.OVERFLOW),
        ("refusal", FinishReason.REFUSED),
        ("pause_turn", FinishReason.PAUSED),
        ("tool_use", FinishReason.TOOLS),
        ("of_tomorrow", FinishReason.UNKNOWN),
        (None, FinishReason.UNKNOWN),
        (["end_turn"], FinishReason.UNKNOWN),
    ],
)
async def test_each_reason_to_stop_is_told_as_ours(said: Any, reason: FinishReason) -> None:
    """A reason that the interface does not list is no whole answer, streamed or not."""
    replies = (
        in_json(MESSAGE | {"stop_reason": said}),
        events(beginning(), piece("Looks right."), *ending(said)),
    )

    async with FaultServer(replies) as server:
        answer = await asked(server, question())
        _, same = await streamed_answer(server, question())

    assert answer.finish_reason is same.finish_reason is reason
    assert answer.said_reason == same.said_reason == (said if isinstance(said, str) else "")


async def test_blocks_that_are_no_text_are_passed_over() -> None:
    """Thoughts and blocks of another kind are no part of the text."""
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "A"},
        {"type": "of_tomorrow", "text": "B"},
        "loose",
        {"type": "text", "text": None},
        {"type": "text", "text": "C", "new": 1},
    ]

    async with FaultServer(in_json(MESSAGE | {"content": content, "new": {}})) as server:
        answer = await asked(server, question())

    assert answer.text == "AC"
    assert answer.response_id == "msg_1"
    assert answer.model == "claude-sonnet-5-5-20261101"


async def test_an_empty_answer_is_not_complete() -> None:
    """An answer without text is unknown, though the model says that it has ended."""
    async with FaultServer(in_json(MESSAGE | {"content": []})) as server:
        answer = await asked(server, question())

    assert (answer.text, answer.finish_reason) == ("", FinishReason.UNKNOWN)
    assert answer.said_reason == "end_turn"


async def test_headers_say_what_is_left_of_the_limits() -> None:
    """Requests and tokens that are left, and when there are more, stand in the answer."""
    headers = {
        "anthropic_ratelimit_requests_remaining": "9",
        "anthropic_ratelimit_requests_reset": "2020-01-01T00:00:00Z",
        "anthropic_ratelimit_tokens_remaining": "40000",
    }

    async with FaultServer(in_json(MESSAGE, **headers)) as server:
        room = (await asked(server, question())).room

    assert room is not None
    assert (room.requests, room.requests_reset, room.tokens) == (9, 0.0, 40_000)


async def test_a_stream_gives_pieces_and_then_the_whole_answer() -> None:
    """Thoughts and events of another kind yield nothing, and counts of the end win."""
    told = (
        beginning(cache_read_input_tokens=100),
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
        piece("hm", "thinking_delta", "thinking"),
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        piece("Looks "),
        {"type": "of_tomorrow", "text": "no"},
        piece("r\u00efght."),
        {"type": "content_block_stop", "index": 1},
        *ending(output_tokens=9, output_tokens_details={"thinking_tokens": 5}),
    )

    async with FaultServer(events(*told)) as server:
        pieces, answer = await streamed_answer(server, question())

    assert server.requests[0].json["stream"] is True
    assert pieces == ["Looks ", "r\u00efght."]
    assert answer.text == "Looks r\u00efght."
    assert answer.finish_reason is FinishReason.STOP
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (112, 9)
    assert (answer.usage.cached_tokens, answer.usage.reasoning_tokens) == (100, 5)
    assert not answer.is_estimated
    assert answer.room is not None
    assert answer.room.requests == 7


async def test_a_stream_that_ends_early_is_unknown_and_estimated() -> None:
    """Without a reason nothing is complete; the first count of the output is none."""
    async with FaultServer(events(beginning(), piece("Looks r"))) as server:
        _, answer = await streamed_answer(server, question())

    assert (answer.text, answer.finish_reason) == ("Looks r", FinishReason.UNKNOWN)
    assert answer.is_estimated
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (12, 3)


async def test_connections_are_used_again() -> None:
    """A stream is read to its end, so that the next call needs no connection of its own."""
    reply = events(beginning(), piece("A"), *ending())

    async with FaultServer(reply) as server:
        provider = Anthropic(MODEL, api_key="sk-1", base_url=server.url)
        for _ in range(3):
            assert [delta async for delta in provider.stream(question())]
        await provider.aclose()

    assert (len(server.requests), server.connections) == (3, 1)


async def test_tokens_are_counted_by_the_interface() -> None:
    """All but the limit of the output is sent to be counted."""
    async with FaultServer(in_json({"input_tokens": 77})) as server:
        provider = Anthropic(MODEL, api_key="sk-1", base_url=server.url)
        count = await provider.count_tokens(question(answer_schema=SCHEMA))
        await provider.aclose()

    assert count == 77
    assert server.requests[0].path == "/v1/messages/count_tokens"
    assert set(server.requests[0].json) == {"model", "system", "messages", "output_config"}


@pytest.mark.parametrize("body", [{}, {"input_tokens": None}, {"input_tokens": True}, []])
async def test_a_count_that_is_none_is_an_error(body: Any) -> None:
    """A count is a number from 0 on, or the call has failed, at no cost."""
    async with FaultServer(in_json(body)) as server:
        provider = Anthropic(MODEL, api_key="sk-1", base_url=server.url)
        with pytest.raises(InvalidResponseError):
            await provider.count_tokens(question())
        await provider.aclose()


async def test_models_are_listed_over_all_pages() -> None:
    """Pages follow one another by the last id, and the list is sorted."""
    pages = (
        in_json({"data": [{"id": "b"}, {"id": "c"}], "has_more": True, "last_id": "c"}),
        in_json({"data": [{"id": "a"}, {"no": 1}], "has_more": False, "last_id": "a"}),
    )

    async with FaultServer(pages) as server:
        provider = Anthropic(MODEL, api_key="sk-1", base_url=server.url)
        models = await provider.list_models()
        await provider.aclose()

    assert models == ("a", "b", "c")
    assert [each.target for each in server.requests] == [
        "/v1/models?limit=1000",
        "/v1/models?limit=1000&after_id=c",
    ]
