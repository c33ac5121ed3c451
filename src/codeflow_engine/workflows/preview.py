"""The dry run: what a review would send of a change, to whom, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from codeflow_engine.contracts import Chunk, ModelGateway
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest, Message
from codeflow_engine.domain.diff import DiffFile, Unit
from codeflow_engine.domain.preview import ChangePreview, FilePreview, QuestionPreview
from codeflow_engine.errors import ConfigurationError, ProviderError
from codeflow_engine.review.inspect import Asking, inspect
from codeflow_engine.review.partition import Partition, partition
from codeflow_engine.review.piece import Piece
from codeflow_engine.runs.context import RunContext
from codeflow_engine.runs.workflow import Workflow
from codeflow_engine.workflows.fetching import AGAIN, fetch, read_policy_of
from codeflow_engine.workflows.review_input import ReviewInput
from codeflow_engine.workflows.showing import (
    Chunked,
    Frame,
    frame_of,
    look_for_unshown,
    paths_of,
    show_change,
)

__all__ = ["PREVIEW", "preview"]

_MARK: Final = "[redacted:"
_PLACES: Final = Decimal("0.000001")
"""To which the share of a file is rounded: a ten-thousandth of a cent."""


async def preview(run: RunContext, given: ReviewInput) -> ChangePreview:
    """Preview a change: do what a review does up to its questions, and look at these."""
    models = run.tools.models.select(given.llm)
    if not models.names:
        raise ConfigurationError(
            "no model is configured, so that nothing would be sent: "
            "name one, such as llm='openai:gpt-5.1' or CODEFLOW_LLM"
        )
    change = await run.step("fetch", fetch, run, given, retry=AGAIN)
    policy = await run.step("policy", read_policy_of, run, change, retry=AGAIN)
    unshown = await run.step("exclude", look_for_unshown, run, change, models, retry=AGAIN)
    parts = await run.compute("partition", partition, change, policy, unshown)
    frame = await frame_of(run, given, policy)
    units = tuple(unit for unit in parts.to_review if unit not in parts.unshown)
    chunked = await show_change(run, change, units, frame)
    looked = await run.step("look", _look, change, chunked, frame)
    files = await run.compute("tell", _tell, change, parts, (chunked, looked), models)
    return ChangePreview(
        title=run.tools.redactor.redact(change.title),
        files=files,
        questions=tuple(question for one in looked for question in one.questions),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What would be asked about one chunk."""

    questions: tuple[QuestionPreview, ...]
    reason: str | None
    """Why nothing would be; None where something is."""


async def _look(change: Change, chunked: Chunked, frame: Frame) -> tuple[_Looked, ...]:
    found = []
    for chunk, pieces in chunked.chunks:
        secrets = sum(_secrets(change, chunked, piece) for piece in pieces)
        found.append(await _look_at(chunk, pieces, frame, secrets))
    return tuple(found)


async def _look_at(chunk: Chunk, pieces: tuple[Piece, ...], frame: Frame, secrets: int) -> _Looked:
    """Let the strategy ask about a chunk, and answer nothing.

    It is told what it is told where no model can be reached: so it asks what does not depend
    on answers, and ends.
    """
    paths = tuple(dict.fromkeys(path for piece in pieces for path in piece.paths))
    questions: list[QuestionPreview] = []

    async def ask(request: ChatRequest) -> ChatAnswer:
        told = await frame.models.preview(request)
        sent = told.request.messages
        question = QuestionPreview(
            paths=paths,
            models=told.models,
            withheld=told.withheld,
            messages=sent,
            tokens=told.tokens,
            most_usd=Decimal(0) if told.is_answered else told.most_usd,
            is_answered=told.is_answered,
            secrets=secrets + _marks(sent) - _marks(request.messages),
        )
        questions.append(question)
        raise ProviderError("a dry run asks nobody")

    said = await inspect(chunk, pieces, frame.strategy, Asking(ask, paths))
    reason = None if questions else next(iter(said.failed.values()), "the strategy asks nothing")
    return _Looked(questions=tuple(questions), reason=reason)


def _marks(messages: Iterable[Message]) -> int:
    return sum(message.text.count(_MARK) for message in messages)


def _secrets(change: Change, chunked: Chunked, piece: Piece) -> int:
    """Count the secrets that a piece does not show; a change may hold placeholders of its own."""
    own = [*piece.paths, chunked.around.get(piece.unit, "")]
    if piece.unit.hunk is not None and _MARK in piece.text:
        hunk = change.diff.files[piece.unit.file].hunks[piece.unit.hunk]
        texts = {(line.old_number, line.new_number): line.text for line in hunk.lines}
        own += [hunk.section, *(texts[line.old_number, line.new_number] for line in piece.lines)]
    return max(0, piece.text.count(_MARK) - sum(text.count(_MARK) for text in own))


@dataclass(slots=True)
class _Share:
    """What a file has of the questions about it."""

    tokens: int = 0
    most_usd: Decimal | None = Decimal(0)
    secrets: int = 0


def _tell(
    change: Change,
    parts: Partition,
    found: tuple[Chunked, tuple[_Looked, ...]],
    models: ModelGateway,
) -> tuple[FilePreview, ...]:
    """Tell of each file, in the order of the change."""
    chunked, looked = found
    reasons = _reasons(parts, chunked, looked)
    shares = _shares(change, chunked, looked, models)
    units = Counter(unit.file for unit in change.diff.units)
    return tuple(
        _tell_of(file, shares.get(number), _reason(reasons.get(number, []), units[number]), models)
        for number, file in enumerate(change.diff.files)
    )


def _tell_of(
    file: DiffFile, share: _Share | None, reason: str | None, models: ModelGateway
) -> FilePreview:
    paths = paths_of(file)
    readers = models.readers(paths)
    barred = (name for name in models.names if name not in readers)
    shown = share or _Share()
    return FilePreview(
        path=file.path,
        models=tuple(name for name in models.names if share and name in readers),
        withheld={
            name: next(path for path in paths if name not in models.readers((path,)))
            for name in barred
        },
        tokens=shown.tokens,
        most_usd=None if shown.most_usd is None else shown.most_usd.quantize(_PLACES),
        secrets=shown.secrets,
        reason=reason,
    )


def _reasons(parts: Partition, chunked: Chunked, looked: Iterable[_Looked]) -> dict[int, list[str]]:
    """Say of the units that models are not shown why, by their files."""
    unasked = {
        piece.unit: one.reason
        for one, (_, pieces) in zip(looked, chunked.chunks, strict=True)
        for piece in pieces
        if one.reason is not None
    }
    decided = {unit: decision.reason for unit, decision in parts.decided.items()}
    shown = chunked.shown
    reasons: dict[int, list[str]] = {}
    told: Mapping[Unit, str]
    for told in (decided, parts.unshown, shown.declined, shown.failed, unasked):
        for unit, reason in told.items():
            reasons.setdefault(unit.file, []).append(reason)
    return reasons


def _reason(reasons: list[str], units: int) -> str | None:
    if not reasons:
        return None
    part = "" if len(reasons) == units else f"{len(reasons)} of {units} units are not shown: "
    return part + reasons[0]


def _shares(
    change: Change, chunked: Chunked, looked: Iterable[_Looked], models: ModelGateway
) -> dict[int, _Share]:
    """Divide what the questions about a chunk cost among its files, by tokens."""
    shares: dict[int, _Share] = {}
    for one, (_, pieces) in zip(looked, chunked.chunks, strict=True):
        if not one.questions:
            continue
        costs = [question.most_usd for question in one.questions]
        sent = sum(not question.is_answered for question in one.questions)
        sizes = [models.count(piece.text) for piece in pieces]
        for piece, size in zip(pieces, sizes, strict=True):
            share = shares.setdefault(piece.unit.file, _Share())
            share.tokens += size * sent
            share.secrets += _secrets(change, chunked, piece)
            for cost in costs:
                if cost is None or share.most_usd is None:
                    share.most_usd = None
                else:
                    share.most_usd += cost * size / max(sum(sizes), 1)
    return shares


PREVIEW = Workflow(
    name="preview",
    version=2,
    run=preview,
    read_input=ReviewInput.read,
    write_input=ReviewInput.write,
    partition=ReviewInput.repository,
)
