"""What is said beside the code: whose it is, who says it, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.discussion import Person
from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.errors import (
    ChangeUnavailableError,
    ProviderUnavailableError,
    PublishError,
)
from codeflow_engine.testing.forge import Reaction, ReviewComment, ReviewState
from codeflow_engine.testing.forge.faults import Act, Fault
from github_posting import BOT, HEAD, Desk, inline


def reply(desk: Desk, thread: int, login: str, body: str = "No.") -> ReviewComment:
    """Answer in a thread."""
    forge, standing = desk.forge, desk.pull.threads[thread]
    first = standing.comments[0]
    now = forge.clock.now()
    made = ReviewComment(
        id=forge.next_id(),
        user=forge.add_user(login),
        body=body,
        review_id=first.review_id,
        path=first.path,
        line=first.line,
        commit_id=first.commit_id,
        original_commit_id=first.original_commit_id,
        diff_hunk=first.diff_hunk,
        in_reply_to=first.id,
        created_at=now,
        updated_at=now,
    )
    standing.comments.append(made)
    return made


def dislike(desk: Desk, comment: ReviewComment, login: str) -> None:
    forge = desk.forge
    comment.reactions.append(
        Reaction(
            id=forge.next_id(),
            user=forge.add_user(login),
            content="-1",
            created_at=forge.clock.now(),
        )
    )


def resolution(desk: Desk, *ends: tuple[str, str]) -> Effect:
    threads = [{"id": identity, "fingerprint": finding} for identity, finding in ends]
    return desk.effect(EffectKind.RESOLUTION, {"threads": threads})


@pytest.mark.parametrize("as_app", [False, True])
async def test_threads_are_read_as_they_stand(desk: Desk, *, as_app: bool) -> None:
    """With their places, in the order in which they began; ours name their findings."""
    credentials = desk.as_app() if as_app else {}
    backend = desk.backend(**credentials)
    await backend.deliver(desk.review(inline(4, end_line=6), inline(50, side="old")))
    await desk.backend(token=desk.forge.token("ann")).deliver(desk.review(inline(1, path="b.py")))

    first, second, third = await desk.backend(**credentials).read_threads(desk.target)

    assert (first.path, first.side, first.line, first.end_line) == ("a.py", Side.NEW, 4, 6)
    assert (second.side, second.line, second.end_line) == (Side.OLD, 50, 50)
    assert (first.fingerprint, second.fingerprint) == ("f4", "f50")
    assert third.path == "b.py"
    author = first.comments[0].author
    assert author == Person(login=BOT, is_bot=True)


async def test_g28_a_thread_is_ours_by_its_first_author_alone(desk: Desk) -> None:
    """Neither a marker of somebody else makes it so, nor our own answer in it."""
    await desk.backend(token=desk.forge.token("ann")).deliver(desk.review(inline(5)))
    reply(desk, 0, BOT, desk.comments()[0].body)

    (thread,) = await desk.backend().read_threads(desk.target)

    assert thread.fingerprint is None
    assert len(thread.comments) == 2


async def test_g28_a_person_who_is_called_as_our_app_is_not_our_app(desk: Desk) -> None:
    """In GraphQL the app has no brackets behind its name: the kind of account tells them apart."""
    desk.forge.add_user("codeflow-app", permission="write")
    other = desk.backend(token=desk.forge.token("codeflow-app"))
    await other.deliver(desk.review(inline(5)))

    (thread,) = await desk.backend().read_threads(desk.target)
    (theirs,) = await other.read_threads(desk.target)

    assert thread.fingerprint is None
    assert theirs.fingerprint == "f5"


async def test_who_may_write_is_what_github_says(desk: Desk) -> None:
    """Of whoever resolved, answered or disliked; of a bot, and of who is gone, nothing is said."""
    await desk.backend().deliver(desk.review(inline(5)))
    for login, permission in (("root", "admin"), ("mia", "maintain"), ("tri", "triage")):
        desk.forge.add_user(login, permission=permission)
    desk.pull.threads[0].resolved_by = desk.forge.user("root")
    for login in ("mia", "tri", "reader", "other[bot]"):
        dislike(desk, desk.comments()[0], login)
    reply(desk, 0, "ann", "As it should be: I may write.")
    reply(desk, 0, "reader", "So may I. permission: write")

    (thread,) = await desk.backend().read_threads(desk.target)

    assert thread.resolved_by == Person(login="root", may_write=True)
    assert thread.comments[0].disliked_by == (
        Person(login="mia", may_write=True),
        Person(login="tri"),
        Person(login="reader"),
        Person(login="other[bot]", is_bot=True),
    )
    assert [one.author for one in thread.comments[1:]] == [
        Person(login="ann", may_write=True),
        Person(login="reader"),
    ]


async def test_who_may_write_is_not_known_where_github_does_not_say(desk: Desk) -> None:
    """Nobody may then."""
    await desk.backend().deliver(desk.review(inline(5)))
    reply(desk, 0, "ann")
    desk.forge.faults.add(Fault(act=Act.STATUS, path="*/permission", status=403))

    (thread,) = await desk.backend().read_threads(desk.target)

    assert thread.comments[1].author == Person(login="ann", may_write=False)


async def test_all_pages_of_threads_comments_and_reactions_are_read(desk: Desk) -> None:
    """However much is said."""
    await desk.backend().deliver(desk.review(inline(5)))
    for number in range(130):
        reply(desk, 0, "ann", f"Answer {number}")
        dislike(desk, desk.comments()[0], f"user-{number}")
    (only,) = desk.pull.threads
    for _ in range(120):
        desk.pull.threads.append(type(only)(id=desk.forge.next_id(), comments=[only.comments[0]]))

    threads = await desk.backend().read_threads(desk.target)

    assert len(threads) == 121
    assert [one.body for one in threads[0].comments[1:]] == [f"Answer {n}" for n in range(130)]
    assert len(threads[0].comments[0].disliked_by) == 130


async def test_a_page_that_fails_is_not_an_end(desk: Desk) -> None:
    """A part is never given as the whole."""
    await desk.backend().deliver(desk.review(inline(5)))
    (only,) = desk.pull.threads
    desk.pull.threads += [
        type(only)(id=desk.forge.next_id(), comments=[only.comments[0]]) for _ in range(60)
    ]
    backend = desk.backend()
    await backend.read_threads(desk.target)
    desk.forge.faults.add(Fault(act=Act.STATUS, path="/graphql", on=2))

    with pytest.raises(ProviderUnavailableError):
        await backend.read_threads(desk.target)


async def test_a_line_that_is_gone_has_no_place(desk: Desk) -> None:
    """The thread stands, and says that it is outdated."""
    await desk.backend().deliver(desk.review(inline(5), inline(4)))
    later = {**HEAD, "a.py": HEAD["a.py"].replace(b"five\n", b"5\n5\n")}
    desk.repository.push(desk.number, later)

    gone, stays = await desk.backend().read_threads(desk.target)

    assert (gone.line, gone.end_line, gone.is_outdated) == (None, None, True)
    assert (stays.line, stays.is_outdated, stays.fingerprint) == (4, False, "f4")


async def test_g19_what_was_not_submitted_is_no_thread(desk: Desk) -> None:
    """Nobody else sees it."""
    await desk.backend().deliver(desk.review(inline(5)))
    desk.pull.reviews[0].state = ReviewState.PENDING

    assert await desk.backend().read_threads(desk.target) == ()


@pytest.mark.parametrize("target", ["acme/shop#99", "acme/none#1", "nobody/shop#1", "acme/shop"])
async def test_threads_of_what_is_not_there_are_an_error(desk: Desk, target: str) -> None:
    """There is no empty answer for it."""
    with pytest.raises(ChangeUnavailableError):
        await desk.backend().read_threads(target)


async def test_a_resolution_ends_the_threads_that_it_names(desk: Desk) -> None:
    """Others stay open; one that is gone has nothing left to resolve."""
    backend = desk.backend()
    await backend.deliver(desk.review(inline(4), inline(5), inline(6)))
    first, second, _ = await backend.read_threads(desk.target)
    effect = resolution(desk, (first.id, "f4"), (second.id, "f5"), ("PRRT_gone", "f9"))
    desk.pull.threads[0].resolved_by = desk.forge.user("ann")

    before = await backend.find_effects([effect])
    receipt = await backend.deliver(effect)
    (found,) = await desk.backend().find_effects([effect])

    assert before == ()
    assert found.external_id == receipt.external_id
    assert [one.is_resolved for one in desk.pull.threads] == [True, True, False]


async def test_g28_a_thread_of_somebody_else_is_not_resolved(desk: Desk) -> None:
    """Whatever a plan says of it; then nothing is."""
    backend = desk.backend()
    await backend.deliver(desk.review(inline(5)))
    await desk.backend(token=desk.forge.token("ann")).deliver(desk.review(inline(6)))
    ours, theirs = await backend.read_threads(desk.target)
    effect = resolution(desk, (ours.id, "f5"), (theirs.id, "f6"))

    with pytest.raises(PublishError):
        await backend.deliver(effect)

    assert not any(one.is_resolved for one in desk.pull.threads)


async def test_a_resolution_of_ours_is_taken_back(desk: Desk) -> None:
    """Where a person has resolved a thread, it stays so."""
    backend = desk.backend()
    await backend.deliver(desk.review(inline(4), inline(5)))
    first, second = await backend.read_threads(desk.target)
    desk.pull.threads[0].resolved_by = desk.forge.user("ann")
    receipt = await backend.deliver(resolution(desk, (first.id, "f4"), (second.id, "f5")))

    for _ in range(2):
        await backend.withdraw(desk.target, receipt)

    assert [one.is_resolved for one in desk.pull.threads] == [True, False]


async def test_s11_a_thread_of_another_change_is_not_resolved(desk: Desk) -> None:
    """The id of one in a plan reaches nothing there."""
    other: Any = desk.repository.open_pull_request({"a": b"1\n"}, {"a": b"2\n"}, base="second")
    elsewhere = Desk(
        forge=desk.forge, repository=desk.repository, number=other, credentials=desk.credentials
    )
    backend = desk.backend()
    await backend.deliver(elsewhere.review(inline(1, path="a")))
    (thread,) = await backend.read_threads(elsewhere.target)

    await backend.deliver(resolution(desk, (thread.id, "f1")))

    assert not elsewhere.pull.threads[0].is_resolved
