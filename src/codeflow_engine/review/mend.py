"""Mend: have a model say by which edit each finding of a file is mended, or why by none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from codeflow_engine.contracts.strategy import Chunk
from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.domain.finding import Finding, RawFinding, Suggestion
from codeflow_engine.errors import InvalidResponseError
from codeflow_engine.reports.visible import escape
from codeflow_engine.review.listing import listed
from codeflow_engine.review.locate import QuoteIndex
from codeflow_engine.review.piece import Piece

__all__ = ["FORM", "Mended", "mended", "question"]

_HEADING: Final = "findings:"
_WHY: Final = 300
_MESSAGE: Final = 1_000
"""Characters of a text."""

_EDIT: Final = {
    "type": "object",
    "properties": {
        "number": {"type": "integer", "description": "number of the finding"},
        "part": {"type": "integer", "description": "number of the part"},
        "quote": {"type": "string", "description": "whole lines that are replaced"},
        "replacement": {
            "description": "whole lines in their place, or null",
            "anyOf": [{"type": "string"}, {"type": "null"}],
        },
        "why": {"type": "string", "description": "one sentence"},
    },
    "required": ["number", "part", "quote", "replacement", "why"],
    "additionalProperties": False,
}
FORM: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"edits": {"type": "array", "items": _EDIT}},
    "required": ["edits"],
    "additionalProperties": False,
}
"""JSON Schema of an answer, within what the strict modes of all vendors take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What a model offers for one finding: an edit, or a reason why there is none."""

    suggestion: Suggestion | None = None
    reason: str = ""


def question(chunk: Chunk, findings: Sequence[Finding]) -> ChatRequest:
    """Ask for an edit for each finding.

    The findings stand inside of the chunk's fence, as data, and without numbers of lines,
    as the chunk has none: they have the lines that they speak of.

    Args:
        chunk: Parts of one file, and what the model is told.
        findings: All of that file; numbered from 1.
    """
    rows = (_row(number, one) for number, one in enumerate(findings, 1))
    return ChatRequest(
        messages=(
            Message(role=Role.SYSTEM, text=chunk.instructions),
            Message(role=Role.USER, text=listed(chunk, _HEADING, rows)),
        ),
        max_output_tokens=chunk.max_output_tokens,
        answer_schema=FORM,
        prompt=chunk.prompt,
    )


def mended(
    answer_text: str, findings: Sequence[Finding], pieces: Sequence[Piece]
) -> tuple[Mended, ...]:
    """Read what was answered, for each finding in their order.

    A quote becomes lines of the file that the pieces show, wherever it claims to stand: no
    other file can be named at all.

    Args:
        answer_text: What the model answered to `question`.
        findings: Those of the question, in the same order.
        pieces: What the chunk of the question was made of.

    Raises:
        InvalidResponseError: The answer does not have the form that was asked for.
    """
    told = _edits(answer_text)
    index = QuoteIndex(pieces)
    return tuple(
        [_mended(told.get(number, []), one, index) for number, one in enumerate(findings, 1)]
    )


def _row(number: int, finding: Finding) -> dict[str, Any]:
    return {
        "number": number,
        "side": finding.side.value,
        "lines": _quoted(finding),
        "severity": finding.severity.value,
        "category": finding.category.value,
        "rule": finding.rule,
        "title": finding.title,
        "message": finding.message[:_MESSAGE],
    }


def _quoted(finding: Finding) -> list[str]:
    """Give the lines that a finding speaks of; none where it is about the whole file."""
    evidence, line = finding.evidence, finding.line
    if evidence is None or line is None:
        return []
    first = line - evidence.start_line
    last = (finding.end_line or line) - evidence.start_line
    return [text.removesuffix("\r") for text in evidence.lines[max(first, 0) : last + 1]]


def _mended(told: Sequence[Mapping[str, Any]], finding: Finding, index: QuoteIndex) -> Mended:
    if len(told) != 1:
        how = "several times" if told else "not at all"
        return Mended(reason=f"the model's answer speaks of it {how}")
    [edit] = told
    if edit["replacement"] is None:
        why = escape(" ".join(edit["why"].split())[:_WHY])
        return Mended(reason=f"the model has no edit for it: {why or 'it does not say why'}")
    raw = RawFinding(
        rule=finding.rule,
        severity=finding.severity,
        category=finding.category,
        title=finding.title,
        message=finding.message,
        path=finding.path,
        part=edit["part"],
        quote=edit["quote"],
        replacement=edit["replacement"],
    )
    found = index.locate(raw)
    if found.line is None:
        return Mended(reason="the lines that the model would replace stand nowhere, or twice")
    if found.suggestion is None:
        return Mended(reason="the model's edit does not fit the lines that it would replace")
    return Mended(suggestion=found.suggestion)


def _edits(text: str) -> dict[int, list[Mapping[str, Any]]]:
    """Read the edits by the number of their finding; the gateway has checked the form."""
    by_number: dict[int, list[Mapping[str, Any]]] = {}
    try:
        for one in json.loads(text)["edits"]:
            by_number.setdefault(int(one["number"]), []).append(_checked(one))
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        # No word of the answer belongs into a message.
        raise InvalidResponseError("the answer does not have the form that was asked") from None
    return by_number


def _checked(told: Mapping[str, Any]) -> Mapping[str, Any]:
    words = [told["quote"], told["why"], told["replacement"] or ""]
    if not all(isinstance(word, str) for word in words):
        raise TypeError
    return {**told, "part": int(told["part"]), "replacement": told["replacement"] or None}
