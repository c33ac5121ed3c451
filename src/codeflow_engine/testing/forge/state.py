"""What the forge keeps: plain objects, which a test reads and compares.

All are changed under the forge's lock only. A property that gives a tuple gives a copy, which
stays as it is while the forge goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.repository import Repository

__all__ = [
    "ROLES",
    "Comment",
    "Issue",
    "Label",
    "LabelEvent",
    "PullRequest",
    "Reaction",
    "Review",
    "ReviewComment",
    "ReviewState",
    "ReviewThread",
    "User",
]

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
"""What a user may do in a repository; each may what those before it may."""


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    """An account."""

    id: int
    login: str
    kind: str = "User"
    """`User`, `Bot` or `Organization`."""
    permission: str = "read"
    """One of `ROLES`: what the user may where a repository says nothing else."""
    created_at: float

    @property
    def is_bot(self) -> bool:
        """Whether an app posts by this account."""
        return self.kind == "Bot"


@dataclass(slots=True, kw_only=True, eq=False)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Reaction:
    """A reaction to a comment."""

    id: int
    user: User
    content: str
    """`+1`, `-1`, `laugh`, `confused`, `heart`, `hooray`, `rocket` or `eyes`."""
    created_at: float


@dataclass(slots=True, kw_only=True, eq=False)
class Comment:
    """A comment in the conversation of an issue or a pull request."""

    id: int
    user: User
    body: str
    created_at: float
    updated_at: float
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEvent:
    """A label that was put on an issue, or taken off."""

    id: int
    kind: str
    """`labeled` or `unlabeled`."""
    actor: User
    label: Label
    created_at: float


class ReviewState(StrEnum):
    """What became of a review."""

    APPROVED = "APPROVED"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    COMMENTED = "COMMENTED"
    DISMISSED = "DISMISSED"
    PENDING = "PENDING"


@dataclass(slots=True, kw_only=True, eq=False)
class ReviewComment:
    """A comment on a line or a file of a pull request."""

    id: int
    user: User
    body: str
    review_id: int
    path: str
    subject: str = "line"
    """`line` or `file`."""
    side: str = "RIGHT"
    line: int | None = None
    """Where it stands in the present diff; None once it is outdated."""
    start_side: str | None = None
    start_line: int | None = None
    position: int | None = None
    original_line: int | None = None
    original_start_line: int | None = None
    original_position: int | None = None
    commit_id: str
    original_commit_id: str
    diff_hunk: str
    in_reply_to: int | None = None
    created_at: float
    updated_at: float
    reactions: list[Reaction] = field(default_factory=list)

    @property
    def is_outdated(self) -> bool:
        """Whether what it spoke of has changed since."""
        return self.subject == "line" and self.position is None


@dataclass(slots=True, kw_only=True, eq=False)
class ReviewThread:
    """A comment on a line or a file, and the replies to it."""

    id: int
    comments: list[ReviewComment] = field(default_factory=list)
    resolved_by: User | None = None

    @property
    def is_resolved(self) -> bool:
        """Whether somebody resolved it."""
        return self.resolved_by is not None


@dataclass(slots=True, kw_only=True, eq=False)
class Review:
    """A review."""

    id: int
    user: User
    body: str
    state: ReviewState
    commit_id: str
    created_at: float
    submitted_at: float | None = None
    updated_at: float
    comments: list[ReviewComment] = field(default_factory=list)
    """Those that were written with it; those of a pending one are seen by its author alone."""


@dataclass(slots=True, kw_only=True, eq=False)
class Issue:
    """An issue; a pull request is one, too."""

    id: int
    number: int
    repository: Repository
    title: str
    body: str | None
    user: User
    created_at: float
    updated_at: float
    state: str = "open"
    state_reason: str | None = None
    closed_at: float | None = None
    locked: bool = False
    labels: list[Label] = field(default_factory=list)
    label_events: list[LabelEvent] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    deleted: bool = False

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of its labels, sorted."""
        return tuple(sorted(label.name for label in self.labels))


@dataclass(slots=True, kw_only=True, eq=False)
class PullRequest(Issue):
    """A pull request."""

    base_ref: str
    base_sha: str
    head_ref: str
    head_sha: str
    head_repository: Repository | None
    """Where the head is: the repository itself, or a fork; None once a fork was deleted."""
    draft: bool = False
    merged_at: float | None = None
    reviews: list[Review] = field(default_factory=list)
    threads: list[ReviewThread] = field(default_factory=list)
    polls: int = 0
    """How often it was asked for since its head or base moved (G25)."""
    merge: tuple[str, str, str | None] | None = None
    """Base and head for which a merge was tried, and the commit that came of it."""

    @property
    def review_comments(self) -> tuple[ReviewComment, ...]:
        """All comments on lines and files, by age."""
        found = [comment for thread in self.threads for comment in thread.comments]
        return tuple(sorted(found, key=lambda comment: comment.id))

    @property
    def pending(self) -> frozenset[int]:
        """Ids of the reviews that are not submitted."""
        return frozenset(r.id for r in self.reviews if r.state is ReviewState.PENDING)

    def thread_of(self, comment_id: int) -> ReviewThread | None:
        """Find the thread that a comment is in."""
        for thread in self.threads:
            if any(comment.id == comment_id for comment in thread.comments):
                return thread
        return None
