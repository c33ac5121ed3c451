"""What models say of a change without judging it: a description, and answers to questions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.review import ChangeSummary
from codeflow_engine.domain.usage import Usage

__all__ = [
    "Answer",
    "ChangeLabel",
    "Description",
    "FileDescription",
    "Quote",
    "Unread",
    "UnreadKind",
]


class ChangeLabel(StrEnum):
    """What a change is about; no model has other words for it."""

    BUG = "bug"
    FEATURE = "feature"
    REFACTORING = "refactoring"
    PERFORMANCE = "performance"
    SECURITY = "security"
    TESTS = "tests"
    DOCUMENTATION = "documentation"
    BUILD = "build"
    DEPENDENCIES = "dependencies"
    CONFIGURATION = "configuration"


class UnreadKind(StrEnum):
    """Why something of a change was not read."""

    EXCLUDED = "excluded"
    """The repository's policy at the base revision leaves it out."""

    GENERATED = "generated"
    """It is generated or vendored, as the base revision says or its name does."""

    WITHHELD = "withheld"
    """The host's rules let no model see it."""

    UNREADABLE = "unreadable"
    """It is nothing that a model could read, such as binary content."""

    BUDGET = "budget"
    """The money did not reach it."""

    FAILURE = "failure"
    """No model gave an answer about it, or it could not be shown."""

    @property
    def is_gap(self) -> bool:
        """Whether it should have been read, and was not."""
        return self in {UnreadKind.BUDGET, UnreadKind.FAILURE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file of the change that no model has read, or not all of it."""

    path: str
    kind: UnreadKind
    reason: str
    """In words."""

    units: int
    """How many of its units (hunks, or the entry itself) were not read for this reason."""

    of: int
    """How many it has."""

    def __post_init__(self) -> None:
        if not 1 <= self.units <= self.of:
            raise ValueError(f"{self.path}: {self.units} of {self.of} units cannot be unread")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDescription:
    """What a change does to one file."""

    path: str
    """Of a file of the change, as `DiffFile.path` has it."""

    summary: str
    """Empty where the model was shown the file and said nothing of it."""


def _is_complete(unread: Collection[Unread], unjoined: str | None) -> bool:
    return unjoined is None and not any(one.kind.is_gap for one in unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a change does, in the words of a model. All of its texts are data: show them so."""

    run_id: str
    change: ChangeSummary
    title: str
    summary: str
    walkthrough: tuple[FileDescription, ...] = ()
    """One entry for each file that was read, in the order of the change."""

    labels: tuple[ChangeLabel, ...] = ()
    unread: tuple[Unread, ...] = ()
    """Whatever of the change was not read, with the reason."""

    unjoined: str | None = None
    """Why nobody made one description of those of the parts, which then stand one after the
    other; None where there was one part alone, or it was made."""

    dropped: Mapping[str, int] = field(default_factory=dict)
    """What was said and not kept, counted by reason, such as of a file that nobody has shown."""

    usage: Usage = field(default_factory=Usage)

    @property
    def is_complete(self) -> bool:
        """Whether all was read that models may read, and was put together."""
        return _is_complete(self.unread, self.unjoined)

    def to_json(self) -> dict[str, Any]:
        """Give it as values that `json.dumps` takes."""
        return _to_json(self)

    def render(self, format: str = "text") -> str:  # noqa: A002 - the word of the command line
        """Render it, as a text that ends with a line feed.

        Args:
            format: `text`, `json` or `markdown`.

        Raises:
            ConfigurationError: There is no such format; the message names those there are.
        """
        from codeflow_engine.reports import telling

        return telling.render(self.to_json(), format)

    def __str__(self) -> str:
        return self.render().removesuffix("\n")

    def __repr__(self) -> str:
        return f"<Description: {len(self.walkthrough)} files, {len(self.unread)} not read>"

    def _repr_html_(self) -> str:
        from codeflow_engine.reports.html import telling

        return telling.description(self.to_json())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        return _bundle(self, include, exclude)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A place in the change that an answer rests on; the engine has found it there."""

    path: str
    side: Side
    line: int | None
    """First line, counted from 1 on `side`; None where it stands for a file without lines."""

    end_line: int | None
    """Last line, inclusive."""

    code: str
    """The lines as the model was shown them: without secrets, without what nobody sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answers to a question about a change. Its texts are data: show them so."""

    run_id: str
    change: ChangeSummary
    question: str
    text: str
    quotes: tuple[Quote, ...] = ()
    unread: tuple[Unread, ...] = ()
    """Whatever of the change was not read, with the reason: the answer knows nothing of it."""

    unjoined: str | None = None
    """Why nobody made one answer of those from the parts, which then stand one after the other;
    None where there was one part alone, or it was made."""

    dropped: Mapping[str, int] = field(default_factory=dict)
    """Quotes that were not kept, counted by reason: they are not in the change."""

    usage: Usage = field(default_factory=Usage)

    @property
    def is_complete(self) -> bool:
        """Whether all was read that models may read, and was put together."""
        return _is_complete(self.unread, self.unjoined)

    def to_json(self) -> dict[str, Any]:
        """Give it as values that `json.dumps` takes."""
        return _to_json(self)

    def render(self, format: str = "text") -> str:  # noqa: A002 - the word of the command line
        """Render it, as a text that ends with a line feed.

        Args:
            format: `text`, `json` or `markdown`.

        Raises:
            ConfigurationError: There is no such format; the message names those there are.
        """
        from codeflow_engine.reports import telling

        return telling.render(self.to_json(), format)

    def __str__(self) -> str:
        return self.render().removesuffix("\n")

    def __repr__(self) -> str:
        return f"<Answer: {len(self.quotes)} quotes, {len(self.unread)} files not read>"

    def _repr_html_(self) -> str:
        from codeflow_engine.reports.html import telling

        return telling.answer(self.to_json())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        return _bundle(self, include, exclude)


def _to_json(value: Description | Answer) -> dict[str, Any]:
    from codeflow_engine.domain.encoding import to_plain

    return {**to_plain(value), "complete": value.is_complete}


def _bundle(
    value: Description | Answer,
    include: Collection[str] | None,
    exclude: Collection[str] | None,
) -> dict[str, Any]:
    from codeflow_engine.reports import mime

    makers = {
        "text/plain": value.__str__,
        "text/html": value._repr_html_,
        "application/json": value.to_json,
    }
    return mime.bundle(makers, include, exclude)
