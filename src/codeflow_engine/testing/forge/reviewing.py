"""What it takes to write a review or a comment on code: all of it stands, or nothing does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeflow_engine.testing.forge.anchors import Anchor, BadAnchorError, anchor
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.moving import place_comment, pull_diff
from codeflow_engine.testing.forge.refusal import Refusal
from codeflow_engine.testing.forge.state import (
    PullRequest,
    Review,
    ReviewComment,
    ReviewState,
    ReviewThread,
    User,
)

__all__ = [
    "EVENTS",
    "add_comment",
    "check_body",
    "commit_of",
    "make_review",
    "pending_of",
    "refuse_locked_review",
    "unprocessable",
]

EVENTS = {
    "APPROVE": ReviewState.APPROVED,
    "REQUEST_CHANGES": ReviewState.CHANGES_REQUESTED,
    "COMMENT": ReviewState.COMMENTED,
}


def unprocessable(*errors: str) -> Refusal:
    """Refuse a review in the form that its endpoints have."""
    return Refusal(
        422,
        "Unprocessable Entity",
        errors=errors,
        documentation="/rest/pulls/reviews#create-a-review-for-a-pull-request",
    )


def pending_of(pull: PullRequest, user: User) -> Review | None:
    """Find the one review that a user has begun and not submitted."""
    for one in pull.reviews:
        if one.state is ReviewState.PENDING and one.user is user:
            return one
    return None


def refuse_locked_review(asked: Exchange, pull: PullRequest) -> None:
    """Refuse a review of what is locked, but to those who may write (G30)."""
    if pull.locked and asked.role(pull.repository) not in {"write", "maintain", "admin"}:
        raise unprocessable("lock prevents review")


def check_body(pull: PullRequest, user: User, event: str, body: str) -> None:
    """Hold a review to what its event asks for (G19).

    Source: "Create a review for a pull request", parameters `body` and `event`,
    /rest/pulls/reviews#create-a-review-for-a-pull-request; "About pull request reviews": authors
    cannot approve their own.
    """
    if pull.user is user and event in {"APPROVE", "REQUEST_CHANGES"}:
        verb = {"APPROVE": "approve", "REQUEST_CHANGES": "request changes on"}[event]
        raise unprocessable(f"Review Can not {verb} your own pull request")
    if event in {"COMMENT", "REQUEST_CHANGES"} and not body.strip():
        raise unprocessable("Review Body can't be blank")


async def commit_of(pull: PullRequest, wish: object) -> str:
    """Give the commit that is commented on: the head, or one of the pull request's.

    Raises:
        Refusal: 422, for any other commit.
    """
    if wish is None or wish == pull.head_sha:
        return pull.head_sha
    known = await pull.repository.git.between(pull.base_sha, pull.head_sha)
    if not isinstance(wish, str) or wish not in known:
        raise Refusal(
            422,
            "Validation Failed",
            errors=[
                {
                    "resource": "PullRequestReviewComment",
                    "field": "commit_id",
                    "code": "custom",
                    "message": "commit_id is not part of the pull request",
                }
            ],
        )
    return wish


async def make_review(asked: Exchange, pull: PullRequest, body: Mapping[str, Any]) -> Review:
    """Write a review with all its comments, or refuse it and write nothing (G16)."""
    user = asked.user
    text = asked.text(body, "body", resource="PullRequestReview", blank=True)
    event = body.get("event") or ""
    if event and event not in EVENTS:
        raise Refusal(422, "Invalid request.\n\nFor 'properties/event', not a member of the enum.")
    commit = await commit_of(pull, body.get("commit_id"))
    wishes = _comments(asked, body.get("comments"))
    anchors = await _anchors(pull, commit, [wish for wish, _ in wishes])
    forge = asked.forge
    if event:
        check_body(pull, user, event, text)
    with forge.lock:
        if pending_of(pull, user) is not None:
            raise unprocessable("User can only have one pending review per pull request")
        now = forge.clock.now()
        review = Review(
            id=forge.next_id(),
            user=user,
            body=text,
            state=EVENTS.get(event, ReviewState.PENDING),
            commit_id=commit,
            created_at=now,
            submitted_at=now if event else None,
            updated_at=now,
        )
        pull.reviews.append(review)
        pull.updated_at = now
        for place, (_, said) in zip(anchors, wishes, strict=True):
            add_comment(pull, review, place, said, commit=commit)
    for comment in list(review.comments):
        await place_comment(pull, comment)
    return review


def _comments(asked: Exchange, told: object) -> list[tuple[Mapping[str, Any], str]]:
    if told is None:
        return []
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise Refusal(422, "Invalid request.\n\nFor 'properties/comments', not an array.")
    for one in told:
        if one.get("subject_type") is not None:
            # The endpoint of single comments has it, that of reviews has not (G15).
            raise Refusal(
                422,
                'Invalid request.\n\nNo subschema in "anyOf" matched.\n'
                '"subject_type" is not a permitted key.',
            )
    return [(one, asked.text(one, "body", resource="PullRequestReviewComment")) for one in told]


async def _anchors(
    pull: PullRequest, commit: str, wishes: Sequence[Mapping[str, Any]]
) -> list[Anchor]:
    if not wishes:
        return []
    diff = await pull_diff(pull, commit)
    try:
        return [anchor(diff, wish) for wish in wishes]
    except BadAnchorError as error:
        raise error.of_review() from None


def add_comment(
    pull: PullRequest,
    review: Review,
    place: Anchor,
    body: str,
    *,
    commit: str,
    thread: ReviewThread | None = None,
) -> ReviewComment:
    """Write a comment into a review; without a thread it begins one. Callers hold the lock."""
    forge = pull.repository.forge
    now = forge.clock.now()
    comment = ReviewComment(
        id=forge.next_id(),
        user=review.user,
        body=body,
        review_id=review.id,
        path=place.path,
        subject=place.subject,
        side=place.side,
        line=place.line,
        start_side=place.start_side,
        start_line=place.start_line,
        position=place.position,
        original_line=place.line,
        original_start_line=place.start_line,
        original_position=place.position,
        commit_id=commit,
        original_commit_id=commit,
        diff_hunk=place.diff_hunk,
        in_reply_to=None if thread is None else thread.comments[0].id,
        created_at=now,
        updated_at=now,
    )
    if thread is None:
        thread = ReviewThread(id=forge.next_id())
        pull.threads.append(thread)
    thread.comments.append(comment)
    review.comments.append(comment)
    return comment
