"""One summary in the conversation, edited from then on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codeflow_engine.domain.effect import Effect, EffectKind
from codeflow_engine.errors import (
    AuthenticationError,
    CodeflowError,
    ProviderUnavailableError,
    PublishError,
)
from codeflow_engine.providers.vcs.github import client
from codeflow_engine.testing.forge import Comment
from codeflow_engine.testing.forge.faults import Act, Fault
from github_posting import BOT, HEAD, Desk

COMMENTS = "*/issues/*/comments"


def summary(desk: Desk, name: str = "one", body: str = "All is well.") -> Effect:
    return desk.effect(EffectKind.SUMMARY, {"body": body}, name)


async def test_g31_a_later_summary_takes_the_place_of_the_earlier_one(desk: Desk) -> None:
    """It is edited, which sends no message: one comment stands, with its first id."""
    first = await desk.backend().deliver(summary(desk))
    desk.repository.push(desk.number, {**HEAD, "b.py": b"x = 3\n"})
    later = summary(desk, "two", "There is more.")

    second = await desk.backend().deliver(later)

    (comment,) = desk.pull.comments
    assert first.external_id == second.external_id == f"comment:{comment.id}"
    assert comment.body.startswith("There is more.")
    assert await desk.backend().find_effects([summary(desk)]) == ()
    assert len(await desk.backend().find_effects([later])) == 1


async def test_g28_summaries_that_stand_twice_become_the_oldest(desk: Desk) -> None:
    """Others' comments stay, whatever they hold."""
    backend = desk.backend()
    await backend.deliver(summary(desk))
    (ours,) = desk.pull.comments
    forge = desk.forge

    def again(login: str) -> Comment:
        made = Comment(
            id=forge.next_id(),
            user=forge.user(login),
            body=ours.body,
            created_at=ours.created_at + 1,
            updated_at=ours.updated_at,
        )
        desk.pull.comments.append(made)
        return made

    again(BOT)
    forged = again("ann")
    again(BOT)

    await backend.deliver(summary(desk, "two", "Now."))

    assert desk.pull.comments == [ours, forged]
    assert ours.body.startswith("Now.")


async def test_g28_of_two_summaries_that_say_different_things_one_is_left(desk: Desk) -> None:
    """Whoever wrote the later one may have been killed before it was made one with the other."""
    backend, later = desk.backend(), summary(desk, "other", "Later.")
    await backend.deliver(summary(desk))
    (ours,) = desk.pull.comments
    body = f"Later.\n\n{_marker(desk)}"
    desk.pull.comments.append(replace(ours, id=desk.forge.next_id(), body=body))

    before = await backend.find_effects([later])
    receipt = await backend.deliver(later)

    assert (before, receipt.external_id) == ((), f"comment:{ours.id}")
    assert desk.pull.comments == [ours]
    assert ours.body.startswith("Later.")


async def test_g28_an_account_that_was_renamed_knows_its_summary(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub shows the new name at all that stands; a process that runs for weeks learns it."""
    monkeypatch.setattr(client, "_KNOWN", 0.0)
    backend = desk.backend()
    await backend.deliver(summary(desk))
    desk.forge.user(BOT).login = "another-name[bot]"

    await backend.deliver(summary(desk, "two", "Now."))

    (comment,) = desk.pull.comments
    assert comment.body.startswith("Now.")


async def test_g27_two_that_write_at_once_leave_one_summary(desk: Desk) -> None:
    """Who finds another one that is older takes its own away."""
    other = desk.backend()
    twin = desk.backend()
    body = "From the other one."
    seen: list[int] = []

    async def write() -> None:
        await other.deliver(summary(desk, "other", body))

    # The other one writes between our look and our write.
    def call() -> None:
        forge = desk.forge
        desk.pull.comments.append(
            Comment(
                id=forge.next_id(),
                user=forge.user(BOT),
                body=f"{body}\n\n{_marker(desk)}",
                created_at=forge.clock.now(),
                updated_at=forge.clock.now(),
            )
        )
        seen.append(1)

    desk.forge.faults.add(Fault(act=Act.CALL, method="POST", path=COMMENTS, on=1, call=call))

    receipt = await twin.deliver(summary(desk))

    (comment,) = desk.pull.comments
    assert seen
    assert receipt.external_id == f"comment:{comment.id}"
    assert comment.body.startswith("All is well.")
    await write()
    assert len(desk.pull.comments) == 1


def _marker(desk: Desk) -> str:
    from codeflow_engine.domain.marker import Marker

    return Marker(kind="summary", key=summary(desk, "other").key).write()


@pytest.mark.parametrize("status", [500, 502, 403, 404])
async def test_g27_a_look_that_fails_never_leads_to_a_write(desk: Desk, status: int) -> None:
    """Nothing is known then, and what is not known may stand."""
    desk.forge.faults.add(Fault(act=Act.STATUS, method="GET", path=COMMENTS, status=status))

    with pytest.raises(CodeflowError):
        await desk.backend().deliver(summary(desk))

    desk.forge.faults.clear()
    assert desk.pull.comments == []


async def test_g27_a_page_that_is_missing_is_a_look_that_fails(desk: Desk) -> None:
    """Our own may stand on it."""
    forge = desk.forge
    for _ in range(150):
        now = forge.clock.now()
        desk.pull.comments.append(
            Comment(
                id=forge.next_id(), user=forge.user("ann"), body="?", created_at=now, updated_at=now
            )
        )
    forge.faults.add(Fault(act=Act.STATUS, method="GET", path=COMMENTS, on=2))

    with pytest.raises(ProviderUnavailableError):
        await desk.backend().deliver(summary(desk))

    assert len(desk.pull.comments) == 150


async def test_g18_a_summary_of_an_old_head_takes_no_place(desk: Desk) -> None:
    """A later one may stand there."""
    late = summary(desk)
    desk.repository.push(desk.number, {**HEAD, "b.py": b"x = 3\n"})
    await desk.backend().deliver(summary(desk, "two", "New."))

    with pytest.raises(PublishError, match="moved on"):
        await desk.backend().deliver(late)

    (comment,) = desk.pull.comments
    assert comment.body.startswith("New.")


async def test_g20_a_summary_is_cut_with_its_marker_whole(desk: Desk) -> None:
    """It is found again."""
    effect = summary(desk, body="## Part\n\nText. \U0001f600\n\n" * 10_000)

    await desk.backend().deliver(effect)

    assert len(desk.pull.comments[0].body) <= 60_000
    assert len(await desk.backend().find_effects([effect])) == 1


async def test_a_summary_of_ours_is_withdrawn_and_nothing_else(desk: Desk) -> None:
    """Not what another one has written, and not what has another key by now."""
    backend = desk.backend()
    theirs = await desk.backend(token=desk.forge.token("ann")).deliver(summary(desk))
    old = await backend.deliver(summary(desk))
    new = await backend.deliver(summary(desk, "two", "New."))

    await backend.withdraw(desk.target, theirs)
    await backend.withdraw(desk.target, old)
    assert len(desk.pull.comments) == 2
    for _ in range(2):
        await backend.withdraw(desk.target, new)

    assert [one.user.login for one in desk.pull.comments] == ["ann"]


async def test_g30_a_repository_that_takes_no_writes_is_told(desk: Desk) -> None:
    """It is no failure that may pass."""
    desk.repository.archived = True

    with pytest.raises(PublishError, match="takes no writes") as refused:
        await desk.backend().deliver(summary(desk))

    assert not refused.value.retryable


async def test_g30_a_conversation_that_is_locked_is_told(desk: Desk) -> None:
    """As it is to those who may not write to the repository."""
    desk.pull.locked = True
    desk.repository.permissions[BOT] = "read"
    backend = desk.backend()

    for effect in (summary(desk), desk.review(body="Found.")):
        with pytest.raises(PublishError, match="takes no writes"):
            await backend.deliver(effect)


async def test_g29_a_token_that_may_only_read_names_what_it_lacks(desk: Desk) -> None:
    """As that of a workflow for a pull request from a fork."""
    permissions = {
        "metadata": "read",
        "contents": "read",
        "pull_requests": "read",
        "issues": "read",
    }
    app = desk.forge.app("reader", permissions=permissions, on="acme", repositories=["acme/shop"])
    credentials = {"token": desk.forge.tokens.of_job(app, "acme/shop", from_fork=True)}

    with pytest.raises(AuthenticationError, match="pull_requests"):
        await desk.backend(**credentials).deliver(summary(desk))


async def test_g27_a_summary_that_is_listed_twice_stands_once(desk: Desk) -> None:
    """A page that moves while it is read names it two times; the only one is not deleted."""
    await desk.backend().deliver(summary(desk))
    desk.forge.faults.add(Fault(act=Act.REPEAT, method="GET", path=COMMENTS))
    again = summary(desk, "two", "There is more.")

    await desk.backend().deliver(again)
    found = await desk.backend().find_effects([again])

    (comment,) = desk.pull.comments
    assert comment.body.startswith("There is more.")
    assert [one.external_id for one in found] == [f"comment:{comment.id}"]
