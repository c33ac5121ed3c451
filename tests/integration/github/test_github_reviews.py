"""One review for one head, in one request, and nothing of it lost."""

from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.domain.marker import Marker
from codeflow_engine.errors import PublishError
from codeflow_engine.testing.forge import ReviewState
from codeflow_engine.testing.forge.faults import Act, Fault
from github_posting import BOT, HEAD, Desk, inline, settle

REVIEWS = "*/pulls/*/reviews"


def posts(desk: Desk) -> int:
    """Count the reviews that were asked for."""
    return sum(
        one.method == "POST" and one.path.endswith("/reviews") for one in desk.forge.faults.struck
    )


async def test_g16_a_review_is_one_request_with_all_of_its_comments(desk: Desk) -> None:
    """It speaks of the head that was reviewed, and neither approves nor refuses it."""
    watch = Fault(act=Act.DELAY, method="POST", path="/repos/*")
    desk.forge.faults.add(watch)
    comments = [inline(5), inline(4, end_line=6, suggestion="x\n"), inline(50, side="old")]

    await desk.backend().deliver(desk.review(*comments))

    (review,) = desk.pull.reviews
    assert [one.path for one in desk.forge.faults.struck] == [
        f"/repos/acme/shop/pulls/{desk.number}/reviews"
    ]
    assert (review.state, review.commit_id) == (ReviewState.COMMENTED, desk.pull.head_sha)
    assert [(one.start_line, one.line, one.side) for one in desk.comments()] == [
        (None, 5, "RIGHT"),
        (4, 6, "RIGHT"),
        (None, 50, "LEFT"),
    ]
    assert "```suggestion\nx\n```" in desk.comments()[1].body


async def test_g15_a_comment_without_a_place_is_told_in_the_body(desk: Desk) -> None:
    """No request is made that GitHub would refuse."""
    desk.forge.faults.add(Fault(act=Act.DELAY, method="POST", path=REVIEWS))
    astray = [inline(30), inline(4, end_line=50), inline(1, path="none.py")]

    await desk.backend().deliver(desk.review(inline(5), *astray))

    (review,) = desk.pull.reviews
    assert posts(desk) == 1
    assert [one.line for one in desk.comments()] == [5]
    for one in astray:
        assert f"`{one['path']}`" in review.body
        assert one["body"] in review.body


async def test_g16_where_the_diff_is_another_one_now_only_what_is_invalid_goes(desk: Desk) -> None:
    """A refusal is looked into once: the rest of the comments keep their places."""
    files = f"/repos/acme/shop/pulls/{desk.number}/files"
    other = Fault(act=Act.STATUS, path=REVIEWS, method="POST", on=1, status=422)
    desk.forge.faults.add(other)
    desk.forge.faults.add(Fault(act=Act.DELAY, path=files))

    await desk.backend().deliver(desk.review(inline(5), inline(6)))

    (review,) = desk.pull.reviews
    # All of them have a place, and GitHub refuses: no comment can be told to be at fault.
    assert desk.comments() == ()
    assert "About line 5." in review.body
    assert "About line 6." in review.body
    assert posts(desk) == 1
    assert sum(one.path == files for one in desk.forge.faults.struck) == 2


async def test_g16_a_comment_that_lost_its_place_is_told_in_the_body(desk: Desk) -> None:
    """The second look at the diff finds out which one it was."""
    repository, number = desk.repository, desk.number
    backend, effect = desk.backend(), desk.review(inline(5), inline(30))
    shown = {**HEAD, "a.py": HEAD["a.py"].replace(b"line 30\n", b"thirty\n")}
    # GitHub shows the diff of another head, where line 30 has a place, and takes no comment there.
    head = desk.pull.head_sha

    def move() -> None:
        desk.pull.head_sha = other

    def back() -> None:
        desk.pull.head_sha = head

    other = repository.commit("other", shown, parents=(head,))
    files = f"/repos/acme/shop/pulls/{number}/files"
    desk.forge.faults.add(
        Fault(act=Act.CALL, path=files, on=1, call=move),
        Fault(act=Act.CALL, path=REVIEWS, method="POST", on=1, call=back),
    )

    await backend.deliver(effect)

    (review,) = desk.pull.reviews
    assert [one.line for one in desk.comments()] == [5]
    assert "About line 30." in review.body


async def test_g18_a_review_of_an_old_head_is_not_written(desk: Desk) -> None:
    """The error says that the change has moved on."""
    effect = desk.review(inline(5))
    desk.repository.push(desk.number, {**HEAD, "b.py": b"x = 3\n"})

    with pytest.raises(PublishError, match="moved on") as refused:
        await desk.backend().deliver(effect)

    assert not refused.value.retryable
    assert desk.writes() == 0


async def test_g18_a_head_that_moves_while_a_review_is_written_is_told(desk: Desk) -> None:
    """GitHub refuses the comments then; that is no reason to put them all into a body."""
    effect = desk.review(inline(5))
    backend = desk.backend()
    sha = desk.repository.commit("later", {**HEAD, "b.py": b"x = 3\n"}, parents=(effect.head,))

    def move() -> None:
        desk.pull.head_sha = sha

    desk.forge.faults.add(
        Fault(act=Act.CALL, path="/graphql", on=1, call=move),
        Fault(act=Act.STATUS, path=REVIEWS, method="POST", status=422),
    )

    with pytest.raises(PublishError, match="moved on"):
        await backend.deliver(effect)

    assert desk.writes() == 0


async def test_g16_what_is_refused_without_comments_too_is_an_error(desk: Desk) -> None:
    """Three tries at most, and never a review for each comment."""
    desk.forge.faults.add(Fault(act=Act.STATUS, path=REVIEWS, method="POST", status=422))

    with pytest.raises(PublishError):
        await desk.backend().deliver(desk.review(inline(5), inline(6)))

    assert posts(desk) == 2
    assert desk.writes() == 0


async def test_g27_a_refusal_of_what_has_landed_is_no_refusal(desk: Desk) -> None:
    """The look after it finds the review."""
    desk.forge.faults.add(
        Fault(act=Act.STATUS, path=REVIEWS, method="POST", status=422, after=True, on=1)
    )

    receipt = await desk.backend().deliver(desk.review(inline(5)))

    (review,) = desk.pull.reviews
    assert (receipt.external_id, receipt.found) == (f"review:{review.id}", True)


async def test_a_finding_that_has_a_thread_is_not_said_again(desk: Desk) -> None:
    """Resolved or not: the review says the rest."""
    backend = desk.backend()
    await backend.deliver(desk.review(inline(5), inline(6)))
    desk.pull.threads[0].resolved_by = desk.forge.user("ann")

    await backend.deliver(desk.review(inline(5), inline(6), inline(4), name="two"))

    assert [one.line for one in desk.comments()] == [5, 6, 4]


async def test_a_finding_that_comes_back_is_said_again(desk: Desk) -> None:
    """Its thread was resolved by us, when it was mended; nobody looks there any more."""
    backend = desk.backend()
    await backend.deliver(desk.review(inline(5), inline(6)))
    desk.pull.threads[0].resolved_by = desk.forge.user(BOT)

    await backend.deliver(desk.review(inline(5), inline(6), name="two"))

    assert [one.line for one in desk.comments()] == [5, 6, 5]


async def test_a_review_that_says_nothing_new_is_found(desk: Desk) -> None:
    """Its receipt is that of the review which says it."""
    backend = desk.backend()
    first = await backend.deliver(desk.review(inline(5)))

    again = await backend.deliver(desk.review(inline(5), name="two"))
    other = await backend.deliver(desk.review(inline(5), name="three", body="Something else."))

    assert (again.external_id, again.found) == (first.external_id, True)
    assert not other.found
    assert len(desk.pull.reviews) == 2
    assert len(desk.comments()) == 1


async def test_g28_a_marker_of_somebody_else_counts_for_nothing(desk: Desk) -> None:
    """Neither for the review, nor for the findings of its comments."""
    effect = desk.review(inline(5))
    forged = desk.backend(token=desk.forge.token("ann"))
    await forged.deliver(effect)

    found = await desk.backend().find_effects([effect])
    receipt = await desk.backend().deliver(effect)

    assert found == ()
    assert not receipt.found
    assert [review.user.login for review in desk.pull.reviews] == ["ann", BOT]
    assert [comment.line for comment in desk.comments()] == [5, 5]


async def test_g28_a_marker_that_a_text_of_ours_quotes_counts_for_nothing(desk: Desk) -> None:
    """Only the end of a body says what it is: a finding may quote what it likes."""
    effect = desk.review(inline(5))
    quoted = Marker(kind="review", key=effect.key).write()

    await desk.backend().deliver(desk.review(body=f"See {quoted}\n\n{quoted}", name="two"))

    assert await desk.backend().find_effects([effect]) == ()


async def test_g28_reviews_are_found_over_all_pages(desk: Desk) -> None:
    """However many others have reviewed."""
    backend, effect = desk.backend(), desk.review(inline(5))
    await backend.deliver(effect)
    (ours,) = desk.pull.reviews
    pages = [
        type(ours)(
            id=desk.forge.next_id(),
            user=desk.forge.user("ann"),
            body=ours.body,
            state=ReviewState.COMMENTED,
            commit_id=ours.commit_id,
            created_at=1.0,
            submitted_at=1.0,
            updated_at=1.0,
        )
        for _ in range(230)
    ]
    desk.pull.reviews[:0] = pages

    (found,) = await desk.backend().find_effects([effect])

    assert found.external_id == f"review:{ours.id}"


async def _leave_pending(desk: Desk, effect: Any, *, by: str = BOT) -> None:
    """Write a review and take its end away, as a crash between two requests would."""
    await desk.backend(token=desk.forge.token(by)).deliver(effect)
    review = desk.pull.reviews[-1]
    review.state, review.submitted_at = ReviewState.PENDING, None


async def test_g19_a_review_that_was_not_submitted_is_submitted(desk: Desk) -> None:
    """It is whole, so that it is not written again."""
    effect = desk.review(inline(5))
    await _leave_pending(desk, effect)

    found = await desk.backend().find_effects([effect])
    receipt = await desk.backend().deliver(effect)

    (review,) = desk.pull.reviews
    assert found == ()
    assert review.state is ReviewState.COMMENTED
    assert receipt.external_id == f"review:{review.id}"
    assert len(desk.comments()) == 1


async def test_g19_a_part_of_a_review_that_was_not_submitted_is_deleted(desk: Desk) -> None:
    """Then the whole is written, and stands alone."""
    effect = desk.review(inline(5), inline(6))
    await _leave_pending(desk, effect)
    review = desk.pull.reviews[0]
    lost = review.comments.pop()
    desk.pull.threads[:] = [one for one in desk.pull.threads if lost not in one.comments]

    await desk.backend().deliver(effect)

    (written,) = desk.pull.reviews
    assert written.id != review.id
    assert [one.line for one in desk.comments()] == [5, 6]


async def test_g19_a_review_of_another_effect_that_was_not_submitted_is_deleted(desk: Desk) -> None:
    """GitHub takes no other one while it is there."""
    await _leave_pending(desk, desk.review(inline(5), name="old"))

    await desk.backend().deliver(desk.review(inline(5)))

    (review,) = desk.pull.reviews
    assert review.state is ReviewState.COMMENTED
    assert len(desk.comments()) == 1


async def test_g19_a_review_that_a_person_has_begun_is_left_alone(desk: Desk) -> None:
    """Where the account is a person's, the error says what stands in the way."""
    token = desk.forge.token(BOT)
    await desk.backend(token=token).deliver(desk.review(inline(6), name="draft"))
    (draft,) = desk.pull.reviews
    draft.body, draft.state, draft.submitted_at = "Begun by hand.", ReviewState.PENDING, None

    with pytest.raises(PublishError, match="by hand"):
        await desk.backend().deliver(desk.review(inline(5)))

    assert desk.pull.reviews == [draft]


async def test_g20_a_review_is_never_longer_than_github_takes(desk: Desk) -> None:
    """A body of a million characters, and a comment of as many, are cut and stand."""
    huge = inline(5, body="c" * 1_000_000)

    await desk.backend().deliver(desk.review(huge, body="b" * 1_000_000))

    (review,) = desk.pull.reviews
    assert len(review.body) <= 60_000
    assert len(desk.comments()[0].body) <= 60_000


async def test_g20_lone_surrogates_are_replaced(desk: Desk) -> None:
    """They come from paths that are no UTF-8."""
    await desk.backend().deliver(desk.review(inline(5, body="a\udc80"), body="b\udc80"))

    assert desk.pull.reviews[0].body.startswith("b\ufffd")
    assert desk.comments()[0].body.startswith("a\ufffd")


async def test_withdrawing_a_review_takes_its_comments_away(desk: Desk) -> None:
    """A submitted review cannot be deleted: it says that it is superseded, and is ours no more."""
    backend, effect = desk.backend(), desk.review(inline(5))
    await backend.deliver(desk.review(inline(6), name="other"))
    receipt = await backend.deliver(effect)

    for _ in range(2):
        await desk.backend().withdraw(desk.target, receipt)

    assert [one.line for one in desk.comments()] == [6]
    assert "superseded" in desk.pull.reviews[1].body
    assert await backend.find_effects([effect]) == ()


async def test_g28_what_others_have_written_is_not_withdrawn(desk: Desk) -> None:
    """A receipt that names it does not make it ours."""
    ours = desk.review(inline(5))
    theirs = await desk.backend(token=desk.forge.token("ann")).deliver(ours)

    await desk.backend().withdraw(desk.target, theirs)

    assert "superseded" not in desk.pull.reviews[0].body
    assert len(desk.comments()) == 1


@pytest.mark.parametrize("external_id", ["", "review", "review:../1", "nothing:1", "review:1/2"])
async def test_a_receipt_that_names_nothing_of_ours_is_an_error(
    desk: Desk, external_id: str
) -> None:
    """No request is made with what stands in it."""
    receipt = (await settle(desk.backend(), [desk.review(inline(5))]))[0]
    forged = type(receipt)(key=receipt.key, external_id=external_id, found=True, at=receipt.at)

    with pytest.raises(PublishError):
        await desk.backend().withdraw(desk.target, forged)
