"""The workflow `ask`: a question about a change, answered by models from what they read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.reading import Answer, Quote
from codeflow_engine.errors import BudgetExhaustedError, DisclosureError, ProviderError
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.answer import JOINED, SHOWN, Answered, choose, note, read_answer
from codeflow_engine.review.said import shortened
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.workflows.asking import Note, Question, Said, reason_of
from codeflow_engine.workflows.reading import Reader
from codeflow_engine.workflows.reading_input import AskInput

__all__ = ["ASK", "ask"]

_TEXT = 40_000
"""Characters of answers that stand one after the other."""


async def ask(run: RunContext, given: AskInput) -> Answer:
    """Answer a question about a change: fetch it, show it, have it read, join what was said."""
    prompts = run.tools.prompts
    asked = {"question": given.question}
    whole = Question.of(prompts.get("ask"), SHOWN, **asked)
    part = Question.of(prompts.get("ask_part"), SHOWN, **asked)
    last = Question.of(prompts.get("ask_join"), JOINED, **asked)
    reader = await Reader.open(run, given, (whole, part, last))
    said = await reader.read(whole, part)
    read = await run.compute("read", _read, said, run.tools.redactor)
    answered, unjoined = await _join(run, reader, last, _Parts(said=said, read=read))
    redact = run.tools.redactor.redact
    dropped = Counter(answered.dropped)
    for one in [] if reader.is_whole else read:
        dropped.update(one.dropped)
    return Answer(
        run_id=run.run_id,
        change=reader.summary(),
        question=redact(given.question),
        text=answered.text,
        quotes=answered.quotes,
        unread=await run.compute("account", reader.unread),
        unjoined=None if unjoined is None else redact(unjoined),
        dropped=dict(dropped),
        usage=reader.usage,
    )


def _read(said: Sequence[Said], redactor: Redactor) -> list[Answered]:
    return [read_answer(one.told, one.pieces, redactor) for one in said]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What was said of each part that was read."""

    said: Sequence[Said]
    read: Sequence[Answered]

    def quotes(self) -> dict[int, Quote]:
        """Give all quotes by the numbers that they have in notes."""
        return dict(enumerate((quote for one in self.read for quote in one.quotes), 1))

    def notes(self) -> list[Note]:
        """Give a note of each part that says anything."""
        firsts = accumulate((len(one.quotes) for one in self.read), initial=1)
        return [
            Note(text=note(one, first), paths=about.paths)
            for about, one, first in zip(self.said, self.read, firsts, strict=False)
            if one.text
        ]


async def _join(
    run: RunContext, reader: Reader, question: Question, parts: _Parts
) -> tuple[Answered, str | None]:
    """Make one answer of those from the parts; say why where nobody does."""
    if not parts.read:
        return Answered(text="Models are shown nothing of this change."), None
    if reader.is_whole:
        return parts.read[0], None
    notes, quotes, redactor = parts.notes(), parts.quotes(), run.tools.redactor
    if not notes:
        return Answered(text="Nothing that was read of the change says anything to it."), None

    def again(answer: Mapping[str, Any]) -> str:
        chosen = choose(answer, quotes, redactor)
        numbers = {quote: number for number, quote in quotes.items()}
        return "".join(
            [
                f"{chosen.text}\n",
                *(note(Answered(quotes=(one,)), numbers[one]) for one in chosen.quotes),
            ]
        )

    try:
        answer = await reader.join(question, notes, again)
    except (ProviderError, BudgetExhaustedError, DisclosureError) as error:
        texts = shortened("\n\n".join(one.text for one in parts.read if one.text), _TEXT)
        return Answered(text=texts, quotes=tuple(quotes.values())), reason_of(error)
    return await run.compute("join", choose, answer, quotes, redactor), None


def _summarise(told: Answer) -> dict[str, object]:
    return {
        "title": told.change.title,
        "outcome": "complete" if told.is_complete else "partial",
        "usage": to_plain(told.usage),
    }


ASK = Workflow(
    name="ask",
    version=1,
    run=ask,
    read_input=AskInput.read,
    write_input=AskInput.write,
    summarise=_summarise,
    partition=AskInput.repository,
)
