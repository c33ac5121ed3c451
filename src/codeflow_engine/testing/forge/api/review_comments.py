"""Routes of comments on code."""

from __future__ import annotations

from collections.abc import Sequence

from codeflow_engine.testing.forge.anchors import Anchor, BadAnchorError, anchor
from codeflow_engine.testing.forge.api.talk import refuse_locked, refuse_others, since
from codeflow_engine.testing.forge.documents import reviews
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.moving import place_comment, pull_diff
from codeflow_engine.testing.forge.refusal import Refusal, not_found
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.reviewing import add_comment, commit_of, pending_of
from codeflow_engine.testing.forge.state import (
    PullRequest,
    Review,
    ReviewComment,
    ReviewState,
    ReviewThread,
)

__all__ = ["find_review_comment", "routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_AT = r"/repos/{owner}/{repo}/pulls/{number:\d+}/comments"
_ONE = "/repos/{owner}/{repo}/pulls/comments/{comment_id}"


def _seen(pull: PullRequest) -> list[ReviewComment]:
    """List the comments that are submitted; those of pending reviews show nowhere here."""
    pending = pull.pending
    return [one for one in pull.review_comments if one.review_id not in pending]


def _ordered(asked: Exchange, comments: Sequence[ReviewComment]) -> list[ReviewComment]:
    """Sort as asked: by creation unless by change, oldest first unless told otherwise."""
    changed = asked.query("sort") in {"updated", "updated_at"}
    down = asked.query("direction") == "desc" and bool(asked.query("sort"))
    return sorted(
        since(asked, comments),
        key=lambda one: (one.updated_at if changed else one.created_at, one.id),
        reverse=down,
    )


def find_review_comment(
    asked: Exchange, repository: Repository
) -> tuple[PullRequest, ReviewComment]:
    """Find the comment of the path.

    Raises:
        Refusal: 404.
    """
    number = asked.number("comment_id")
    for pull in repository.pulls:
        for one in pull.review_comments:
            hidden = one.review_id in pull.pending and one.user.login != asked.credential.login
            if one.id == number and not hidden:
                return pull, one
    raise not_found()


@routes.get(_AT)
async def _listed(request: web.Request) -> web.Response:
    """List the comments on the code of a pull request.

    Source: "List review comments on a pull request",
    /rest/pulls/comments#list-review-comments-on-a-pull-request.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests"))
    found = _ordered(asked, _seen(pull))
    return asked.page(found, lambda one: reviews.comment(pull, one))


@routes.get("/repos/{owner}/{repo}/pulls/comments")
async def _everywhere(request: web.Request) -> web.Response:
    """List the comments on code of a whole repository.

    Source: "List review comments in a repository",
    /rest/pulls/comments#list-review-comments-in-a-repository.
    """
    asked = Exchange(request)
    repository = asked.repository("pull_requests")
    owners = {one.id: pull for pull in repository.pulls for one in _seen(pull)}
    seen = [one for pull in repository.pulls for one in _seen(pull)]
    return asked.page(_ordered(asked, seen), lambda one: reviews.comment(owners[one.id], one))


@routes.post(_AT)
async def _created(request: web.Request) -> web.Response:
    """Write a comment on a line, on several, on a file, or as a reply.

    It becomes a review of its own, without a text.

    Source: "Create a review comment for a pull request",
    /rest/pulls/comments#create-a-review-comment-for-a-pull-request.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests", "write"))
    refuse_locked(asked, pull)
    body = await asked.body(required=("body",))
    text = asked.text(body, "body", resource="PullRequestReviewComment")
    if body.get("in_reply_to") is not None:
        return _replied(asked, pull, body["in_reply_to"], text)
    if body.get("commit_id") is None or body.get("path") is None:
        raise Refusal(422, 'Invalid request.\n\n"commit_id", "path" weren\'t supplied.')
    commit = await commit_of(pull, body["commit_id"])
    try:
        place = anchor(await pull_diff(pull, commit), body, files=True)
    except BadAnchorError as error:
        raise error.of_comment() from None
    made = _written(asked, pull, place, text, commit=commit)
    await place_comment(pull, made)
    return _answer(pull, made)


@routes.post(_AT + "/{comment_id}/replies")
async def _reply(request: web.Request) -> web.Response:
    """Reply to the first comment of a thread.

    Source: "Create a reply for a review comment",
    /rest/pulls/comments#create-a-reply-for-a-review-comment: replies to replies are not
    supported.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests", "write"))
    refuse_locked(asked, pull)
    body = await asked.body(required=("body",))
    text = asked.text(body, "body", resource="PullRequestReviewComment")
    return _replied(asked, pull, asked.number("comment_id"), text)


def _replied(asked: Exchange, pull: PullRequest, number: object, text: str) -> web.Response:
    thread = pull.thread_of(number) if isinstance(number, int) else None
    if thread is None:
        raise not_found()
    first = thread.comments[0]
    place = Anchor(
        path=first.path,
        subject=first.subject,
        side=first.side,
        line=first.original_line,
        start_side=first.start_side,
        start_line=first.original_start_line,
        position=first.original_position,
        diff_hunk=first.diff_hunk,
    )
    commit = first.original_commit_id
    made = _written(asked, pull, place, text, commit=commit, thread=thread)
    with asked.forge.lock:
        made.line, made.start_line, made.position = first.line, first.start_line, first.position
        made.commit_id = first.commit_id
    return _answer(pull, made)


def _written(
    asked: Exchange,
    pull: PullRequest,
    place: Anchor,
    text: str,
    *,
    commit: str,
    thread: ReviewThread | None = None,
) -> ReviewComment:
    forge, user = asked.forge, asked.user
    with forge.lock:
        if pending_of(pull, user) is not None:
            message = "user_id can only have one pending review per pull request"
            error = {"resource": "PullRequestReview", "field": "user_id", "code": "custom"}
            raise Refusal(422, "Validation Failed", errors=[{**error, "message": message}])
        now = forge.clock.now()
        review = Review(
            id=forge.next_id(),
            user=user,
            body="",
            state=ReviewState.COMMENTED,
            commit_id=commit,
            created_at=now,
            submitted_at=now,
            updated_at=now,
        )
        pull.reviews.append(review)
        pull.updated_at = now
        return add_comment(pull, review, place, text, commit=commit, thread=thread)


def _answer(pull: PullRequest, made: ReviewComment) -> web.Response:
    told = reviews.comment(pull, made)
    return web.json_response(told, status=201, headers={"Location": told["url"]})


@routes.get(_ONE)
async def _one(request: web.Request) -> web.Response:
    """Give a comment on code. Source: "Get a review comment", /rest/pulls/comments."""
    asked = Exchange(request)
    pull, found = find_review_comment(asked, asked.repository("pull_requests"))
    return web.json_response(reviews.comment(pull, found))


@routes.patch(_ONE)
async def _edited(request: web.Request) -> web.Response:
    """Change a comment on code. Source: "Update a review comment", /rest/pulls/comments."""
    asked = Exchange(request)
    repository = asked.repository("pull_requests", "write")
    pull, found = find_review_comment(asked, repository)
    refuse_others(asked, repository, found.user.login)
    body = await asked.body(required=("body",))
    text = asked.text(body, "body", resource="PullRequestReviewComment")
    with asked.forge.lock:
        found.body, found.updated_at = text, asked.forge.clock.now()
    return web.json_response(reviews.comment(pull, found))


@routes.delete(_ONE)
async def _deleted(request: web.Request) -> web.Response:
    """Take a comment on code away.

    Source: "Delete a review comment for a pull request",
    /rest/pulls/comments#delete-a-review-comment-for-a-pull-request.
    """
    asked = Exchange(request)
    repository = asked.repository("pull_requests", "write")
    pull, found = find_review_comment(asked, repository)
    refuse_others(asked, repository, found.user.login)
    with asked.forge.lock:
        for thread in list(pull.threads):
            if found in thread.comments:
                thread.comments.remove(found)
            if not thread.comments:
                pull.threads.remove(thread)
        for review in list(pull.reviews):
            if found in review.comments:
                review.comments.remove(found)
    return web.Response(status=204)
