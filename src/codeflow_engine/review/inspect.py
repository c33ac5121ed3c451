"""Inspect: let a strategy ask models about one chunk, and hold it to its word."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from codeflow_engine.contracts import Ask, Chunk, Inspection, Strategy
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.domain.source import MODEL
from codeflow_engine.errors import (
    BudgetExhaustedError,
    CodeflowError,
    DisclosureError,
    PluginError,
    ProviderError,
)
from codeflow_engine.plugins.containment import is_foreign
from codeflow_engine.review.locate import QuoteIndex
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.repeated import Confidential

__all__ = ["Asking", "Inspected", "ask_failed", "inspect"]

_UNSHOWN = f"{MODEL}: in a file that it was not shown"

_OF_ONE_CHUNK = (ProviderError, BudgetExhaustedError, DisclosureError)
"""What keeps a chunk from being looked at, and not its neighbours. Whatever else `ask` raises
says that nothing can be asked, or that the run cannot go on."""

_SMALL: Final = 10_000
"""Characters of findings that are looked up in less time than the way to a thread takes."""

_UNUSABLE: Final = f"{MODEL}: not in a form that says where and what"
_REPEATED: Final = f"{MODEL}: repeats what the model was told"
_NO_EDIT: Final = f"{MODEL}: a replacement that is no edit of what was quoted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What came of one chunk."""

    said: tuple[RawFinding, ...] = ()
    """Findings as the strategy gave them, with their quotes."""

    findings: tuple[RawFinding, ...] = ()
    """The same in the same order, where their quotes were found with lines in their place."""

    examined: frozenset[Unit] = frozenset()
    failed: dict[Unit, str] = field(default_factory=dict)
    """Units of the chunk that were not examined, with the reason."""

    dropped: Mapping[str, int] = field(default_factory=dict)
    """Findings beside these, and replacements, that are no use, counted by reason."""

    is_unpaid: bool = False
    """Whether it failed since a budget had too little left: calls that were under way may give
    some of what they have booked back."""


@dataclass(slots=True)
class Asking:
    """Asks for a strategy, and keeps what it is not to hide: that it was answered, or why not."""

    ask: Ask
    paths: tuple[str, ...]
    """Files that the chunk shows: whoever may not see them is not asked, whatever it says."""

    answered: list[ChatRequest] = field(default_factory=list)
    """Questions that have a whole answer."""

    refused: CodeflowError | None = None
    """Why the last question without an answer has none."""

    fatal: BaseException | None = None

    async def __call__(self, request: ChatRequest) -> ChatAnswer:
        """Ask; raises as the contract says."""
        try:
            answer = await self.ask(replace(request, paths=self.paths))
        except _OF_ONE_CHUNK as error:
            self.refused = error
            raise
        except BaseException as error:
            self.fatal = error
            raise
        if answer.finish_reason.is_complete:
            self.answered.append(request)
        return answer

    def has_shown(self, chunk: Chunk) -> bool:
        """Tell whether a model has answered that was shown a chunk as it stands."""
        return any(
            chunk.text in message.text for request in self.answered for message in request.messages
        )


async def inspect(
    chunk: Chunk,
    pieces: Sequence[Piece],
    strategy: Strategy,
    asking: Asking,
    *,
    confidential: Confidential | None = None,
    crashed: Callable[[BaseException], None] | None = None,
) -> Inspected:
    """Inspect a chunk; whatever goes wrong fails its units and nothing else.

    Args:
        chunk: What is shown.
        pieces: What it was made of.
        strategy: What asks.
        asking: The way to the models.
        confidential: What the models are not to tell.
        crashed: Is told of an exception that no contract knows.

    Raises:
        CodeflowError: The run cannot go on, or no chunk at all can be asked about.
    """
    said: Inspection | None = None
    failure: BaseException | None = None
    try:
        said = _checked(await strategy.inspect(chunk, asking))
    except BaseException as error:
        if not is_foreign(error):
            raise
        failure = error
    if asking.fatal is not None:
        raise asking.fatal from None
    if isinstance(failure, CodeflowError):
        return _unasked(chunk, failure)
    if said is None:
        if crashed is not None and failure is not None:
            crashed(failure)
        # The text of a foreign error may quote the change, so its type alone is told.
        kind = type(failure).__name__
        return _failed(chunk, f"{MODEL}: the strategy crashed with {kind}")
    if not asking.has_shown(chunk):
        return _unasked(chunk, asking.refused)
    work = partial(_look_up, chunk, pieces, said, confidential)
    small = sum(map(_size, said.findings)) <= _SMALL
    return work() if small else await asyncio.to_thread(work)


def _look_up(
    chunk: Chunk, pieces: Sequence[Piece], said: Inspection, confidential: Confidential | None
) -> Inspected:
    """Find the places of what was said, and account for every unit."""
    told = said.findings
    if confidential is not None:
        told = tuple(raw for raw in told if not confidential.is_broken(raw, chunk.text))
    kept, findings = _locate(told, pieces)
    counts = {
        _UNUSABLE: said.unusable,
        _REPEATED: len(said.findings) - len(told),
        _UNSHOWN: len(told) - len(kept),
        _NO_EDIT: sum(map(_has_edit, said.findings)) - sum(map(_is_edit, kept, findings)),
    }
    examined = frozenset(said.examined).intersection(chunk.units)
    silent = [unit for unit in chunk.units if unit not in examined]
    return Inspected(
        said=kept,
        findings=findings,
        examined=examined,
        failed=dict.fromkeys(silent, f"{MODEL}: the answer does not account for it"),
        dropped=+Counter(counts),
    )


def _locate(
    said: Sequence[RawFinding], pieces: Sequence[Piece]
) -> tuple[tuple[RawFinding, ...], tuple[RawFinding, ...]]:
    """Give the findings in files that were shown, as they came, and with their places.

    The others might stand in a file of the change that nobody has shown to this model.
    """
    shown = {path for piece in pieces for path in piece.paths}
    index = QuoteIndex(pieces)
    both = [(raw, index.locate(raw)) for raw in said]
    kept = [(raw, found) for raw, found in both if found.line is not None or found.path in shown]
    return tuple(raw for raw, _ in kept), tuple(found for _, found in kept)


def _size(raw: RawFinding) -> int:
    return len(raw.message) + len(raw.quote or "") + len(raw.replacement or "")


def _has_edit(said: RawFinding) -> bool:
    return bool((said.replacement or "").strip())


def _is_edit(said: RawFinding, found: RawFinding) -> bool:
    """Tell whether a suggestion was made of the replacement that a finding came with."""
    return _has_edit(said) and found.suggestion is not None


def ask_failed(error: CodeflowError) -> str:
    """Say in one line, the same for all chunks, why there is no answer."""
    if isinstance(error, BudgetExhaustedError):
        return f"{MODEL}: the budget of {error.scope!r} has too little left"
    return f"{MODEL}: {error.message}"


def _unasked(chunk: Chunk, error: CodeflowError | None) -> Inspected:
    """Fail a chunk that no model has answered about, whatever the strategy makes of that."""
    unshown = f"{MODEL}: the strategy has shown it to no model"
    reason = unshown if error is None else ask_failed(error)
    return replace(_failed(chunk, reason), is_unpaid=isinstance(error, BudgetExhaustedError))


def _failed(chunk: Chunk, reason: str) -> Inspected:
    return Inspected(failed=dict.fromkeys(chunk.units, reason))


def _checked(said: object) -> Inspection:
    if not isinstance(said, Inspection):
        raise PluginError(f"the strategy gave a {type(said).__name__} and no inspection")
    if not is_sound(said):
        raise PluginError("the inspection of the strategy holds values of a wrong type")
    return said
