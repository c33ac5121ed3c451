"""Criticise: have a model look a second time, at the findings of a chunk beside the chunk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from codeflow_engine.contracts.strategy import Chunk
from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.domain.confidence import as_confidence
from codeflow_engine.domain.finding import RawFinding, Severity
from codeflow_engine.errors import InvalidResponseError
from codeflow_engine.prompts import Prompt
from codeflow_engine.review.listing import listed

__all__ = ["Criticised", "judged", "question"]

_DOUBTED: Final = "a second look did not confirm it"
"""Why a finding was dropped, as `Review.dropped` counts it."""

_HEADING: Final = "findings:"
_VERDICT_TOKENS: Final = 120
"""Room for one verdict: a number, a few words and their JSON."""

_FRAME_TOKENS: Final = 400

_VERDICT: Final = {
    "type": "object",
    "properties": {
        "number": {"type": "integer", "description": "number of the finding"},
        # Before the confidence: what is said first is what the number is made of.
        "why": {"type": "string", "description": "a few words"},
        "confidence": {"type": "number", "description": "from 0 to 1"},
    },
    "required": ["number", "why", "confidence"],
    "additionalProperties": False,
}
_FORM: Final = {
    "type": "object",
    "properties": {"verdicts": {"type": "array", "items": _VERDICT}},
    "required": ["verdicts"],
    "additionalProperties": False,
}
"""Within what the strict modes of all vendors take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criticised:
    """What a second look leaves of some findings."""

    findings: tuple[RawFinding, ...]
    """Those that stand, in their order, none of them surer than the critic is."""

    dropped: dict[str, int]
    """How many do not, by reason."""


def question(chunk: Chunk, findings: Sequence[RawFinding], prompt: Prompt) -> ChatRequest:
    """Ask how sure a maintainer would be of each finding.

    The findings stand inside of the chunk's fence, as data: they quote the change, and were
    written by a model that has read it. Each is a line of JSON, so that none can begin a line
    of its own, and comes as the strategy gave it: with its quote, since the text of a chunk
    has no numbers of lines.

    Args:
        chunk: What the model was shown; its text ends with its fence.
        findings: What it found there; numbered from 1.
        prompt: What the critic is told; it has no parts to fill.
    """
    text = listed(chunk, _HEADING, (_row(number, one) for number, one in enumerate(findings, 1)))
    return ChatRequest(
        messages=(
            Message(role=Role.SYSTEM, text=prompt.fill()),
            Message(role=Role.USER, text=text),
        ),
        max_output_tokens=_FRAME_TOKENS + _VERDICT_TOKENS * len(findings),
        answer_schema=_FORM,
        prompt=prompt.id,
    )


def judged(answer_text: str, findings: Sequence[RawFinding], threshold: float) -> Criticised:
    """Drop what the critic does not believe, and lower the confidence in the rest.

    A finding without a verdict stands as it is. One of two verdicts counts that is better for it.
    A critical finding is never dropped: what is written in a change may talk a model out of a
    finding, and that is not to hide the worst.

    Args:
        answer_text: What the critic answered to `question`.
        findings: Those of the question, in the same order.
        threshold: Confidence of the critic, from 0 to 1, below which a finding is dropped.

    Raises:
        InvalidResponseError: The answer does not have the form that was asked for.
    """
    verdicts = _verdicts(answer_text)
    kept: list[RawFinding] = []
    for number, finding in enumerate(findings, 1):
        sure = verdicts.get(number)
        if sure is None:
            kept.append(finding)
        elif sure >= threshold or finding.severity is Severity.CRITICAL:
            kept.append(replace(finding, confidence=min(finding.confidence, sure)))
    doubted = len(findings) - len(kept)
    return Criticised(findings=tuple(kept), dropped={_DOUBTED: doubted} if doubted else {})


def _row(number: int, finding: RawFinding) -> dict[str, Any]:
    """Tell a finding as the critic sees it: without how sure its source is."""
    return {
        "number": number,
        "part": finding.part,
        "path": finding.path,
        "side": finding.side.value,
        "quote": finding.quote,
        "severity": finding.severity.value,
        "category": finding.category.value,
        "title": finding.title,
        "message": finding.message,
        "replacement": finding.replacement,
    }


def _verdicts(text: str) -> Mapping[float, float]:
    """Read the best confidence that is told of each number."""
    try:
        best: dict[float, float] = {}
        for one in _list(json.loads(text)["verdicts"]):
            number, sure = _number(one["number"]), as_confidence(_number(one["confidence"]))
            best[number] = max(sure, best.get(number, 0.0))
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        # No word of the answer belongs into a message.
        raise InvalidResponseError("the critic did not keep to the form of the answer") from None
    return best


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError
    return value
