"""What each wire's answers become: a true finish reason, or one error of our tree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from wire_asking import WAY, Heard, ask, failing, failure, hear, refusing_with

from codeflow_engine.domain.chat import ChatAnswer, FinishReason
from codeflow_engine.errors import InvalidResponseError, ProviderError, RefusedError
from fault_server import FaultServer, Reply, sse
from model_replies import streamed
from wires import Wire

TEXT = "It is good, \u00e4\u00df\U0001f600."


async def answered(wire: Wire, document: dict[str, Any]) -> ChatAnswer:
    """Give what our provider makes of a whole answer."""
    reply = Reply(body=json.dumps(document).encode())
    async with FaultServer(reply) as server, wire.connect(server.url) as provider:
        return await ask(provider)


async def heard_from(wire: Wire, *body: bytes) -> Heard:
    """Give what our provider makes of a stream."""
    async with FaultServer(streamed(*body)) as server, wire.connect(server.url) as provider:
        return await hear(provider)


async def got(wire: Wire, way: str, text: str, **arguments: Any) -> ChatAnswer:
    """Give what our provider makes of an answer that came whole or in a stream."""
    if way == "whole":
        return await answered(wire, wire.document(text, **arguments))
    heard = await heard_from(wire, *wire.stream(text[:3], text[3:], **arguments))
    assert heard.error is None, heard.error
    assert heard.answer is not None
    assert "".join(heard.pieces) in {text, text + heard.answer.text}
    return heard.answer


@WAY
async def test_a_good_answer_is_taken_with_its_counts(wire: Wire, way: str) -> None:
    """Text, reason, model, id and counts of an answer are those that the server told."""
    answer = await got(wire, way, TEXT)

    assert (answer.text, answer.finish_reason) == (TEXT, FinishReason.STOP)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 7)
    assert (answer.model, answer.is_estimated) == (wire.model, False)
    assert answer.response_id.endswith("9")


@WAY
async def test_l9_the_end_of_a_context_window_is_no_whole_answer(wire: Wire, way: str) -> None:
    """An answer that ended with the context window says so, where the vendor has a word for it."""
    word = wire.reasons.get(FinishReason.OVERFLOW)
    if word is None:
        pytest.skip("the vendor has no word for it")
    answer = await got(wire, way, TEXT, finish=word)

    assert answer.finish_reason is FinishReason.OVERFLOW


@WAY
async def test_l10_an_answer_at_its_limit_is_not_whole(wire: Wire, way: str) -> None:
    """An answer that was cut at its limit keeps its text and is not complete."""
    answer = await got(wire, way, TEXT, finish=wire.reasons[FinishReason.LENGTH])

    assert (answer.finish_reason, answer.text) == (FinishReason.LENGTH, TEXT)
    assert answer.usage.output_tokens == 7


async def test_l11_what_is_declined_is_no_answer(wire: Wire) -> None:
    """A refusal of the model and a filter are each told as what they are."""
    for reason, document in wire.declined():
        answer = await answered(wire, document)
        assert answer.finish_reason is reason, document


async def test_l11_a_prompt_that_a_filter_takes_is_refused(wire: Wire) -> None:
    """A filter's 400 is a `RefusedError`, which is not asked again."""
    words = {"kind": "invalid_request_error", "code": "content_filter", "message": "Filtered."}
    async with (
        FaultServer(refusing_with(wire.told(400, **words))) as server,
        wire.connect(server.url) as provider,
    ):
        error = await failure(provider, "whole")

    assert isinstance(error, RefusedError)
    assert (error.kind, error.retryable) == ("filtered", False)


async def test_l11_a_stream_that_is_declined_says_so(wire: Wire) -> None:
    """A stream's reason for a filter or a refusal is told as in a whole answer."""
    for reason in (FinishReason.FILTERED, FinishReason.REFUSED):
        if reason in wire.reasons:
            answer = await got(wire, "stream", TEXT, finish=wire.reasons[reason])
            assert answer.finish_reason is reason


@WAY
async def test_l12_a_pause_is_told_as_one(wire: Wire, way: str) -> None:
    """A model that paused says so, where the vendor has a word for it."""
    word = wire.reasons.get(FinishReason.PAUSED)
    if word is None:
        pytest.skip("the vendor has no word for it")
    assert (await got(wire, way, TEXT, finish=word)).finish_reason is FinishReason.PAUSED


@WAY
async def test_l12_an_unknown_reason_is_no_whole_answer(wire: Wire, way: str) -> None:
    """A reason that nobody has heard of is `UNKNOWN`, and its word is kept."""
    answer = await got(wire, way, TEXT, finish="novel_reason")

    assert answer.finish_reason is FinishReason.UNKNOWN
    assert answer.said_reason == "novel_reason"


@pytest.mark.parametrize(
    "calls",
    [
        [("call_1", "no_such_tool", "{}")],
        [("call_1", "look", '{"path": ')],
        [("call_1", "look", "{}"), ("call_1", "look", "{}")],
        [(f"call_{number}", "look", "{}") for number in range(500)],
    ],
    ids=["unknown", "malformed", "twins", "many"],
)
async def test_l15_a_call_of_a_tool_is_no_answer(wire: Wire, calls: list[Any]) -> None:
    """Tools are never offered, so that an answer that calls some is not complete."""
    heard = Heard()
    with failing(heard):
        heard.answer = await answered(wire, wire.with_tools(calls))

    if heard.answer is None:
        assert isinstance(heard.error, InvalidResponseError)
    else:
        assert heard.answer.finish_reason is FinishReason.TOOLS


async def test_l21_an_answer_that_holds_nothing_is_not_taken(wire: Wire) -> None:
    """No choices, no content and no fields at all are typed errors, or incomplete answers."""
    for document in wire.empty():
        heard = Heard()
        with failing(heard):
            heard.answer = await answered(wire, document)
        assert not heard.is_complete, document
        assert heard.answer is not None or isinstance(heard.error, InvalidResponseError)


async def test_l21_what_is_no_answer_at_all_is_a_typed_error(wire: Wire) -> None:
    """A body that is no object is an `InvalidResponseError`, which may cost money."""
    replies = [Reply(body=body) for body in (b"", b"null", b"[]", b"7", b'{"a', b"\xff\xfe")]
    async with FaultServer(replies) as server, wire.connect(server.url) as provider:
        for reply in replies:
            error = await failure(provider, "whole")
            assert isinstance(error, InvalidResponseError), reply
            assert error.charged, reply


async def test_l21_the_model_that_answered_is_named(wire: Wire) -> None:
    """An answer from another model than was asked says which one."""
    answer = await answered(wire, wire.document(TEXT, model="another-model-2"))

    assert answer.model == "another-model-2"


@WAY
async def test_l21_an_answer_without_counts_has_estimates(wire: Wire, way: str) -> None:
    """Where the server did not count, there is an estimate of both sides that says it is one."""
    answer = await got(wire, way, TEXT, usage=None)

    assert answer.finish_reason is FinishReason.STOP
    assert answer.is_estimated
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0


def _with_novelties(value: Any) -> Any:
    """Put fields that nobody knows into each object of an answer."""
    if isinstance(value, list):
        return [_with_novelties(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _with_novelties(each) for name, each in value.items()} | {
        "novel_field": {"novel": [1, None]},
        "novel_flag": "novel",
    }


@WAY
async def test_l36_fields_that_nobody_knows_are_passed_over(wire: Wire, way: str) -> None:
    """New fields at any place change nothing in what is read."""
    if way == "whole":
        answer = await answered(wire, _with_novelties(wire.document(TEXT)))
    else:
        events = [
            each
            if each == "[DONE]"
            else json.dumps(_with_novelties(json.loads(each)))
            if isinstance(each, str)
            else (each[0], json.dumps(_with_novelties(json.loads(each[1]))))
            for each in wire.events(TEXT)
        ]
        heard = await heard_from(wire, *sse(*events))
        assert heard.answer is not None, heard.error
        answer = heard.answer

    assert (answer.text, answer.finish_reason) == (TEXT, FinishReason.STOP)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 7)


async def test_l36_values_that_nobody_knows_are_passed_over(wire: Wire) -> None:
    """New values of fields that are lists of words change nothing in what is read."""
    document = wire.document(TEXT) | {"service_tier": "novel", "object": "novel"}
    if wire.name == "messages":
        document["content"].insert(0, {"type": "novel_block", "novel": 1})
    if wire.name == "responses":
        document["output"].insert(0, {"type": "novel_item", "id": "n_9"})
    answer = await answered(wire, document)

    assert (answer.text, answer.finish_reason) == (TEXT, FinishReason.STOP)


async def test_l36_events_that_nobody_knows_are_passed_over(wire: Wire) -> None:
    """A new kind of event within a stream changes nothing in what is read."""
    if wire.name not in {"messages", "responses"}:
        pytest.skip("events of this wire have no names")
    events = wire.events(TEXT)
    name = "response.novel" if wire.name == "responses" else "novel"
    novel = (name, json.dumps({"type": name, "sequence_number": 77}))
    heard = await heard_from(wire, *sse(*events[:2], novel, *events[2:]))

    assert heard.answer is not None, heard.error
    assert (heard.answer.text, heard.is_complete) == (TEXT, True)


async def test_an_error_with_status_200_is_an_error(wire: Wire) -> None:
    """A body that is an error, as gateways send it with 200, is never an answer."""
    body = json.dumps(wire.error(kind="server_error", message="No.")).encode()
    async with FaultServer(Reply(body=body)) as server, wire.connect(server.url) as provider:
        assert isinstance(await failure(provider, "whole"), ProviderError)
