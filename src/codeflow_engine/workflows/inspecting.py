"""How the models of an engine look at a change: shown in chunks, the riskiest first."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count

from codeflow_engine.contracts import Chunk
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.domain.run import ChunkInspected
from codeflow_engine.domain.source import MODEL, SourceReport
from codeflow_engine.domain.usage import Usage
from codeflow_engine.errors import (
    BudgetExhaustedError,
    DisclosureError,
    ProviderError,
)
from codeflow_engine.review import critic
from codeflow_engine.review.inspect import Asking, Inspected, inspect
from codeflow_engine.review.partition import Partition
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.policy import RepositoryPolicy
from codeflow_engine.review.show import Shown
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.questions import Questions
from codeflow_engine.workflows.review_input import ReviewInput
from codeflow_engine.workflows.showing import Frame, frame_of, show_change
from codeflow_engine.workflows.turns import Turns

__all__ = ["inspect_change"]


async def inspect_change(
    run: RunContext,
    given: ReviewInput,
    change: Change,
    parts: Partition,
    policy: RepositoryPolicy,
) -> SourceReport:
    """Ask models about everything that they may be shown, and account for every unit."""
    if not parts.to_review:
        return SourceReport(source=MODEL)
    units = await run.compute("leave-out", _left, parts)
    frame = await frame_of(run, given, policy)
    told = await show_change(run, change, units, frame)
    inspector = _Inspector(run, given, change, frame, len(told.chunks))
    keyed = zip(told.chunks, _keys(told.chunks), strict=True)
    work = [(*one, key) for one, key in keyed]
    found = await inspector.inspect_all(work, await Turns.of(run, given, len(work)))
    return await run.compute("report", _report, parts, told.shown, found, inspector)


def _left(parts: Partition) -> tuple[Unit, ...]:
    """Give the units that models are shown."""
    return tuple(unit for unit in parts.to_review if unit not in parts.unshown)


def _keys(chunks: Iterable[tuple[Chunk, tuple[Piece, ...]]]) -> list[str]:
    """Give each chunk a key of its own: a path may stand in a change twice, with the same lines."""
    seen: Counter[str] = Counter()
    keys = []
    for chunk, _ in chunks:
        seen[chunk.key] += 1
        again = f"#{seen[chunk.key]}" if seen[chunk.key] > 1 else ""
        keys.append(f"{chunk.key}{again}")
    return keys


type _Work = tuple[Chunk, tuple[Piece, ...], str]
"""A chunk, what it shows, and its key in the run."""


class _Inspector:
    """Inspects the chunks of one change, some of them at a time, in their order."""

    def __init__(
        self, run: RunContext, given: ReviewInput, change: Change, frame: Frame, chunks: int
    ) -> None:
        self._run = run
        self._questions = Questions(run, given, change)
        self._strategy = frame.strategy
        self._confidential = frame.confidential
        self._chunks = chunks
        self._done = 0
        self.dropped: Counter[str] = Counter()

    @property
    def usage(self) -> Usage:
        """What it has taken of models so far."""
        return self._questions.usage

    async def inspect_all(self, work: Sequence[_Work], turns: Turns) -> list[Inspected]:
        """Have all chunks looked at, each under a key of its own."""
        return [
            *await self._run.together(
                self._inspect_in_turn(one, at, turns) for at, one in enumerate(work)
            )
        ]

    async def _inspect_in_turn(self, work: _Work, at: int, turns: Turns) -> Inspected:
        """Have a chunk looked at beside those before it.

        One that there was too little money for is tried again when these have ended, since they
        had booked the most that they could cost. From the first one on that is too dear even
        then, each is looked at alone: a smaller one may fit, or its answer may be there already.
        What is asked follows from what was answered, and from no moment, so that a run that is
        taken up again asks the same.
        """
        chunk, pieces, key = work
        async with turns.take(at):
            found = await self._inspect(*work)
            if found.is_unpaid and at and not turns.is_alone:
                await turns.until_ended(at)
                found = await self._inspect(chunk, pieces, f"{key}+")
            if found.is_unpaid:
                turns.is_alone = True
                await self._tell(chunk, found)
            return found

    async def _inspect(self, chunk: Chunk, pieces: tuple[Piece, ...], key: str) -> Inspected:
        """Have one chunk looked at."""
        paths = tuple(dict.fromkeys(path for piece in pieces for path in piece.paths))
        numbers = count(1)

        async def ask(request: ChatRequest) -> ChatAnswer:
            return await self._questions.ask(request, f"{key}/{next(numbers)}")

        asking = Asking(ask, paths)
        found = await inspect(
            chunk,
            pieces,
            self._strategy,
            asking,
            confidential=self._confidential,
            crashed=self._log_crash,
        )
        found = await self._look_again(chunk, asking, found)
        self.dropped.update(found.dropped)
        if not found.is_unpaid:
            await self._tell(chunk, found)
        return found

    async def _tell(self, chunk: Chunk, found: Inspected) -> None:
        self._done += 1
        await self._run.emit(
            ChunkInspected,
            number=self._done,
            chunks=self._chunks,
            units=len(chunk.units),
            findings=len(found.findings),
            failure=next(iter(found.failed.values()), None),
            usage=self.usage,
        )

    async def _look_again(self, chunk: Chunk, asking: Asking, found: Inspected) -> Inspected:
        """Let a model judge what was found, where the host wants that; it never loses a unit."""
        threshold = self._run.tools.settings.critic
        if threshold is None or not found.findings:
            return found
        question = critic.question(chunk, found.said, self._run.tools.prompts.get("critic"))
        try:
            answer = await asking(question)
            judged = critic.judged(answer.text, found.findings, threshold)
        except (ProviderError, BudgetExhaustedError, DisclosureError):
            return found  # what was found stands
        self.dropped.update(judged.dropped)
        return replace(found, findings=judged.findings)

    def _log_crash(self, error: BaseException) -> None:
        *_, last = traceback.extract_tb(error.__traceback__)
        place = f"{last.filename}:{last.lineno} in {last.name}"
        kind = type(error).__name__
        self._run.tools.log.warning("strategy crashed", error=kind, place=place)


def _report(
    parts: Partition,
    shown: Shown,
    found: Sequence[Inspected],
    inspector: _Inspector,
) -> SourceReport:
    """Put together what came of the chunks; a unit is examined where all of its parts were."""
    failed: dict[Unit, str] = {unit: f"{MODEL}: {why}" for unit, why in shown.failed.items()}
    for one in found:
        for unit, reason in one.failed.items():
            failed.setdefault(unit, reason)
    examined = frozenset[Unit]().union(*(one.examined for one in found)) - failed.keys()
    findings: list[RawFinding] = [raw for one in found for raw in one.findings]
    return SourceReport(
        source=MODEL,
        findings=tuple(findings),
        reported=len(findings),
        dropped=dict(inspector.dropped),
        usage=inspector.usage,
        examined=examined,
        declined=(*parts.unshown.items(), *shown.declined.items()),
        failed=tuple(failed.items()),
    )
