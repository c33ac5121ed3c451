"""What a host knows of what is said about a change."""

from __future__ import annotations

from dataclasses import replace

from codeflow_engine.contracts import VCS, VCSCapability
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import LineKind, Side
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.errors import ChangeUnavailableError, ConfigurationError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.answering import answered, raised
from codeflow_engine.testing.contracts.backend import lacks, requires
from codeflow_engine.testing.contracts.vcs.asking import fetch
from codeflow_engine.testing.contracts.vcs.published import Publish, Published, example_of
from codeflow_engine.testing.examples import named

__all__ = ["DiscussionTests"]

_PUBLISH, _DISCUSS = VCSCapability.PUBLISH, VCSCapability.DISCUSS
_KEY, _OTHER, _FINDING = "8" * 64, "9" * 64, "f" * 64


class DiscussionTests:
    """Tests of threads. They write, so that they need an example."""

    @requires(_DISCUSS)
    async def test_a_change_of_which_nobody_spoke_has_no_thread(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """There is none; for a change that is not there, that is no answer."""
        change, given = await _place(backend, sandbox, publish)
        absent = given.absent or replace(given.request, target=f"{given.request.target} is no more")

        threads = await _threads(backend, change.target)
        refused = await raised(backend.read_threads(absent.target))

        assert threads == ()
        assert isinstance(refused, ChangeUnavailableError)

    @requires(_PUBLISH, _DISCUSS)
    async def test_a_comment_of_ours_begins_a_thread_about_its_finding(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """It stands where the comment was put, and names the finding by its fingerprint."""
        change, _ = await _place(backend, sandbox, publish)
        review = _review(change)
        (comment,) = review.payload["comments"]

        await answered(backend.deliver(review), "delivering a review")
        (thread,) = await _threads(backend, change.target)

        assert (thread.fingerprint, thread.is_resolved) == (_FINDING, False)
        assert (thread.path, thread.side) == (comment["path"], Side.NEW)
        assert (thread.line, thread.end_line or thread.line) == (comment["line"],) * 2
        assert comment["body"] in thread.comments[0].body

    @requires(_PUBLISH, _DISCUSS)
    async def test_a_thread_that_was_resolved_says_so(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """A resolution ends the threads that it names; then it stands, and so does its thread."""
        change, _ = await _place(backend, sandbox, publish)
        review = _review(change)
        await answered(backend.deliver(review), "delivering a review")
        (thread,) = await _threads(backend, change.target)
        ended = {"id": thread.id, "fingerprint": _FINDING}
        payload = {"threads": [ended]}
        resolution = replace(review, key=_OTHER, kind=EffectKind.RESOLUTION, payload=payload)

        before = await answered(backend.find_effects([resolution]), "finding effects")
        await answered(backend.deliver(resolution), "delivering a resolution")
        after = await answered(backend.find_effects([resolution]), "finding effects")
        (resolved,) = await _threads(backend, change.target)

        assert ([*before], [one.key for one in after]) == ([], [_OTHER])
        assert (resolved.id, resolved.is_resolved) == (thread.id, True)

    @lacks(_DISCUSS)
    async def test_a_host_that_knows_no_discussion_says_so(self, backend: VCS) -> None:
        """The call is an error of configuration; nobody seems to be silent."""
        refused = await raised(backend.read_threads("acme/shop#1"))

        assert isinstance(refused, ConfigurationError)


def _review(change: Change) -> Effect:
    """Make a review with a comment on the first line that was added."""
    path, line = next(
        (file.path, line.new_number)
        for file in change.diff.files
        for hunk in file.hunks
        for line in hunk.lines
        if line.kind is LineKind.ADD
    )
    comment = {
        "fingerprint": _FINDING,
        "path": path,
        "side": "new",
        "line": line,
        "end_line": line,
        "severity": "high",
        "body": "This is the first line.",
        "suggestion": None,
    }
    return Effect(
        key=_KEY,
        kind=EffectKind.REVIEW,
        target=change.target,
        head=change.head or "",
        payload={"body": "One finding.", "comments": [comment]},
    )


async def _threads(backend: VCS, target: str) -> tuple[Thread, ...]:
    threads = await answered(backend.read_threads(target), "reading threads")
    assert isinstance(threads, tuple)
    assert all(map(is_sound, threads)), "a value of a thread has another type than is declared"
    return threads


async def _place(backend: VCS, sandbox: Sandbox, publish: Publish) -> tuple[Change, Published]:
    given = await publish(named("edit"))
    example_of(given)
    return await fetch(backend, given, sandbox), given
