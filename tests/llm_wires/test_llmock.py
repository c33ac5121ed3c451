"""Each wire against llmock, which knows the vendors' interfaces from another author."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from llmock_judge import Judge
from wire_asking import WAY, Heard, ask, failure, hear

from codeflow_engine.domain.chat import FinishReason
from codeflow_engine.errors import (
    AuthenticationError,
    ContextOverflowError,
    InvalidResponseError,
    ModelUnavailableError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
)
from wires import REQUEST, Wire

FAILURES: list[tuple[int, type[ProviderError]]] = [
    (400, ProviderError),
    (401, AuthenticationError),
    (403, AuthenticationError),
    (404, ModelUnavailableError),
    (408, ProviderTimeoutError),
    (409, ProviderUnavailableError),
    (413, ContextOverflowError),
    (422, ProviderError),
    (429, RateLimitError),
    (500, ProviderUnavailableError),
    (502, ProviderUnavailableError),
    (503, ProviderUnavailableError),
    (504, ProviderUnavailableError),
    (529, ProviderUnavailableError),
]


def fault(kind: str, **words: Any) -> dict[str, Any]:
    """Give the behaviour of llmock that breaks a stream after its first pieces."""
    return {"type": "stream_fault", "kind": kind, "after_chunks": 3, **words}


async def heard_after(
    llmock: Judge, wire: Wire, *behaviors: dict[str, Any], **settings: Any
) -> Heard:
    """Give what a stream gave, after llmock was told how to behave."""
    llmock.tell({"type": "reply", "text": "One two three four five six."}, *behaviors)
    async with wire.connect(llmock.url(wire), **settings) as provider:
        return await hear(provider)


@WAY
async def test_llmock_is_understood(llmock: Judge, wire: Wire, way: str) -> None:
    """A good answer of llmock is a good answer, with its counts, and it finds no fault."""
    llmock.tell({"type": "reply", "text": "One two three."})
    async with wire.connect(llmock.url(wire)) as provider:
        answer = await ask(provider) if way == "whole" else (await hear(provider)).answer

    assert answer is not None
    assert (answer.text, answer.finish_reason) == ("One two three.", FinishReason.STOP)
    assert answer.usage.input_tokens > 0
    assert answer.model == wire.model
    # Mistral counts in each stream; llmock only where it is asked to as OpenAI is.
    assert answer.is_estimated is ((wire.name, way) == ("mistral", "stream"))
    verdict = llmock.verdict()
    assert (verdict.findings, verdict.attempts, verdict.faults) == ([], 1, 0)


async def test_each_error_of_llmock_is_one_of_ours(llmock: Judge, wire: Wire) -> None:
    """Each status in llmock's form of the vendor's error is the same error, after one attempt."""
    async with wire.connect(llmock.url(wire)) as provider:
        for status, kind in FAILURES:
            llmock.tell({"type": "fail", "status": status})
            # llmock takes a question that came again for a retry.
            question = replace(REQUEST, max_output_tokens=status)
            error = await failure(provider, "whole", question)
            assert isinstance(error, kind), status

    verdict = llmock.verdict()
    assert verdict.calls == verdict.attempts == verdict.faults == len(FAILURES)
    assert {code for _, code in verdict.findings} == {"gave_up"}


async def test_a_wait_that_llmock_asks_for_is_told(llmock: Judge, wire: Wire) -> None:
    """A 429 of llmock comes with the wait that it asked for."""
    llmock.tell({"type": "fail", "status": 429, "retry_after": 7})
    async with wire.connect(llmock.url(wire)) as provider:
        error = await failure(provider, "whole")

    assert (type(error), error.retry_after) == (RateLimitError, 7.0)


async def test_a_stream_that_llmock_drops_is_an_error(llmock: Judge, wire: Wire) -> None:
    """A dropped connection is no answer."""
    heard = await heard_after(llmock, wire, fault("disconnect"))

    assert isinstance(heard.error, ProviderUnavailableError)


async def test_a_stream_that_llmock_ends_early_is_incomplete(llmock: Judge, wire: Wire) -> None:
    """A stream that ends in good order before its time is not taken as whole."""
    heard = await heard_after(llmock, wire, fault("truncate"))

    assert heard.answer is not None, heard.error
    assert heard.answer.finish_reason is FinishReason.UNKNOWN
    # llmock sees that nobody asked again: whoever sits above a provider has to.
    assert ("FAIL", "truncated_stream_accepted") in llmock.verdict().findings


async def test_a_stream_that_llmock_spoils_is_an_error(llmock: Judge, wire: Wire) -> None:
    """A malformed event is not passed over."""
    heard = await heard_after(llmock, wire, fault("malformed"))

    assert isinstance(heard.error, InvalidResponseError)


async def test_a_stream_that_llmock_stalls_is_a_timeout(llmock: Judge, wire: Wire) -> None:
    """A stall ends with the idle timeout, and llmock sees that nobody sat through it."""
    stall = fault("stall", stall_seconds=30)
    heard = await heard_after(llmock, wire, stall, idle_timeout=0.3)

    assert isinstance(heard.error, ProviderTimeoutError)
    assert ("WARN", "no_read_timeout") not in llmock.verdict().findings


@pytest.mark.parametrize("kind", ["unknown_tool", "malformed_arguments"])
async def test_llmock_is_offered_no_tools(llmock: Judge, wire: Wire, kind: str) -> None:
    """No request offers a tool, so that none can be called wrongly."""
    llmock.tell({"type": "tool_fault", "kind": kind})
    async with wire.connect(llmock.url(wire)) as provider:
        assert (await ask(provider)).finish_reason is FinishReason.STOP

    (asked,) = llmock.requests()
    assert not {"tools", "tool_choice"} & asked["body"].keys()
