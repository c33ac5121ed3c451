"""Answers of the Responses interface are read as they are meant."""

from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, FinishReason, Message, Role
from codeflow_engine.errors import (
    InvalidResponseError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
)
from codeflow_engine.providers.llm.calls.faults import Called
from codeflow_engine.providers.llm.calls.responses_form import ResponsesForm

ASK = ChatRequest(messages=(Message(role=Role.USER, text="Hello!!"),), max_output_tokens=9)
CALLED = Called(provider="p", model="m", key_name="P_API_KEY", request=ASK)


def read(told: Any) -> ChatAnswer:
    """Read a whole answer."""
    return ResponsesForm().read(told, ASK, CALLED, {})


def said(*content: Any, status: object = "completed", **more: Any) -> dict[str, Any]:
    """Write an answer of one message."""
    return {"status": status, "output": [{"type": "message", "content": list(content)}], **more}


TEXT = {"type": "output_text", "text": "four"}


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (said(TEXT), FinishReason.STOP),
        (said(TEXT, {"type": "refusal", "refusal": "no"}), FinishReason.REFUSED),
        (said(TEXT, status="incomplete"), FinishReason.UNKNOWN),
        (said(TEXT, status="cancelled"), FinishReason.UNKNOWN),
        (said(TEXT, status="paused"), FinishReason.UNKNOWN),
        (said(TEXT, status=None), FinishReason.UNKNOWN),
    ],
)
def test_l12_only_completed_is_whole(told: object, meant: FinishReason) -> None:
    """A status that the interface does not list is incomplete."""
    assert read(told).finish_reason is meant


@pytest.mark.parametrize(
    ("reason", "meant"),
    [
        ("max_output_tokens", FinishReason.LENGTH),
        ("content_filter", FinishReason.FILTERED),
        ("new", FinishReason.UNKNOWN),
    ],
)
def test_l10_an_incomplete_answer_says_why(reason: str, meant: FinishReason) -> None:
    """Its details name the reason, which is kept as the server's word."""
    answer = read(said(TEXT, status="incomplete", incomplete_details={"reason": reason}))

    assert (answer.finish_reason, answer.said_reason) == (meant, reason)


def test_l15_a_call_of_a_tool_is_no_answer() -> None:
    """It is told as a completed response with an item of another kind."""
    told = said(TEXT)
    told["output"].append({"type": "function_call", "name": "f", "arguments": "{"})

    assert read(told).finish_reason is FinishReason.TOOLS


@pytest.mark.parametrize(
    "told",
    [
        {"status": "completed", "output": []},
        {"status": "completed", "output": [{"type": "reasoning"}]},
        {"status": "completed", "output": None},
        {"status": "completed"},
        {},
        [],
    ],
)
def test_l21_an_answer_that_says_nothing_is_none(told: object) -> None:
    """Completed without a text is the server's mistake."""
    with pytest.raises(InvalidResponseError):
        read(told)


def test_l21_a_limit_reached_in_thought_is_an_answer() -> None:
    """A model may think up to its limit, and say nothing."""
    details = {"reason": "max_output_tokens"}
    told = {"status": "incomplete", "incomplete_details": details, "output": []}

    answer = read(told)

    assert (answer.text, answer.finish_reason) == ("", FinishReason.LENGTH)


@pytest.mark.parametrize(
    ("code", "meant", "is_retryable"),
    [
        ("server_error", ProviderUnavailableError, True),
        ("rate_limit_exceeded", RateLimitError, True),
        ("invalid_prompt", ProviderError, False),
    ],
)
def test_l20_a_response_that_failed_is_an_error(
    code: str,
    meant: type[ProviderError],
    is_retryable: bool,  # noqa: FBT001 - a case
) -> None:
    """The status of HTTP was 200, whole and streamed; the code says what it is."""
    failed = {"status": "failed", "error": {"code": code, "message": "said"}, "output": []}

    with pytest.raises(meant) as whole:
        read(failed)
    with pytest.raises(meant) as streamed:
        ResponsesForm().gather(ASK, CALLED, {}).take(
            {"type": "response.failed", "response": failed}
        )

    assert type(whole.value) is type(streamed.value) is meant
    assert whole.value.retryable is is_retryable


def test_the_text_of_pieces_stands_where_the_end_has_none() -> None:
    """Some servers that speak it send the last event without what they have said before."""
    gathering = ResponsesForm().gather(ASK, CALLED, {})

    pieces = [
        gathering.take({"type": "response.output_text.delta", "delta": "fo"}),
        gathering.take({"type": "response.output_text.delta", "delta": "ur"}),
        gathering.take({"type": "response.completed", "response": {"output": []}}),
    ]

    answer = gathering.answer()
    assert ("".join(pieces), answer.text) == ("four", "four")
    assert (answer.finish_reason, gathering.is_ended) == (FinishReason.STOP, True)


@pytest.mark.parametrize("event", [[], 7, {"type": "response.output_text.delta", "delta": 7}])
def test_l19_an_event_of_another_form_is_an_error(event: object) -> None:
    """It is no piece of an answer."""
    with pytest.raises(InvalidResponseError):
        ResponsesForm().gather(ASK, CALLED, {}).take(event)


def test_a_limit_below_the_least_is_raised() -> None:
    """The interface takes no lower limit than 16 tokens."""
    assert ResponsesForm().body("m", ASK)["max_output_tokens"] == 16


def test_a_system_message_in_between_stays_there() -> None:
    """Only what stands before the conversation is an instruction."""
    turns = [Role.SYSTEM, Role.SYSTEM, Role.USER, Role.SYSTEM, Role.ASSISTANT]
    messages = tuple(Message(role=role, text=str(at)) for at, role in enumerate(turns))

    body = ResponsesForm().body("m", ChatRequest(messages=messages, max_output_tokens=99))

    assert body["instructions"] == "0\n\n1"
    assert [(turn["role"], turn["content"]) for turn in body["input"]] == [
        ("user", "2"),
        ("developer", "3"),
        ("assistant", "4"),
    ]


def test_a_conversation_of_system_messages_alone_is_still_one() -> None:
    """The interface takes no empty input."""
    messages = (Message(role=Role.SYSTEM, text="Say four."),)

    body = ResponsesForm().body("m", ChatRequest(messages=messages, max_output_tokens=99))

    assert body["input"] == [{"role": "developer", "content": "Say four."}]
