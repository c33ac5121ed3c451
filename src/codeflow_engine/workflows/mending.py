"""How models are asked to mend findings: file by file, a few findings at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import batched, groupby
from typing import Final

from codeflow_engine.contracts import Chunk, ModelGateway
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.chat import ChatRequest
from codeflow_engine.domain.diff import Side, Unit
from codeflow_engine.domain.finding import Finding
from codeflow_engine.domain.source import only_bots
from codeflow_engine.domain.usage import Usage
from codeflow_engine.errors import BudgetExhaustedError, DisclosureError, ProviderError
from codeflow_engine.review.aim import Target
from codeflow_engine.review.fence import chunk as fenced
from codeflow_engine.review.inspect import ask_failed
from codeflow_engine.review.mend import mended, question
from codeflow_engine.review.pack import pack
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.show import Shown, show
from codeflow_engine.review.surround import surround
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.fetching import AGAIN, read_files
from codeflow_engine.workflows.fix_input import FixInput
from codeflow_engine.workflows.questions import Questions
from codeflow_engine.workflows.showing import look_for_unshown
from codeflow_engine.workflows.sizing import fence_secret, sizes_of
from codeflow_engine.workflows.turns import Turns

__all__ = ["Offered", "offer"]

_FINDINGS: Final = 8
"""Findings of one question: the answer has an edit for each."""

_FINDING_TOKENS: Final = 250
"""Tokens of one of them in the question, on average: its words and its lines."""

_FOREIGN: Final = "its words are those of another program, which no model is shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What models offer."""

    findings: tuple[Finding, ...] = ()
    """Those that they have an edit for, with it as suggestion."""

    left: dict[str, str]
    """The others by fingerprint, each with the reason."""

    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One question: findings, and the pieces of their file that it shows."""

    findings: tuple[Finding, ...]
    pieces: tuple[Piece, ...]
    chunk: Chunk
    request: ChatRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """What all questions have in common."""

    models: ModelGateway
    instructions: str
    prompt: str
    room: int
    answer: int
    secret: bytes


async def offer(
    run: RunContext, given: FixInput, change: Change, targets: Sequence[Target]
) -> Offered:
    """Ask models for an edit for each finding, and account for every one of them."""
    models = run.tools.models.select(given.asked.llm)
    if not targets or not models.names:
        why = "it has no suggestion of its own that holds, and no model is asked"
        return Offered(left=dict.fromkeys((one.finding.fingerprint for one in targets), why))
    hidden = await run.step("exclude", look_for_unshown, run, change, models, retry=AGAIN)
    left = {
        one.finding.fingerprint: f"models are not shown its file: {hidden[path]}"
        for one in targets
        if (path := one.finding.path) in hidden
    }
    left |= {one.finding.fingerprint: _FOREIGN for one in targets if only_bots(one.finding.sources)}
    open_to_them = [one for one in targets if one.finding.fingerprint not in left]
    units = tuple(sorted({unit for one in open_to_them for unit in one.units}, key=_place))
    frame = await _frame(run, models)
    around = dict(await run.step("surround", _surround, run, change, units))
    shown = await run.compute("show", _show, run, change, units, around, frame)
    left |= _unshown(open_to_them, shown)
    asked = [one for one in open_to_them if one.finding.fingerprint not in left]
    questions = await run.compute("question", _questions, asked, shown.pieces, frame)
    mender = _Mender(run, given, change)
    turns = await Turns.of(run, given.asked, len(questions))
    keyed = zip(questions, _keys(questions), strict=True)
    found = await run.together(
        mender.mend(one, key, at, turns) for at, (one, key) in enumerate(keyed)
    )
    for one in found:
        left |= one.left
    return Offered(
        findings=tuple(finding for one in found for finding in one.findings),
        left=left,
        usage=mender.usage,
    )


def _place(unit: Unit) -> tuple[int, int]:
    return unit.file, -1 if unit.hunk is None else unit.hunk


async def _frame(run: RunContext, models: ModelGateway) -> _Frame:
    settings = run.tools.settings
    prompt = run.tools.prompts.get("fix")
    instructions = prompt.fill()
    sizes = await sizes_of(
        models,
        settings,
        wanted=settings.chunk_tokens,
        prompts=[instructions],
        beside=_FINDINGS * _FINDING_TOKENS,
    )
    return _Frame(
        models=models,
        instructions=instructions,
        prompt=prompt.id,
        room=sizes.room,
        answer=sizes.answer,
        secret=fence_secret(settings),
    )


async def _surround(
    run: RunContext, change: Change, units: tuple[Unit, ...]
) -> tuple[tuple[Unit, str], ...]:
    around = await surround(units, change, partial(read_files, run, change), run.tools.sandbox)
    return tuple(around.items())


def _show(
    run: RunContext,
    change: Change,
    units: tuple[Unit, ...],
    around: Mapping[Unit, str],
    frame: _Frame,
) -> Shown:
    tokens = frame.models.count
    return show(change, units, run.tools.redactor, around=around, most=frame.room, tokens=tokens)


def _unshown(targets: Iterable[Target], shown: Shown) -> dict[str, str]:
    """Say of findings that models are shown nothing of them, and why."""
    reasons = shown.declined | shown.failed
    return {
        one.finding.fingerprint: f"models are not shown its lines: {reasons[one.units[0]]}"
        for one in targets
        if all(unit in reasons for unit in one.units)
    }


def _questions(
    targets: Sequence[Target], pieces: Sequence[Piece], frame: _Frame
) -> tuple[_Question, ...]:
    """Make the questions, none of them about more than one file."""
    questions: list[_Question] = []
    for number, own in groupby(pieces, key=lambda piece: piece.unit.file):
        found = [one for one in targets if one.units[0].file == number]
        packed = pack(
            tuple(own), tokens=frame.models.count, room=frame.room, readers=frame.models.readers
        )
        grouped: dict[int, list[Finding]] = {}
        for one in found:
            grouped.setdefault(_group(one, packed), []).append(one.finding)
        questions += [
            _question(findings, packed[place], frame)
            for place in sorted(grouped)
            for findings in batched(grouped[place], _FINDINGS)
        ]
    return tuple(questions)


def _group(target: Target, packed: Sequence[Sequence[Piece]]) -> int:
    """Choose the pieces that show a finding: those with its line, or with its hunk."""
    best, at = -1, 0
    for place, pieces in enumerate(packed):
        own = [piece for piece in pieces if piece.unit in target.units]
        fits = bool(own) + any(_has_line(piece, target.finding) for piece in own)
        if fits > best:
            best, at = fits, place
    return at


def _has_line(piece: Piece, finding: Finding) -> bool:
    old = finding.side is Side.OLD
    numbers = ((line.old_number if old else line.new_number) for line in piece.lines)
    return finding.line is not None and finding.line in numbers


def _question(findings: tuple[Finding, ...], pieces: tuple[Piece, ...], frame: _Frame) -> _Question:
    chunk = fenced(
        pieces,
        secret=frame.secret,
        instructions=frame.instructions,
        prompt=frame.prompt,
        max_output_tokens=frame.answer,
    )
    paths = tuple(dict.fromkeys(path for piece in pieces for path in piece.paths))
    request = replace(question(chunk, findings), paths=paths)
    return _Question(findings=findings, pieces=pieces, chunk=chunk, request=request)


def _keys(questions: Iterable[_Question]) -> list[str]:
    """Give each question a key of its own, made of what it says."""
    seen: Counter[str] = Counter()
    keys = []
    for one in questions:
        text = one.request.messages[-1].text
        key = hashlib.sha256(f"{one.chunk.key}\0{text}".encode()).hexdigest()
        seen[key] += 1
        keys.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
    return keys


class _Mender:
    """Asks the questions of one fix, some of them at a time."""

    def __init__(self, run: RunContext, given: FixInput, change: Change) -> None:
        self._questions = Questions(run, given.asked, change)

    @property
    def usage(self) -> Usage:
        """What it has taken of models so far."""
        return self._questions.usage

    async def mend(self, asked: _Question, key: str, at: int, turns: Turns) -> Offered:
        """Ask one question; where there is no answer, its findings are left and no others."""
        try:
            async with turns.take(at):
                answer = await self._questions.ask(asked.request, key)
            told = mended(answer.text, asked.findings, asked.pieces)
        except (ProviderError, BudgetExhaustedError, DisclosureError) as error:
            why = ask_failed(error)
            return Offered(left={one.fingerprint: why for one in asked.findings})
        pairs = list(zip(asked.findings, told, strict=True))
        return Offered(
            findings=tuple(
                replace(finding, suggestion=one.suggestion)
                for finding, one in pairs
                if one.suggestion is not None
            ),
            left={
                finding.fingerprint: one.reason for finding, one in pairs if one.suggestion is None
            },
        )
