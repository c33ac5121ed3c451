"""The workflow `describe`: what a change does, told by models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.reading import Description, FileDescription
from codeflow_engine.errors import BudgetExhaustedError, DisclosureError, ProviderError
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.describe import (
    JOINED,
    PART,
    WHOLE,
    Described,
    note,
    read_description,
)
from codeflow_engine.review.said import shortened
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.workflows.asking import Note, Question, Said, reason_of
from codeflow_engine.workflows.reading import Reader
from codeflow_engine.workflows.reading_input import ReadingInput

__all__ = ["DESCRIBE", "describe"]

_TITLE = 200
_OF_FILE = 2_000
_SUMMARY = 20_000
"""Characters of what stands one after the other."""


async def describe(run: RunContext, given: ReadingInput) -> Description:
    """Describe a change: fetch it, show it, have it read, and join what was said."""
    prompts = run.tools.prompts
    whole = Question.of(prompts.get("describe"), WHOLE)
    part = Question.of(prompts.get("describe_part"), PART)
    last = Question.of(prompts.get("describe_join"), JOINED)
    reader = await Reader.open(run, given, (whole, part, last))
    said = await reader.read(whole, part)
    read = await run.compute("read", _read, said, run.tools.redactor)
    joined, unjoined = await _join(run, reader, last, (said, read))
    return await run.compute("tell", _tell, run, reader, (read, joined, unjoined))


def _read(said: Sequence[Said], redactor: Redactor) -> list[Described]:
    return [read_description(one.told, one.pieces, redactor) for one in said]


async def _join(
    run: RunContext,
    reader: Reader,
    question: Question,
    told: tuple[Sequence[Said], Sequence[Described]],
) -> tuple[Described, str | None]:
    """Make one description of those of the parts; say why where nobody does."""
    said, read = told
    redactor = run.tools.redactor
    if not read:
        return Described(summary="Models are shown nothing of this change."), None
    if reader.is_whole:
        return read[0], None
    notes = [
        Note(text=note(one, _names(about)), paths=about.paths)
        for one, about in zip(read, said, strict=True)
    ]

    def again(answer: Mapping[str, Any]) -> str:
        return note(read_description(answer, (), redactor), ())

    try:
        answer = await reader.join(question, notes, again)
    except (ProviderError, BudgetExhaustedError, DisclosureError) as error:
        return _side_by_side(read), reason_of(error)
    return await run.compute("join", read_description, answer, (), redactor), None


def _names(said: Said) -> list[str]:
    return list(dict.fromkeys(name for piece in said.pieces for name in piece.names[:1]))


def _side_by_side(read: Sequence[Described]) -> Described:
    return Described(
        summary=shortened("\n\n".join(one.summary for one in read if one.summary), _SUMMARY),
        labels=tuple(dict.fromkeys(label for one in read for label in one.labels)),
    )


def _tell(
    run: RunContext, reader: Reader, told: tuple[Sequence[Described], Described, str | None]
) -> Description:
    read, joined, unjoined = told
    change = reader.summary()
    files: dict[str, list[str]] = {}
    dropped: Counter[str] = Counter()
    for one in read:
        dropped.update(one.dropped)
        for path, summary in one.files.items():
            files.setdefault(path, []).append(summary)
    return Description(
        run_id=run.run_id,
        change=change,
        title=joined.title or shortened(" ".join(change.title.split()), _TITLE),
        summary=joined.summary,
        walkthrough=tuple(
            FileDescription(path=name, summary=shortened(" ".join(files.get(path, ())), _OF_FILE))
            for path, name in reader.read_paths().items()
        ),
        labels=joined.labels,
        unread=reader.unread(),
        unjoined=None if unjoined is None else run.tools.redactor.redact(unjoined),
        dropped=dict(dropped),
        usage=reader.usage,
    )


def _summarise(told: Description) -> dict[str, object]:
    return {
        "title": told.title,
        "outcome": "complete" if told.is_complete else "partial",
        "usage": to_plain(told.usage),
    }


DESCRIBE = Workflow(
    name="describe",
    version=1,
    run=describe,
    read_input=ReadingInput.read,
    write_input=ReadingInput.write,
    summarise=_summarise,
    partition=ReadingInput.repository,
)
