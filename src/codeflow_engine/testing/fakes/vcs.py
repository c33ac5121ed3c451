"""A VCS host in memory, whose changes are examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from codeflow_engine.contracts import VCS, VCSCapability
from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.discussion import Comment, Person, Thread
from codeflow_engine.domain.effect import Effect, EffectKind, Receipt
from codeflow_engine.errors import ChangeUnavailableError, ConfigurationError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.examples import Example

__all__ = ["FakeHost", "FakeVCS", "Post"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Something that somebody has written on the host."""

    number: int
    target: str
    author: str
    marker: str
    """The key of the effect that it says it is."""

    effect: Effect | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class FakeHost:
    """What several `FakeVCS` share: changes, and what was written about them."""

    def __init__(self, *examples: Example) -> None:
        self.posts: list[Post] = []
        """Everything that was written, in the order in which it came."""

        self.threads: dict[str, list[Thread]] = {}
        """What is said beside the code, by target. A review that is delivered begins a thread
        for each of its comments; people say what they say by putting it here."""

        self._current: dict[str, Example] = {}
        self._states: dict[str, Example] = {}
        for example in examples:
            self.push(example)

    def push(self, example: Example, *, target: str | None = None) -> None:
        """Put a change there, or another state in the place of one; old states stay readable.

        Args:
            example: The change.
            target: What it is asked for by; the name of the example where absent.
        """
        self._current[example.name if target is None else target] = example
        for revision in example.revisions:
            self._states.setdefault(revision, example)

    def change(self, request: ChangeRequest) -> Change:
        """Give a change as it is now.

        Raises:
            ChangeUnavailableError: There is none, or not with these revisions.
        """
        example = self._current.get(request.target)
        if example is None:
            raise ChangeUnavailableError(f"there is no change {request.target!r}")
        for asked, there in zip((request.base, request.head), example.revisions, strict=True):
            if asked not in {None, there}:
                raise ChangeUnavailableError(f"{request.target!r} has no revision {asked!r}")
        return replace(example.change("fake"), target=request.target, key=request.target)

    def file(self, revision: str | None, path: str, *, limit: int) -> FileContent:
        """Read a path of any state that was there once.

        Raises:
            ChangeUnavailableError: There was no such state.
        """
        example = self._states.get(revision or "")
        if example is None:
            raise ChangeUnavailableError(f"there is no revision {revision!r}")
        side = Side.OLD if revision == example.revisions[0] else Side.NEW
        return example.read(path, side, limit=limit)

    def post(self, target: str, marker: str, *, author: str, effect: Effect | None = None) -> Post:
        """Write something, as anybody may."""
        number = max((post.number for post in self.posts), default=0) + 1
        made = Post(number=number, target=target, author=author, marker=marker, effect=effect)
        self.posts.append(made)
        if effect is not None:
            self._discuss(made, effect)
        return made

    def _discuss(self, made: Post, effect: Effect) -> None:
        """Begin and resolve the threads that an effect speaks of."""
        threads = self.threads.setdefault(made.target, [])
        author = Person(login=made.author, is_bot=True, may_write=True)
        if effect.kind is EffectKind.REVIEW:
            comments = effect.payload.get("comments", [])
            threads += [_thread(made, author, one, number) for number, one in enumerate(comments)]
        if effect.kind is EffectKind.RESOLUTION:
            ended = {one["id"] for one in effect.payload["threads"]}
            threads[:] = [
                replace(one, is_resolved=True, resolved_by=author) if one.id in ended else one
                for one in threads
            ]


class FakeVCS(VCS):
    """A host in memory, to which effects can be delivered.

    A target is the name of an example. Base and head need not be given; where they are,
    they are those of the example. A subclass without the capability takes no effects.

    Args:
        host: What it shares with others.
        author: Whom it writes as.
    """

    capabilities: ClassVar[frozenset[StrEnum]] = frozenset(
        {VCSCapability.PUBLISH, VCSCapability.WITHDRAW, VCSCapability.DISCUSS}
    )

    def __init__(self, host: FakeHost, *, author: str = "codeflow") -> None:
        self.host = host
        self.author = author

    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:  # noqa: ARG002 - it starts nothing
        """Give the example of that name."""
        return self.host.change(request)

    async def read_files(
        self,
        change: Change,
        paths: Sequence[str],
        *,
        side: Side,
        limit: int,
        sandbox: Sandbox,  # noqa: ARG002 - it starts nothing
    ) -> tuple[FileContent, ...]:
        """Read files of the state that the change was fetched in."""
        revision = change.base if side is Side.OLD else change.head
        return tuple(self.host.file(revision, path, limit=limit) for path in paths)

    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        """Find what this author has written, in the order of the effects."""
        for effect in effects:
            self._check(effect.target)
        return tuple(
            _receipt(post, found=True)
            for effect in effects
            for post in self._standing(effect.target, effect.key)
        )

    async def deliver(self, effect: Effect) -> Receipt:
        """Write an effect, unless it stands there."""
        self._check(effect.target)
        for post in self._standing(effect.target, effect.key):
            return _receipt(post, found=True)
        made = self.host.post(effect.target, effect.key, author=self.author, effect=effect)
        return _receipt(made, found=False)

    async def withdraw(self, target: str, receipt: Receipt) -> None:
        """Take back what this author has written under the number of the receipt."""
        self._check(target)
        self.host.posts = [
            post
            for post in self.host.posts
            if (post.target, post.author, post.marker, str(post.number))
            != (target, self.author, receipt.key, receipt.external_id)
        ]

    async def read_threads(self, target: str) -> tuple[Thread, ...]:
        """Read the threads of a change."""
        if VCSCapability.DISCUSS not in self.capabilities:
            return await super().read_threads(target)
        self.host.change(ChangeRequest(target=target))
        return tuple(self.host.threads.get(target, ()))

    def _check(self, target: str) -> None:
        if VCSCapability.PUBLISH not in self.capabilities:
            raise ConfigurationError(f"{type(self).__name__} cannot publish to {target!r}")

    def _standing(self, target: str, key: str) -> Iterator[Post]:
        for post in self.host.posts:
            if (post.target, post.author, post.marker) == (target, self.author, key):
                yield post


def _thread(made: Post, author: Person, comment: Mapping[str, Any], number: int) -> Thread:
    told = Comment(id=f"{made.number}.{number}", author=author, body=comment["body"], at=made.at)
    return Thread(
        id=f"thread-{told.id}",
        path=comment["path"],
        side=Side(comment["side"]),
        line=comment["line"],
        end_line=comment["end_line"],
        fingerprint=comment["fingerprint"],
        comments=(told,),
    )


def _receipt(post: Post, *, found: bool) -> Receipt:
    return Receipt(key=post.marker, external_id=str(post.number), found=found, at=post.at)
