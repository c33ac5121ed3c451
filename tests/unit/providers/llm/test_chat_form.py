"""Chat completions are read as they are meant, and never for more than they say."""

from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Message, Role
from codeflow_engine.errors import InvalidResponseError, ProviderUnavailableError, RefusedError
from codeflow_engine.providers.llm.calls.chat_form import ChatForm
from codeflow_engine.providers.llm.calls.faults import Called

ASK = ChatRequest(messages=(Message(role=Role.USER, text="Hello!!"),), max_output_tokens=9)
CALLED = Called(provider="p", model="m", key_name="P_API_KEY", request=ASK)


def read(told: Any) -> ChatAnswer:
    """Read a whole answer."""
    return ChatForm().read(told, ASK, CALLED, {})


def chose(reason: object = "stop", **message: Any) -> dict[str, Any]:
    """Write an answer of one choice."""
    return {"choices": [{"index": 0, "finish_reason": reason, "message": message}]}


@pytest.mark.parametrize(
    ("reason", "meant"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("model_length", FinishReason.OVERFLOW),
        ("content_filter", FinishReason.FILTERED),
        ("tool_calls", FinishReason.TOOLS),
        ("function_call", FinishReason.TOOLS),
        ("error", FinishReason.UNKNOWN),
        ("", FinishReason.UNKNOWN),
        (None, FinishReason.UNKNOWN),
        (7, FinishReason.UNKNOWN),
    ],
)
def test_l12_only_stop_is_whole(reason: object, meant: FinishReason) -> None:
    """A reason that the interface does not list is incomplete."""
    assert read(chose(reason, content="text")).finish_reason is meant


def test_l11_a_refusal_is_told_as_one() -> None:
    """It comes with "stop", and its own words are the text."""
    answer = read(chose("stop", content=None, refusal="I cannot."))

    assert (answer.finish_reason, answer.text) == (FinishReason.REFUSED, "I cannot.")


@pytest.mark.parametrize("calls", [{"tool_calls": [{}]}, {"function_call": {}, "tool_calls": [1]}])
def test_l15_a_call_of_a_tool_is_no_answer(calls: dict[str, Any]) -> None:
    """No tools are offered; a server that says "stop" with a call has not answered."""
    assert read(chose("stop", content="", **calls)).finish_reason is FinishReason.TOOLS


@pytest.mark.parametrize("reason", ["length", "content_filter", "tool_calls"])
def test_l21_no_content_with_its_reason_is_an_answer(reason: str) -> None:
    """A model may think up to its limit, and say nothing."""
    answer = read(chose(reason, content=None))

    assert (answer.text, answer.said_reason) == ("", reason)


@pytest.mark.parametrize(
    "told", [chose("stop", content=None), chose(None), chose("stop", content={"no": "text"})]
)
def test_l21_no_content_without_a_reason_is_none(told: object) -> None:
    """A null where an answer should be is the server's mistake."""
    with pytest.raises(InvalidResponseError):
        read(told)


def test_content_in_pieces_is_joined() -> None:
    """Mistral gives thinking and text so; only the text is the answer."""
    pieces = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "fo"},
        {"type": "text", "text": "ur"},
        {"type": "image_url", "image_url": "x"},
        7,
    ]

    assert read(chose(content=pieces)).text == "four"


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (None, (3, 2)),
        ({}, (3, 2)),
        ({"prompt_tokens": 7}, (7, 2)),
        ({"prompt_tokens": -1, "completion_tokens": 1}, (3, 1)),
        ({"prompt_tokens": True, "completion_tokens": 1}, (3, 1)),
        ({"prompt_tokens": "12", "completion_tokens": 1}, (3, 1)),
        ({"prompt_tokens": 10**30, "completion_tokens": 1}, (3, 1)),
        ([1, 2], (3, 2)),
    ],
)
def test_l21_counts_that_cannot_be_are_guessed(usage: object, counts: tuple[int, int]) -> None:
    """A guess is a token per three characters, rounded up, and says that it is one."""
    answer = read({**chose(content="abcd"), "usage": usage})

    assert answer.is_estimated
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == counts


def test_more_cached_tokens_than_were_sent_are_not_believed() -> None:
    """Parts of a count are not larger than the count."""
    details = {"cached_tokens": 50}
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": details}

    assert read({**chose(content="x"), "usage": usage}).usage.cached_tokens == 5


def test_another_choice_is_passed_over() -> None:
    """One was asked for; a second one is none of ours."""
    told = chose(content="first")
    told["choices"].insert(0, {"index": 1, "message": {"content": "second"}})

    assert read(told).text == "first"


def test_a_body_that_tells_an_error_is_one() -> None:
    """Some gateways answer 200 with it."""
    with pytest.raises(ProviderUnavailableError):
        read({"error": {"type": "server_error", "message": "busy"}})


def test_a_filter_inside_of_a_stream_is_a_refusal() -> None:
    """An error without a status is told by its code."""
    gathering = ChatForm().gather(ASK, CALLED, {})

    with pytest.raises(RefusedError):
        gathering.take({"error": {"code": "content_filter", "message": "no"}})


@pytest.mark.parametrize("chunk", [[], 7, "text", None])
def test_l19_a_chunk_of_another_form_is_an_error(chunk: object) -> None:
    """It is no piece of an answer."""
    with pytest.raises(InvalidResponseError):
        ChatForm().gather(ASK, CALLED, {}).take(chunk)


def test_l36_chunks_with_new_fields_pass() -> None:
    """What is not known is passed over, in any place."""
    gathering = ChatForm().gather(ASK, CALLED, {})
    chunks: list[dict[str, Any]] = [
        {"new": 1, "choices": None},
        {"choices": [{"index": 0, "delta": None}, 7]},
        {"choices": [{"index": 0, "delta": {"content": "four", "new": []}, "new": {}}]},
        {"choices": [], "obfuscation": "x"},
    ]

    assert "".join(map(gathering.take, chunks)) == "four"
    assert gathering.answer().finish_reason is FinishReason.UNKNOWN
