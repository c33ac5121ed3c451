"""How the models of an engine look at a change: shown in chunks, the riskiest first."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Final

from codeflow_engine.contracts import Chunk, ModelGateway, Strategy
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.domain.diff import Side, Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.domain.model import ModelFacts
from codeflow_engine.domain.run import ChunkInspected
from codeflow_engine.domain.source import MODEL, SourceReport
from codeflow_engine.domain.usage import Usage
from codeflow_engine.errors import (
    BudgetExhaustedError,
    ConfigurationError,
    DisclosureError,
    ProviderError,
)
from codeflow_engine.review import critic
from codeflow_engine.review.fence import chunk as fenced
from codeflow_engine.review.generated import ATTRIBUTES_NAME, generated
from codeflow_engine.review.inspect import Asking, Inspected, inspect
from codeflow_engine.review.pack import pack
from codeflow_engine.review.partition import Partition
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.policy import RepositoryPolicy, render_rules
from codeflow_engine.review.show import Shown, show
from codeflow_engine.review.surround import surround
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.fetching import read_files
from codeflow_engine.workflows.review_input import ReviewInput

__all__ = ["inspect_change", "look_for_unshown", "room_of"]

_MOST_DIRECTORIES: Final = 200
_BESIDE: Final = 1_500
"""Tokens of what stands in a question beside the chunk and the prompt: schema, fence, roles."""

_LEAST: Final = 300
"""Tokens of a chunk below which a model can be shown nothing that it could judge."""


async def look_for_unshown(run: RunContext, change: Change, models: ModelGateway) -> dict[str, str]:
    """Find the files that models are not shown, with the reason.

    These are generated and vendored ones, as the base revision says or as their names do, and
    those that the host's rules withhold from every model.
    """
    paths = {path for file in change.diff.files for path in (file.path, file.old_path) if path}
    directories = sorted({up for path in paths for up in _above(path)}, key=_depth)
    files = []
    if change.base is not None:
        wanted = [
            f"{directory}/{ATTRIBUTES_NAME}" if directory else ATTRIBUTES_NAME
            for directory in directories[:_MOST_DIRECTORIES]
        ]
        files = [*await read_files(run, change, wanted, Side.OLD)]
    attributes = [
        (directory, file.content)
        for directory, file in zip(directories, files, strict=False)
        if file.content is not None
    ]
    unshown = dict(generated(sorted(paths), attributes))
    for path in sorted(paths - unshown.keys()):
        if not models.readers((path,)):
            unshown[path] = "withheld from every model by the host's rules"
    return unshown


def _above(path: str) -> Iterable[str]:
    """Give the directories that a path stands in; the top is an empty text."""
    parts = path.split("/")
    return ("/".join(parts[:end]) for end in range(len(parts)))


def _depth(directory: str) -> tuple[int, str]:
    return directory.count("/") + bool(directory), directory


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What all chunks of a change have in common."""

    models: ModelGateway
    strategy: Strategy
    instructions: str
    prompt: str
    room: int
    """Tokens of the text of a chunk."""

    answer: int
    """Tokens of an answer."""

    secret: bytes


async def inspect_change(
    run: RunContext,
    given: ReviewInput,
    change: Change,
    parts: Partition,
    policy: RepositoryPolicy,
) -> SourceReport:
    """Ask models about everything that they may be shown, and account for every unit."""
    units = tuple(unit for unit in parts.to_review if unit not in parts.unshown)
    if not parts.to_review:
        return SourceReport(source=MODEL)
    frame = await _frame(run, given, policy)
    around = dict(await run.step("surround", _surround, run, change, units))
    shown = await run.compute("show", _show, run, (change, units), around, frame)
    packed = await run.compute("pack", _pack, shown.pieces, frame)
    chunks = await run.compute("fence", _fence, packed, frame)
    inspector = _Inspector(run, given, change, frame, len(chunks))
    found = await inspector.inspect_all(zip(chunks, packed, _keys(chunks), strict=True))
    return _report(parts, shown, found, inspector)


async def _frame(run: RunContext, given: ReviewInput, policy: RepositoryPolicy) -> _Frame:
    settings = run.tools.settings
    models = run.tools.models.select(given.llm)
    prompt = run.tools.prompts.get("inspect")
    instructions = prompt.fill(rules=render_rules(policy))
    facts = await models.facts()
    answer = min([settings.answer_tokens, *(one.max_output for one in facts if one.max_output)])
    return _Frame(
        models=models,
        strategy=run.tools.backends.get(Strategy, settings.strategy),
        instructions=instructions,
        prompt=prompt.id,
        room=room_of(settings.chunk_tokens, facts, answer + models.count(instructions)),
        answer=answer,
        secret=(settings.fence_key or settings.tenant).encode(),
    )


def room_of(wanted: int, facts: Iterable[ModelFacts], beside: int) -> int:
    """Say how many tokens a chunk may have: no more than is wanted, and than all models hold.

    Args:
        wanted: Tokens that a chunk is to have at most.
        facts: What is known of the models.
        beside: Tokens of prompt and answer.

    Raises:
        ConfigurationError: A model holds too few to be shown anything.
    """
    windows = [one.context_window for one in facts if one.context_window]
    room = min([wanted, *(window - beside - _BESIDE for window in windows)])
    if room < min(_LEAST, wanted):
        raise ConfigurationError(
            f"a model of the review holds {min(windows):,} tokens, and prompt and answer leave "
            f"{max(room, 0):,} of them for the change: lower answer_tokens, or ask another model"
        )
    return room


async def _surround(
    run: RunContext, change: Change, units: tuple[Unit, ...]
) -> tuple[tuple[Unit, str], ...]:
    around = await surround(units, change, partial(read_files, run, change), run.tools.sandbox)
    return tuple(around.items())


def _show(
    run: RunContext,
    what: tuple[Change, tuple[Unit, ...]],
    around: Mapping[Unit, str],
    frame: _Frame,
) -> Shown:
    redactor, tokens = run.tools.redactor, frame.models.count
    return show(*what, redactor, around=around, most=frame.room, tokens=tokens)


def _pack(pieces: tuple[Piece, ...], frame: _Frame) -> tuple[tuple[Piece, ...], ...]:
    models = frame.models
    return pack(pieces, tokens=models.count, room=frame.room, readers=models.readers)


def _fence(packed: Sequence[Sequence[Piece]], frame: _Frame) -> tuple[Chunk, ...]:
    return tuple(
        fenced(
            pieces,
            secret=frame.secret,
            instructions=frame.instructions,
            prompt=frame.prompt,
            max_output_tokens=frame.answer,
        )
        for pieces in packed
    )


def _keys(chunks: Iterable[Chunk]) -> list[str]:
    """Give each chunk a key of its own: a path may stand in a change twice, with the same lines."""
    seen: Counter[str] = Counter()
    keys = []
    for chunk in chunks:
        seen[chunk.key] += 1
        again = f"#{seen[chunk.key]}" if seen[chunk.key] > 1 else ""
        keys.append(f"{chunk.key}{again}")
    return keys


class _Inspector:
    """Inspects the chunks of one change, some of them at a time, in their order."""

    def __init__(
        self, run: RunContext, given: ReviewInput, change: Change, frame: _Frame, chunks: int
    ) -> None:
        self._run = run
        self._given = given
        self._change = change
        self._strategy = frame.strategy
        self._turns = asyncio.Semaphore(run.tools.settings.llm_parallel)
        self._chunks = chunks
        self._is_tight = False
        self._done = 0
        self.usage: Usage = Usage()
        self.dropped: Counter[str] = Counter()

    async def inspect_all(
        self, work: Iterable[tuple[Chunk, tuple[Piece, ...], str]]
    ) -> list[Inspected]:
        """Have all chunks looked at, each under a key of its own.

        One that there was too little money for is tried again alone, in the order of their
        risk: those that were under way beside it had booked the most that they could cost.
        From then on no other one begins, so that no less risky one is paid in its place. Each
        is tried, also behind one that is too dear: its answer may be there already.
        """
        given = [*work]
        found = [*await self._run.together(self._begin(*one) for one in given)]
        unpaid = [place for place, one in enumerate(found) if one is None or one.is_unpaid]
        for place in unpaid:
            chunk, pieces, key = given[place]
            found[place] = again = await self._inspect(chunk, pieces, f"{key}+")
            if again.is_unpaid:
                await self._tell(chunk, again)
        return [one for one in found if one is not None]

    async def _begin(self, chunk: Chunk, pieces: tuple[Piece, ...], key: str) -> Inspected | None:
        """Have one chunk looked at, unless money has become tight."""
        async with self._turns:
            if self._is_tight:
                return None
            found = await self._inspect(chunk, pieces, key)
            if found.is_unpaid:
                self._is_tight = True
            return found

    async def _inspect(self, chunk: Chunk, pieces: tuple[Piece, ...], key: str) -> Inspected:
        """Have one chunk looked at."""
        paths = tuple(dict.fromkeys(path for piece in pieces for path in piece.paths))
        numbers = count(1)

        async def ask(request: ChatRequest) -> ChatAnswer:
            return await self._ask(request, f"{key}/{next(numbers)}")

        asking = Asking(ask, paths)
        found = await inspect(chunk, pieces, self._strategy, asking, crashed=self._log_crash)
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

    async def _ask(self, request: ChatRequest, key: str) -> ChatAnswer:
        given, change = self._given, self._change
        answer = await self._run.ask(
            request,
            key=key,
            llm=given.llm,
            change=change.key,
            repository=given.repository(),
            budget=given.budget,
        )
        if answer.run_id == self._run.run_id:
            self.usage += answer.usage
        return answer

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
