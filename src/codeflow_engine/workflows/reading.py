"""How models read a change: all at once where it fits, else part by part, and then the notes.

What a question is about stands in its `Question`; here is decided what is shown, in how many
questions, and what becomes of those that nobody answers. Each question is a step of its own,
keyed by what it shows, so that none is paid for twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Self

from codeflow_engine.contracts import ModelGateway
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import DiffFile, Unit
from codeflow_engine.domain.reading import Unread, UnreadKind
from codeflow_engine.domain.review import ChangeSummary
from codeflow_engine.domain.run import ChangeFetched
from codeflow_engine.domain.usage import Usage
from codeflow_engine.errors import (
    BudgetExhaustedError,
    CodeflowError,
    ConfigurationError,
    ContextOverflowError,
    DisclosureError,
)
from codeflow_engine.review.account import account, told_paths
from codeflow_engine.review.pack import pack
from codeflow_engine.review.partition import Partition, partition
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.readable import readable_text
from codeflow_engine.review.show import Shown, show
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.asking import (
    Asker,
    Frame,
    Note,
    Question,
    Said,
    frame_of,
    piece_of,
    reason_of,
)
from codeflow_engine.workflows.fetching import AGAIN, fetch, read_policy_of
from codeflow_engine.workflows.reading_input import ReadingInput
from codeflow_engine.workflows.showing import look_for_unshown, paths_of

__all__ = ["Reader"]

_AUTHOR: Final = 8
"""What the author says of the change gets no more than this part of the room."""

_OF_NOTES: Final = 4
"""So many notes fit into one question, so that there are fewer each time they are joined."""


class Reader:
    """Asks models about one change.

    Args:
        run: The run that asks.
        given: What was asked for.
        change: The change.
        parts: What of it is decided already.
        shown: What models are shown.
        frame: Sizes.
    """

    def __init__(
        self,
        run: RunContext,
        given: ReadingInput,
        change: Change,
        *,
        parts: Partition,
        shown: Shown,
        frame: Frame,
    ) -> None:
        self.change = change
        self._run = run
        self._given = given
        self._models = run.tools.models.select(given.of.llm)
        self._parts = parts
        self._shown = shown
        self._frame = frame
        self._asker = Asker(run, given, change, frame)
        self._failed: dict[Unit, CodeflowError] = {}
        self._errors: list[CodeflowError] = []
        self._read: set[str] = set()
        self._author: tuple[Piece, ...] = ()
        self.is_whole: bool = True
        """Whether all was shown in one question."""

    @property
    def usage(self) -> Usage:
        """What the run has paid for so far."""
        return self._asker.usage

    @classmethod
    async def open(
        cls, run: RunContext, given: ReadingInput, questions: Iterable[Question]
    ) -> Self:
        """Fetch a change and make ready what models are shown of it.

        Raises:
            ConfigurationError: There is no model, or one that holds too little.
        """
        models = run.tools.models.select(given.of.llm)
        if not models.names:
            raise ConfigurationError(
                "no model is configured: name one, such as llm='openai:gpt-5.1' or CODEFLOW_LLM"
            )
        frame = await frame_of(run, models, questions)
        change = await run.step("fetch", fetch, run, given.of, retry=AGAIN)
        policy = await run.step("policy", read_policy_of, run, change, retry=AGAIN)
        unshown = await run.step("exclude", look_for_unshown, run, change, models, retry=AGAIN)
        parts = await run.compute("partition", partition, change, policy, unshown)
        units = tuple(unit for unit in parts.to_review if unit not in parts.unshown)
        shown = await run.compute("show", _show, run, change, units, (models, frame))
        await run.emit(
            ChangeFetched,
            title=run.tools.redactor.redact(change.title),
            files=len(change.diff.files),
            units=len(change.diff.units),
        )
        return cls(run, given, change, parts=parts, shown=shown, frame=frame)

    async def read(self, whole: Question, part: Question) -> tuple[Said, ...]:
        """Have all of the change read, riskiest part first, and give what was said of it.

        Args:
            whole: What is asked where one question shows all.
            part: What is asked about each part where it does not.

        Raises:
            CodeflowError: There is something to read, and nobody has read any of it.
        """
        self._author = await self._run.compute("introduce", self._introduce)
        room = self._frame.sizes.room - self._frame.sizes.room // _AUTHOR
        packed = await self._run.compute("pack", _pack, self._shown.pieces, self._models, room)
        self.is_whole = len(packed) <= 1
        asked = [(*self._author, *packed[0])] if len(packed) == 1 else list(packed)
        answers = await self._asker.ask_all(whole if self.is_whole else part, asked)
        said: list[Said] = []
        for pieces, answer in zip(asked, answers, strict=True):
            if isinstance(answer, CodeflowError):
                self._errors.append(answer)
                self._failed |= {piece.unit: answer for piece in pieces if piece.paths}
            else:
                said.append(Said(pieces=pieces, told=answer))
                self._read |= {piece.path for piece in pieces}
        if not said:
            self._require_nothing_to_read()
        return tuple(said)

    async def join(
        self,
        question: Question,
        notes: Sequence[Note],
        note: Callable[[Mapping[str, Any]], str],
    ) -> Mapping[str, Any]:
        """Have one answer made of notes; where there are many, of notes on notes.

        Args:
            question: What is asked.
            notes: In their order, at least one.
            note: Makes a note of an answer about some of them.

        Raises:
            ProviderError: No model gave an answer.
            BudgetExhaustedError: The money does not reach so far.
            DisclosureError: No model may see all that the notes speak of.
        """
        while True:
            groups = await self._run.compute("group", self._groups, notes)
            first = self._author if len(groups) == 1 else ()
            asked = [(*first, *map(piece_of, group)) for group in groups]
            told: list[Mapping[str, Any]] = []
            for answer in await self._asker.ask_all(question, asked):
                if isinstance(answer, CodeflowError):
                    raise answer
                told.append(answer)
            if len(told) == 1:
                return told[0]
            notes = await self._run.compute("note", _notes, groups, told, note)

    def unread(self) -> tuple[Unread, ...]:
        """Tell what of the change was not read, in its order, with the reasons."""
        why: dict[Unit, tuple[UnreadKind, str]] = {}
        for unit in self._parts.unshown:
            file = self.change.diff.files[unit.file]
            kind = UnreadKind.GENERATED if _readers(self._models, file) else UnreadKind.WITHHELD
            why[unit] = kind, self._parts.unshown[unit]
        for unit, error in self._failed.items():
            why[unit] = _kind(error), reason_of(error)
        for unit, reason in self._shown.declined.items():
            why[unit] = UnreadKind.UNREADABLE, reason
        for unit, reason in self._shown.failed.items():
            why[unit] = UnreadKind.FAILURE, reason
        return account(self.change, self._parts, why, self._run.tools.redactor)

    def read_paths(self) -> dict[str, str]:
        """Give the files of which something was read, in the order of the change.

        Returns:
            By its path each file's name, which is the path without secrets.
        """
        paths = (piece.path for piece in self._shown.pieces if piece.path in self._read)
        return told_paths(paths, self._run.tools.redactor)

    def summary(self) -> ChangeSummary:
        """Name the change."""
        told = ChangeSummary.of(self.change)
        return replace(told, title=self._run.tools.redactor.redact(told.title))

    def _require_nothing_to_read(self) -> None:
        """Raise why nothing was read, where there was something."""
        for error in self._errors:
            raise error
        for reason in self._shown.failed.values():
            raise ContextOverflowError(f"no model can be shown any of the change: {reason}")
        files = {unit.file for unit in self._parts.unshown}
        withheld = [
            number for number in files if not _readers(self._models, self.change.diff.files[number])
        ]
        if withheld:
            raise DisclosureError(
                f"no model may see any of the change: the host's rules withhold "
                f"{len(withheld)} of its files, and the others are not shown"
            )

    def _introduce(self) -> tuple[Piece, ...]:
        """Show what the author says of the change; it is data as everything else."""
        told = [
            (name, readable_text(said, self._run.tools.redactor).strip())
            for name, said in (
                ("title", self.change.title),
                ("description", self.change.description),
            )
        ]
        rows = [f"{name}:\n{said}\n" for name, said in told if said]
        if not rows:
            return ()
        text = "what the author says\n" + "".join(rows)
        return (piece_of(Note(text=self._fit(text, self._frame.sizes.room // _AUTHOR), paths=())),)

    def _fit(self, text: str, room: int) -> str:
        """Cut a text to so many tokens."""
        while (tokens := self._models.count(text)) > room and text:
            text = text[: min(len(text) - 1, len(text) * room // tokens)]
        return text

    def _groups(self, notes: Sequence[Note]) -> list[list[Note]]:
        """Put notes together that one question has room for, in their order."""
        room = self._frame.sizes.room - self._frame.sizes.room // _AUTHOR
        groups: list[list[Note]] = []
        left = 0
        for one in notes:
            text = self._fit(one.text, room // _OF_NOTES)
            tokens = self._models.count(text)
            if tokens > left or not groups:
                groups.append([])
                left = room
            groups[-1].append(replace(one, text=text))
            left -= tokens
        return groups


def _notes(
    groups: list[list[Note]],
    answers: list[Mapping[str, Any]],
    note: Callable[[Mapping[str, Any]], str],
) -> Sequence[Note]:
    """Make a note of each answer about a group of notes."""
    return [
        Note(
            text=note(answer),
            paths=tuple(dict.fromkeys(path for one in group for path in one.paths)),
        )
        for group, answer in zip(groups, answers, strict=True)
    ]


def _kind(error: CodeflowError) -> UnreadKind:
    if isinstance(error, BudgetExhaustedError):
        return UnreadKind.BUDGET
    return UnreadKind.WITHHELD if isinstance(error, DisclosureError) else UnreadKind.FAILURE


def _readers(models: ModelGateway, file: DiffFile) -> frozenset[str]:
    return models.readers(paths_of(file))


def _show(
    run: RunContext,
    change: Change,
    units: tuple[Unit, ...],
    sizes: tuple[ModelGateway, Frame],
) -> Shown:
    models, frame = sizes
    most = frame.sizes.room - frame.sizes.room // _AUTHOR
    return show(change, units, run.tools.redactor, most=most, tokens=models.count)


def _pack(
    pieces: tuple[Piece, ...], models: ModelGateway, room: int
) -> tuple[tuple[Piece, ...], ...]:
    return pack(pieces, tokens=models.count, room=room, readers=models.readers)
