"""How questions about a change are asked: within bounds, each once, as a step of the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from codeflow_engine.contracts import Chunk, ModelGateway
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.chat import ChatRequest, Message, Role
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.run import ChunkInspected
from codeflow_engine.domain.usage import Usage
from codeflow_engine.errors import (
    BudgetExhaustedError,
    CodeflowError,
    DisclosureError,
    ProviderError,
)
from codeflow_engine.prompts import Prompt
from codeflow_engine.review.fence import chunk as fenced
from codeflow_engine.review.piece import Piece
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.questions import Questions
from codeflow_engine.workflows.reading_input import ReadingInput
from codeflow_engine.workflows.sizing import Sizes, fence_secret, sizes_of
from codeflow_engine.workflows.turns import Turns

__all__ = ["Asker", "Frame", "Note", "Question", "Said", "frame_of", "piece_of", "reason_of"]

_ROOM: Final = 24_000
"""Tokens of a change that one question shows, where the model has room: beyond that, models
pass over more and more of what they are shown."""

_NOT_ANSWERED = (ProviderError, BudgetExhaustedError, DisclosureError)
"""What keeps one question from being answered, and not the next one. Whatever else `ask` raises
says that nothing can be asked, or that the run cannot go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What models are asked."""

    instructions: str
    prompt: str
    """Name and version."""

    form: Mapping[str, Any]
    """JSON Schema of the answer."""

    @classmethod
    def of(cls, prompt: Prompt, form: Mapping[str, Any], **parts: str) -> Self:
        """Fill in a prompt."""
        return cls(instructions=prompt.fill(**parts), prompt=prompt.id, form=form)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model said of some pieces."""

    pieces: tuple[Piece, ...]
    told: Mapping[str, Any]
    """In the form of the question."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that the pieces are of."""
        return tuple(dict.fromkeys(path for piece in self.pieces for path in piece.paths))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What was said of a part, as a text for those who were not shown it."""

    text: str
    paths: tuple[str, ...]
    """Files that it speaks of: whoever may not see them is not shown it either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all questions about a change have in common."""

    sizes: Sizes
    secret: bytes


class Asker:
    """Asks about one change, some questions at a time; what shows the same is asked once.

    Args:
        run: The run that asks.
        given: Whom it asks, and on whose account.
        change: What it asks about.
        frame: Sizes.
    """

    def __init__(self, run: RunContext, given: ReadingInput, change: Change, frame: Frame) -> None:
        self._run = run
        self._given = given.of
        self._questions = Questions(run, given.of, change)
        self._frame = frame
        self._answers: dict[str, Mapping[str, Any] | CodeflowError] = {}
        self._done = 0

    @property
    def usage(self) -> Usage:
        """What it has taken of models so far."""
        return self._questions.usage

    async def ask_all(
        self, question: Question, asked: Sequence[tuple[Piece, ...]]
    ) -> list[Mapping[str, Any] | CodeflowError]:
        """Ask about each group of pieces, in their order.

        Returns:
            What was said in the form of the question, or why nobody has answered.
        """
        chunks = await self._run.compute("fence", self._fence, question, asked)
        new = {
            chunk.key: (chunk, pieces)
            for chunk, pieces in zip(reversed(chunks), reversed(asked), strict=True)
            if chunk.key not in self._answers
        }
        self._done = 0
        turns = await Turns.of(self._run, self._given, len(new))
        await self._run.together(
            self._ask(question, *new[key], at, turns) for at, key in enumerate(reversed(new))
        )
        return [self._answers[chunk.key] for chunk in chunks]

    async def _ask(
        self, question: Question, chunk: Chunk, pieces: Sequence[Piece], at: int, turns: Turns
    ) -> None:
        request = ChatRequest(
            messages=(
                Message(role=Role.SYSTEM, text=chunk.instructions),
                Message(role=Role.USER, text=chunk.text),
            ),
            max_output_tokens=chunk.max_output_tokens,
            answer_schema=question.form,
            prompt=chunk.prompt,
            paths=tuple(dict.fromkeys(path for piece in pieces for path in piece.paths)),
        )
        failure: str | None = None
        async with turns.take(at):
            try:
                answer = await self._questions.ask(request, chunk.key)
            except _NOT_ANSWERED as error:
                self._answers[chunk.key] = error
                failure = reason_of(error)
            else:
                self._answers[chunk.key] = json.loads(answer.text)
        self._done += 1
        await self._run.emit(
            ChunkInspected,
            number=self._done,
            chunks=len(turns),
            units=len({piece.unit for piece in pieces if piece.path}),
            findings=0,
            failure=failure,
            usage=self.usage,
        )

    def _fence(self, question: Question, asked: Sequence[tuple[Piece, ...]]) -> list[Chunk]:
        return [
            fenced(
                pieces,
                secret=self._frame.secret,
                instructions=question.instructions,
                prompt=question.prompt,
                max_output_tokens=self._frame.sizes.answer,
            )
            for pieces in asked
        ]


def reason_of(error: CodeflowError) -> str:
    """Say in one line, the same for all parts, why nobody has answered."""
    if isinstance(error, BudgetExhaustedError):
        return f"the budget of {error.scope!r} has too little left"
    return error.message


def piece_of(note: Note) -> Piece:
    """Make what is no code into a piece, for the same fence."""
    return Piece(unit=Unit(file=0, hunk=None), path="", paths=note.paths, text=note.text)


async def frame_of(run: RunContext, models: ModelGateway, questions: Iterable[Question]) -> Frame:
    """Find out how much a question can show.

    Raises:
        ConfigurationError: One of the models holds too little.
    """
    settings = run.tools.settings
    prompts = [question.instructions for question in questions]
    sizes = await sizes_of(models, settings, wanted=_ROOM, prompts=prompts)
    return Frame(sizes=sizes, secret=fence_secret(settings))
