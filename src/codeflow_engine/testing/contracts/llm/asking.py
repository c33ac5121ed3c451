"""What the suite of LLM providers asks, and how an answer is waited for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import pytest

from codeflow_engine.contracts import LLM
from codeflow_engine.domain.chat import ChatAnswer, ChatDelta, ChatRequest, Message, Role
from codeflow_engine.testing.contracts.answering import answered, raised
from codeflow_engine.testing.contracts.llm.replies import Reply

__all__ = ["Replying", "ask", "ends", "failures", "pieces_of", "question"]

type Replying = Callable[..., AbstractAsyncContextManager[LLM]]
"""Makes the provider, with a backend that gives these replies."""


def question(text: str = "What is wrong with this change?", **fields: Any) -> ChatRequest:
    """Ask a model something; fields are those of the request."""
    messages = (
        Message(role=Role.SYSTEM, text="You review changes of code."),
        Message(role=Role.USER, text=text),
    )
    given: dict[str, Any] = {"messages": messages, "max_output_tokens": 321}
    return ChatRequest(**(given | fields))


async def ask(llm: LLM, request: ChatRequest) -> ChatAnswer:
    """Ask once for a whole answer, which has to come."""
    return await answered(llm.complete(request), "a question")


async def pieces_of(llm: LLM, request: ChatRequest) -> list[ChatDelta]:
    """Ask once for a stream, which has to come to its end."""
    return await answered(_pieces(llm, request), "a stream")


async def ends(llm: LLM, request: ChatRequest) -> list[ChatAnswer | BaseException]:
    """Ask twice, whole and as a stream; each ends with an answer or with an error."""
    found: list[ChatAnswer | BaseException] = []
    for call in (llm.complete, lambda asked: _streamed(llm, asked)):
        answers: list[ChatAnswer] = []

        async def keep(call: Any = call, answers: list[ChatAnswer] = answers) -> None:
            answers.append(await call(request))

        error = await raised(keep())
        found.append(answers[0] if error is None else error)
    return found


async def failures(
    replying: Replying, reply: Reply, request: ChatRequest | None = None
) -> list[BaseException]:
    """Ask a backend that has only an error to give, whole and as a stream."""
    async with replying(reply) as llm:
        found = await ends(llm, question() if request is None else request)
    answers = [one for one in found if isinstance(one, ChatAnswer)]
    assert not answers, f"{reply.kind} gave an answer: {answers}"
    return [one for one in found if isinstance(one, BaseException)]


async def _pieces(llm: LLM, request: ChatRequest) -> list[ChatDelta]:
    stream: Any = llm.stream(request)
    async with aclosing(stream):
        return [piece async for piece in stream]


async def _streamed(llm: LLM, request: ChatRequest) -> ChatAnswer:
    pieces = await _pieces(llm, request)
    answer = pieces[-1].answer if pieces else None
    if answer is None:
        pytest.fail("a stream ended without an answer, and raised nothing")
    return answer
