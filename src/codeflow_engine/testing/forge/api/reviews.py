"""Routes of reviews."""

from __future__ import annotations

from codeflow_engine.testing.forge.documents import reviews
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, not_found
from codeflow_engine.testing.forge.reviewing import (
    EVENTS,
    check_body,
    make_review,
    refuse_locked_review,
    unprocessable,
)
from codeflow_engine.testing.forge.state import PullRequest, Review, ReviewState

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_AT = r"/repos/{owner}/{repo}/pulls/{number:\d+}/reviews"


def _seen(asked: Exchange, pull: PullRequest) -> list[Review]:
    """List the reviews that are submitted, and the asker's own pending one."""
    return [
        one
        for one in pull.reviews
        if one.state is not ReviewState.PENDING or one.user.login == asked.credential.login
    ]


def _found(asked: Exchange, pull: PullRequest) -> Review:
    number = asked.number("review_id")
    for one in _seen(asked, pull):
        if one.id == number:
            return one
    raise not_found()


def _own(asked: Exchange, pull: PullRequest) -> Review:
    found = _found(asked, pull)
    if found.user is not asked.user:
        raise Refusal(403, "Must be the author of the review.")
    return found


@routes.get(_AT)
async def _listed(request: web.Request) -> web.Response:
    """List reviews, oldest first.

    Source: "List reviews for a pull request",
    /rest/pulls/reviews#list-reviews-for-a-pull-request.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests"))
    return asked.page(_seen(asked, pull), lambda one: reviews.review(pull, one))


@routes.post(_AT)
async def _created(request: web.Request) -> web.Response:
    """Write a review; it is pending where there is no `event`.

    Source: "Create a review for a pull request",
    /rest/pulls/reviews#create-a-review-for-a-pull-request.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests", "write"))
    refuse_locked_review(asked, pull)
    made = await make_review(asked, pull, await asked.body())
    return web.json_response(reviews.review(pull, made))


@routes.get(_AT + "/{review_id}")
async def _one(request: web.Request) -> web.Response:
    """Give a review. Source: "Get a review for a pull request", /rest/pulls/reviews."""
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests"))
    return web.json_response(reviews.review(pull, _found(asked, pull)))


@routes.put(_AT + "/{review_id}")
async def _edited(request: web.Request) -> web.Response:
    """Change the text of a review.

    Source: "Update a review for a pull request",
    /rest/pulls/reviews#update-a-review-for-a-pull-request.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests", "write"))
    found = _own(asked, pull)
    body = await asked.body(required=("body",))
    text = asked.text(body, "body", resource="PullRequestReview")
    with asked.forge.lock:
        found.body, found.updated_at = text, asked.forge.clock.now()
    return web.json_response(reviews.review(pull, found))


@routes.delete(_AT + "/{review_id}")
async def _deleted(request: web.Request) -> web.Response:
    """Take a pending review away; one that was submitted stays.

    Source: "Delete a pending review for a pull request",
    /rest/pulls/reviews#delete-a-pending-review-for-a-pull-request.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests", "write"))
    found = _own(asked, pull)
    if found.state is not ReviewState.PENDING:
        raise unprocessable("Can not delete a non-pending pull request review")
    told = reviews.review(pull, found)
    with asked.forge.lock:
        pull.reviews.remove(found)
        for thread in list(pull.threads):
            thread.comments = [each for each in thread.comments if each.review_id != found.id]
            if not thread.comments:
                pull.threads.remove(thread)
    return web.json_response(told)


@routes.get(_AT + "/{review_id}/comments")
async def _comments(request: web.Request) -> web.Response:
    """List the comments of a review.

    Source: "List comments for a pull request review",
    /rest/pulls/reviews#list-comments-for-a-pull-request-review.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests"))
    found = _found(asked, pull)
    return asked.page(list(found.comments), lambda each: reviews.comment(pull, each))


@routes.post(_AT + "/{review_id}/events")
async def _submitted(request: web.Request) -> web.Response:
    """Submit a pending review.

    Source: "Submit a review for a pull request",
    /rest/pulls/reviews#submit-a-review-for-a-pull-request.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests", "write"))
    found = _own(asked, pull)
    body = await asked.body(required=("event",))
    text = asked.text(body, "body", resource="PullRequestReview", blank=True) or found.body
    event = body["event"]
    if event not in EVENTS:
        raise Refusal(422, "Invalid request.\n\nFor 'properties/event', not a member of the enum.")
    if found.state is not ReviewState.PENDING:
        raise unprocessable("Can not submit a review that is not pending")
    check_body(pull, found.user, event, text)
    with asked.forge.lock:
        now = asked.forge.clock.now()
        found.body, found.state, found.submitted_at = text, EVENTS[event], now
        found.updated_at = pull.updated_at = now
    return web.json_response(reviews.review(pull, found))


@routes.put(_AT + "/{review_id}/dismissals")
async def _dismissed(request: web.Request) -> web.Response:
    """Dismiss a review that approves or asks for changes.

    Source: "Dismiss a review for a pull request",
    /rest/pulls/reviews#dismiss-a-review-for-a-pull-request.
    """
    asked = Exchange(request)
    pull = asked.pull(asked.repository("pull_requests", "write", role="write"))
    found = _found(asked, pull)
    asked.text(await asked.body(required=("message",)), "message", resource="PullRequestReview")
    if found.state not in {ReviewState.APPROVED, ReviewState.CHANGES_REQUESTED}:
        raise unprocessable("Can not dismiss a commented pull request review")
    with asked.forge.lock:
        found.state, found.updated_at = ReviewState.DISMISSED, asked.forge.clock.now()
    return web.json_response(reviews.review(pull, found))
