"""Answers that were given once are never paid for again."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeflow_engine.contracts import Journal
    from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
    from codeflow_engine.llm.model import Model
    from codeflow_engine.pace.clock import Clock

__all__ = ["Answers", "digest_of"]

_FORM = 2
"""Raised when the same question is to be asked again, since its answer is kept otherwise."""

_SMALL = 256 * 1024
"""Characters that are digested in less time than the way to a thread and back takes."""


class Answers:
    """The durable answers of one tenant.

    Only what may be used is kept: no failure, no refusal, nothing cut off, nothing of a
    wrong form. An answer is found by all that the question consists of (messages, parameters,
    form, prompt), and by the model: its id, its provider's interface, and the place where it
    was asked, so that what a test server said is not taken for the real one's words. Paths are
    not part of it, since they are not sent. The tenant is not either: a journal keeps each
    tenant's answers apart.
    """

    def __init__(self, journal: Journal, tenant: str, clock: Clock) -> None:
        self._journal = journal
        self._tenant = tenant
        self._clock = clock

    async def find(self, question: str, models: Sequence[Model]) -> ChatAnswer | None:
        """Look for the answer of any of the models, the first of them first.

        Args:
            question: Its digest.
            models: Who may have given it.
        """
        keys = [_key(question, model) for model in models]
        found = await self._journal.get_answers(self._tenant, keys)
        return next((found[key] for key in keys if key in found), None)

    async def keep(self, question: str, model: Model, answer: ChatAnswer) -> ChatAnswer:
        """Keep an answer before it is used; give the one to use, which is the first that came."""
        key = _key(question, model)
        bare = replace(answer, room=None)
        kept = await self._journal.put_answers(self._tenant, {key: bare}, now=self._clock.now())
        return kept[key]


async def digest_of(request: ChatRequest) -> str:
    """Digest what a question consists of."""
    if sum(len(message.text) for message in request.messages) <= _SMALL:
        return _digested(request)
    return await asyncio.to_thread(_digested, request)


def _digested(request: ChatRequest) -> str:
    asked = [
        _FORM,
        [[message.role.value, len(message.text)] for message in request.messages],
        request.max_output_tokens,
        request.temperature,
        request.answer_schema,
        request.prompt,
    ]
    told = json.dumps(asked, sort_keys=True, separators=(",", ":"), default=dict)
    digest = hashlib.sha256(told.encode())
    for message in request.messages:
        # As JSON they would take seven times as long; their lengths tell where each ends.
        digest.update(message.text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _key(question: str, model: Model) -> str:
    told = json.dumps([question, *model.place])
    return f"{model.id}/{hashlib.sha256(told.encode()).hexdigest()}"
