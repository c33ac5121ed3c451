"""Answers that were given once are never paid for again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeflow_engine.contracts import Journal
    from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
    from codeflow_engine.pace.clock import Clock

__all__ = ["Answers", "digest_of"]

_FORM = 1
"""Raised when the same question is to be asked again, since its answer is kept otherwise."""


def digest_of(request: ChatRequest) -> str:
    """Digest what a question consists of: messages, parameters, form, and prompt.

    Paths are not part of it, since they are not sent. The tenant is not either: a journal
    keeps each tenant's answers apart. The model stands beside it in the key of an answer.
    """
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


def _key(model_id: str, question: str) -> str:
    return f"{model_id}/{question}"


class Answers:
    """The durable answers of one tenant.

    Only what may be used is kept: no failure, no refusal, nothing cut off, nothing of a
    wrong form.
    """

    def __init__(self, journal: Journal, tenant: str, clock: Clock) -> None:
        self._journal = journal
        self._tenant = tenant
        self._clock = clock

    async def find(self, question: str, model_ids: Sequence[str]) -> ChatAnswer | None:
        """Look for the answer of any of the models, the first of them first.

        Args:
            question: Its digest.
            model_ids: Of the models.
        """
        keys = [_key(model_id, question) for model_id in model_ids]
        found = await self._journal.get_answers(self._tenant, keys)
        return next((found[key] for key in keys if key in found), None)

    async def keep(self, question: str, model_id: str, answer: ChatAnswer) -> ChatAnswer:
        """Keep an answer before it is used; give the one to use, which is the first that came."""
        key = _key(model_id, question)
        bare = replace(answer, room=None)
        kept = await self._journal.put_answers(self._tenant, {key: bare}, now=self._clock.now())
        return kept[key]
