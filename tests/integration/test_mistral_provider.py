"""Models of Mistral, asked through its SDK at a server of the test's own."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from mistral_calls import (
    DONE,
    USAGE,
    answered,
    asked,
    asking,
    chunk,
    streaming,
    told,
)

from codeflow_engine.domain.chat import FinishReason, Room
from codeflow_engine.errors import InvalidResponseError
from fault_server import Reply
from model_replies import SSE, streamed

SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}


async def test_a_question_is_asked_as_the_interface_wants_it() -> None:
    """All that was asked is sent, and nothing else."""
    request = asking(temperature=0.0, answer_schema=MappingProxyType(SCHEMA))
    async with asked(answered(), headers={"x-team": "review"}) as (mistral, server):
        await mistral.complete(request)

    [sent] = server.requests
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.headers["authorization"] == "Bearer key-of-settings"
    assert sent.headers["x-team"] == "review"
    assert sent.json == {
        "model": "mistral-small-latest",
        "max_tokens": 64,
        "temperature": 0.0,
        "stream": False,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes?", "prefix": False},
            {"role": "user", "content": "é"},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
    }


async def test_an_answer_is_told_whole() -> None:
    """Text, reason, model, counts and room are those that the server has told."""
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 12}}
    headers = (
        ("x-ratelimit-remaining-requests", "9"),
        ("x-ratelimit-reset-requests", "1m0s"),
        ("x-ratelimit-remaining-tokens", "8000"),
    )
    reply = answered(usage=usage, headers=headers)
    async with asked(reply) as (mistral, _):
        answer = await mistral.complete(asking())

    assert (answer.text, answer.finish_reason) == ("Fine.", FinishReason.STOP)
    assert (answer.model, answer.provider) == ("mistral-small-2603", "mistral_ai")
    assert (answer.response_id, answer.said_reason) == ("cmpl-1", "stop")
    counts = (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_tokens)
    assert (counts, answer.is_estimated) == ((20, 5, 12), False)
    assert answer.room == Room(requests=9, requests_reset=60.0, tokens=8000)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("length", FinishReason.LENGTH),
        ("model_length", FinishReason.OVERFLOW),
        ("error", FinishReason.UNKNOWN),
        ("tool_calls", FinishReason.TOOLS),
        ("some_new_one", FinishReason.UNKNOWN),
        (None, FinishReason.UNKNOWN),
    ],
)
async def test_only_stop_is_a_whole_answer(said: str | None, reason: FinishReason) -> None:
    """Each reason is told as what it is, and an unknown one is incomplete."""
    async with asked(answered(reason=said), streamed(chunk("Fine", said), DONE)) as (
        mistral,
        _,
    ):
        whole = await mistral.complete(asking())
        _, last = await streaming(mistral, asking())

    assert (whole.finish_reason, last.finish_reason) == (reason, reason)


@pytest.mark.parametrize(
    ("more", "text", "is_estimated"),
    [
        ({"usage": ...}, "Fine.", True),
        ({"usage": None, "created": "soon", "new": {"a": 1}}, "Fine.", True),
        ({"id": 7, "object": ..., "created": ..., "model": ...}, "Fine.", False),
    ],
)
async def test_what_the_sdk_refuses_is_read_all_the_same(
    more: dict[str, Any],
    text: str,
    is_estimated: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """A field that is missing, new, or of another type does not cost an answer."""
    headers = (("x-model-deprecation-timestamp", "2027-01-01T00:00:00Z"),)
    reply = answered(headers=headers, **more)
    async with asked(reply) as (mistral, _):
        answer = await mistral.complete(asking())

    assert (answer.text, answer.is_estimated) == (text, is_estimated)
    assert answer.usage.output_tokens == (2 if is_estimated else 5)


async def test_thinking_is_no_text() -> None:
    """Of content in pieces, the texts alone are the answer."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    pieces = [
        thought,
        {"type": "text", "text": "So"},
        {"type": "new"},
        {"type": "text", "text": "!"},
    ]
    stream = streamed(chunk([thought]), chunk("So"), chunk([pieces[-1]], "stop"), DONE)
    async with asked(answered(pieces), stream) as (mistral, _):
        whole = await mistral.complete(asking())
        texts, last = await streaming(mistral, asking())

    assert (whole.text, last.text, texts) == ("So!", "So!", ["So", "!"])


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>Sign in</html>", headers=(("content-type", "text/html"),)),
        Reply(body=b"<html>Sign in</html>"),
        answered(choices=[]),
        answered(None),
        Reply(body=b"[" * 100_000),
    ],
    ids=["page", "page as JSON", "no choices", "no content", "deep"],
)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_what_is_no_answer_is_told_from_one(
    reply: Reply,
    is_stream: bool,  # noqa: FBT001 - both ways
) -> None:
    """HTTP 200 alone makes no answer."""
    async with asked(reply) as (mistral, _):
        with pytest.raises(InvalidResponseError):
            await told(mistral, is_stream=is_stream)


async def test_a_stream_is_told_in_pieces() -> None:
    """The pieces come as the server sends them, and the last one carries the answer."""
    parts = streamed(
        b"\xef\xbb\xbf: hello\r\n\r\n",
        chunk("One"),
        chunk(" two", "stop", usage=USAGE),
        DONE,
        headers=(*SSE, ("x-model-deprecation-timestamp", "2027-01-01T00:00:00Z")),
    )
    async with asked(parts) as (mistral, server):
        await streaming(mistral, asking())
        texts, answer = await streaming(mistral, asking())

    assert (texts, answer.text) == (["One", " two"], "One two")
    assert (answer.finish_reason, answer.usage.input_tokens) == (FinishReason.STOP, 20)
    assert server.requests[0].json["stream"] is True
    assert "stream_options" not in server.requests[0].json
    assert server.connections == 1, "the connection was not used again"
