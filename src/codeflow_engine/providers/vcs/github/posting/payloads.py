"""What the payloads of effects hold; read strictly, since they come out of a storage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.encoding import from_plain
from codeflow_engine.domain.finding import Severity
from codeflow_engine.providers.vcs.github.bodies import clean

__all__ = [
    "Annotation",
    "CheckPayload",
    "CommitPayload",
    "Ending",
    "FileWrite",
    "Inline",
    "IssuePayload",
    "LabelPayload",
    "ResolutionPayload",
    "ReviewPayload",
    "SarifPayload",
    "SummaryPayload",
    "read",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """A comment that is to stand beside the code."""

    fingerprint: str
    path: str
    side: Side
    line: int
    end_line: int
    severity: Severity
    body: str
    suggestion: str | None = None
    """What replaces exactly these lines of the new side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPayload:
    """Of a review."""

    body: str
    comments: tuple[Inline, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryPayload:
    """Of a summary."""

    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A place that a check speaks of."""

    path: str
    start_line: int
    end_line: int
    level: str
    """`notice`, `warning` or `failure`."""

    title: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPayload:
    """Of a check."""

    name: str
    conclusion: str
    """In GitHub's words: `success`, `failure`, `neutral` and their like."""

    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPayload:
    """Of labels."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePayload:
    """Of an issue."""

    fingerprint: str
    title: str
    body: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SarifPayload:
    """Of a report of alerts."""

    sarif: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWrite:
    """One file of a commit."""

    path: str
    mode: str
    content: str | None
    """In base64; None deletes the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitPayload:
    """Of a commit."""

    branch: str
    base: str
    """Full id of the commit that it stands on."""

    message: str
    files: tuple[FileWrite, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A thread that is to be resolved."""

    id: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionPayload:
    """Of a resolution."""

    threads: tuple[Ending, ...]


def read[T](kind: type[T], payload: object) -> T:
    """Read the payload of an effect.

    Raises:
        SerializationError: It has another form.
    """
    return from_plain(kind, _cleaned(payload))


def _cleaned(value: object) -> object:
    """Replace what no text of JSON holds, wherever it stands."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {key: _cleaned(one) for key, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list | tuple) else value
