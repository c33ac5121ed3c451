"""Secrets are taken out of a question before anything else sees it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeflow_engine.domain.chat import ChatRequest
    from codeflow_engine.redaction import Redactor

__all__ = ["redacted"]

_SMALL = 16 * 1024
"""Characters that are looked through in less time than the way to a thread and back takes."""


async def redacted(request: ChatRequest, redactor: Redactor, threads: Executor) -> ChatRequest:
    """Give a question with a placeholder in the place of each secret."""
    if sum(len(message.text) for message in request.messages) <= _SMALL:
        return _redact(request, redactor)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, _redact, request, redactor)


def _redact(request: ChatRequest, redactor: Redactor) -> ChatRequest:
    texts = [redactor.redact(message.text) for message in request.messages]
    if all(text == message.text for text, message in zip(texts, request.messages, strict=True)):
        return request
    messages = tuple(
        replace(message, text=text) for text, message in zip(texts, request.messages, strict=True)
    )
    return replace(request, messages=messages)
