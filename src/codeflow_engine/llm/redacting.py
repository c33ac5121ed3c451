"""Secrets are taken out of a question before anything else sees it, and keys out of answers."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
    from codeflow_engine.redaction import Redactor

__all__ = ["redacted", "without_keys"]

_SMALL = 16 * 1024
"""Characters that are looked through in less time than the way to a thread and back takes."""

_SAID = ("text", "model", "provider", "response_id", "said_reason")
"""Fields of an answer that hold words of the server's."""


async def redacted(request: ChatRequest, redactor: Redactor, threads: Executor) -> ChatRequest:
    """Give a question with a placeholder in the place of each secret."""
    if sum(len(message.text) for message in request.messages) <= _SMALL:
        return _redact(request, redactor)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, _redact, request, redactor)


async def without_keys(answer: ChatAnswer, redactor: Redactor, threads: Executor) -> ChatAnswer:
    """Give an answer without the values that the engine was configured with.

    The server has the key, and may say it again. What else a secret may be was taken out of
    the question, and is left alone here: an answer quotes code.
    """
    if len(answer.text) <= _SMALL:
        return _without_keys(answer, redactor)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, _without_keys, answer, redactor)


def _without_keys(answer: ChatAnswer, redactor: Redactor) -> ChatAnswer:
    said = {name: value for name in _SAID if redactor.exposes(value := getattr(answer, name))}
    shown: dict[str, Any] = {name: redactor.redact(value) for name, value in said.items()}
    return replace(answer, **shown) if shown else answer


def _redact(request: ChatRequest, redactor: Redactor) -> ChatRequest:
    messages = tuple(
        message
        if (text := redactor.redact(message.text)) == message.text
        else replace(message, text=text)
        for message in request.messages
    )
    schema = request.answer_schema
    if schema is not None:
        schema = redactor.scrub(schema)
    if messages == request.messages and schema == request.answer_schema:
        return request
    return replace(request, messages=messages, answer_schema=schema)
