"""What GraphQL changes: threads of reviews, which the REST API cannot resolve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.testing.forge.anchors import Anchor, BadAnchorError, anchor
from codeflow_engine.testing.forge.graphql.schema import FieldOf, Stop, TypeOf
from codeflow_engine.testing.forge.graphql.viewing import Viewing
from codeflow_engine.testing.forge.moving import pull_diff
from codeflow_engine.testing.forge.reviewing import add_comment, pending_of
from codeflow_engine.testing.forge.state import (
    PullRequest,
    Review,
    ReviewState,
    ReviewThread,
)

__all__ = ["INPUTS", "mutations"]

_ONE_THREAD: Mapping[str, str] = {"threadId": "ID!", "clientMutationId": "String"}

INPUTS: Mapping[str, Mapping[str, str]] = {
    "ResolveReviewThreadInput": _ONE_THREAD,
    "UnresolveReviewThreadInput": _ONE_THREAD,
    "AddPullRequestReviewThreadInput": {
        "pullRequestId": "ID",
        "pullRequestReviewId": "ID",
        "path": "String",
        "body": "String!",
        "line": "Int",
        "side": "DiffSide",
        "startLine": "Int",
        "startSide": "DiffSide",
        "subjectType": "PullRequestReviewThreadSubjectType",
        "clientMutationId": "String",
    },
    "AddPullRequestReviewThreadReplyInput": {
        "pullRequestReviewThreadId": "ID!",
        "pullRequestReviewId": "ID",
        "body": "String!",
        "clientMutationId": "String",
    },
}


def mutations(see: Viewing) -> Mapping[str, TypeOf]:
    """Give the type `Mutation`, and those of what the mutations answer with."""
    fields, types = {}, {}
    for name, find, told in (
        ("resolveReviewThread", _resolve(see), {"thread": "PullRequestReviewThread"}),
        ("unresolveReviewThread", _unresolve(see), {"thread": "PullRequestReviewThread"}),
        ("addPullRequestReviewThread", _add(see), {"thread": "PullRequestReviewThread"}),
        ("addPullRequestReviewThreadReply", _reply(see), {"comment": "PullRequestReviewComment"}),
    ):
        kind = name[0].upper() + name[1:]
        fields[name] = FieldOf(f"{kind}Payload", {"input": f"{kind}Input!"}, find)
        answers = {key: FieldOf(of) for key, of in told.items()}
        types[f"{kind}Payload"] = TypeOf({**answers, "clientMutationId": FieldOf("String")})
    return {"Mutation": TypeOf(fields), **types}


def _resolve(see: Viewing) -> Any:
    def change(_: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        """Resolve a thread. Source: "Mutations", `resolveReviewThread`, /graphql/reference."""
        pull, thread = _changed(see, given["input"]["threadId"], "resolve")
        with see.forge.lock:
            thread.resolved_by = thread.resolved_by or see.viewer
        return _told(given, thread=(pull, thread))

    return change


def _unresolve(see: Viewing) -> Any:
    def change(_: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        """Take a resolution back. Source: "Mutations", `unresolveReviewThread`."""
        pull, thread = _changed(see, given["input"]["threadId"], "unresolve")
        with see.forge.lock:
            thread.resolved_by = None
        return _told(given, thread=(pull, thread))

    return change


def _changed(see: Viewing, identifier: str, verb: str) -> tuple[PullRequest, ReviewThread]:
    pull, thread = see.find("PullRequestReviewThread", identifier)
    see.permit(pull.repository, "pull_requests", "write")
    if not see.may_resolve(pull):
        raise Stop(
            "FORBIDDEN",
            f"{see.credential.login} does not have permission to {verb} this review thread.",
        )
    return pull, thread


def _add(see: Viewing) -> Any:
    async def change(_: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        """Start a thread in a pending review.

        A line that is not in the diff is no error: there is no thread then, and none is shown
        (G17). Source: "Mutations", `addPullRequestReviewThread`, /graphql/reference/mutations.
        """
        wish = given["input"]
        pull, review = _place(see, wish)
        see.permit(pull.repository, "pull_requests", "write")
        told = {
            "path": wish.get("path"),
            "line": wish.get("line"),
            "side": wish.get("side"),
            "start_line": wish.get("startLine"),
            "start_side": wish.get("startSide"),
            "subject_type": (wish.get("subjectType") or "line").lower(),
        }
        try:
            place = anchor(await pull_diff(pull), told, files=True)
        except BadAnchorError:
            return _told(given, thread=None)
        with see.forge.lock:
            review = review or pending_of(pull, see.viewer) or _pending(see, pull)
            comment = add_comment(pull, review, place, wish["body"], commit=pull.head_sha)
        return _told(given, thread=(pull, pull.thread_of(comment.id)))

    return change


def _place(see: Viewing, wish: Mapping[str, Any]) -> tuple[PullRequest, Review | None]:
    """Find where a thread is to stand: in a review, or in a pull request."""
    if wish.get("pullRequestReviewId") is not None:
        pull, review = see.find("PullRequestReview", wish["pullRequestReviewId"])
        if review.state is not ReviewState.PENDING or not see.is_viewer(review.user):
            raise Stop("UNPROCESSABLE", "Could not add a thread to a review that is submitted.")
        return pull, review
    if wish.get("pullRequestId") is None:
        raise Stop("UNPROCESSABLE", "Either pullRequestId or pullRequestReviewId must be provided.")
    return see.find("PullRequest", wish["pullRequestId"]), None


def _pending(see: Viewing, pull: PullRequest) -> Review:
    """Begin a review, which is seen by its author alone until it is submitted (G19)."""
    now = see.forge.clock.now()
    made = Review(
        id=see.forge.next_id(),
        user=see.viewer,
        body="",
        state=ReviewState.PENDING,
        commit_id=pull.head_sha,
        created_at=now,
        updated_at=now,
    )
    pull.reviews.append(made)
    return made


def _reply(see: Viewing) -> Any:
    def change(_: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer in a thread. Source: "Mutations", `addPullRequestReviewThreadReply`."""
        wish = given["input"]
        pull, thread = see.find("PullRequestReviewThread", wish["pullRequestReviewThreadId"])
        see.permit(pull.repository, "pull_requests", "write")
        if pull.locked and not see.may_resolve(pull):
            raise Stop("FORBIDDEN", "Unable to create comment because issue is locked.")
        first = thread.comments[0]
        place = Anchor(
            path=first.path,
            subject=first.subject,
            side=first.side,
            line=first.line,
            start_side=first.start_side,
            start_line=first.start_line,
            position=first.position,
            diff_hunk=first.diff_hunk,
        )
        with see.forge.lock:
            review = _pending(see, pull)
            review.state, review.submitted_at = ReviewState.COMMENTED, review.created_at
            comment = add_comment(
                pull, review, place, wish["body"], commit=first.commit_id, thread=thread
            )
        return _told(given, comment=(pull, comment))

    return change


def _told(given: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    return {**values, "clientMutationId": given["input"].get("clientMutationId")}
