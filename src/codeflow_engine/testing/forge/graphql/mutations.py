"""What GraphQL changes: threads of reviews, which the REST API cannot resolve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codeflow_engine.testing.forge.diffs import FileDiff, Place
from codeflow_engine.testing.forge.graphql.schema import FieldOf, Stop, TypeOf
from codeflow_engine.testing.forge.graphql.viewing import Viewing
from codeflow_engine.testing.forge.moving import pull_diff
from codeflow_engine.testing.forge.state import (
    PullRequest,
    Review,
    ReviewComment,
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
        path, line, side = wish.get("path"), wish.get("line"), wish.get("side") or "RIGHT"
        file = next((one for one in await pull_diff(pull) if one.name == path), None)
        whole = wish.get("subjectType") == "FILE"
        place = file.places.get((side, line)) if file is not None and line is not None else None
        if file is None or (place is None and not whole):
            return _told(given, thread=None)
        start = wish.get("startLine")
        with see.forge.lock:
            review = review or _pending(see, pull)
            now = see.forge.clock.now()
            comment = ReviewComment(
                id=see.forge.next_id(),
                user=see.viewer,
                body=wish["body"],
                review_id=review.id,
                path=str(path),
                subject="file" if whole else "line",
                side=side,
                line=line,
                start_line=start,
                start_side=None if start is None else wish.get("startSide") or side,
                position=None if place is None else place.position,
                original_line=line,
                original_start_line=start,
                original_position=None if place is None else place.position,
                commit_id=pull.head_sha,
                original_commit_id=pull.head_sha,
                diff_hunk="" if place is None else _excerpt(file, place),
                created_at=now,
                updated_at=now,
            )
            thread = ReviewThread(id=see.forge.next_id(), comments=[comment])
            review.comments.append(comment)
            pull.threads.append(thread)
        return _told(given, thread=(pull, thread))

    return change


def _excerpt(file: FileDiff, place: Place) -> str:
    hunk = file.hunks[place.hunk]
    lines = [hunk.header, *hunk.lines[: place.row + 1]]
    return b"\n".join(lines).decode("utf-8", "replace")


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
    """Give the account's pending review, of which there is one at most (G19)."""
    for one in pull.reviews:
        if one.state is ReviewState.PENDING and see.is_viewer(one.user):
            return one
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
        first: ReviewComment = thread.comments[0]
        with see.forge.lock:
            now = see.forge.clock.now()
            review = Review(
                id=see.forge.next_id(),
                user=see.viewer,
                body="",
                state=ReviewState.COMMENTED,
                commit_id=pull.head_sha,
                created_at=now,
                submitted_at=now,
                updated_at=now,
            )
            same = ("path", "subject", "side", "line", "start_side", "start_line", "position")
            first_had = ("original_line", "original_start_line", "original_position", "diff_hunk")
            comment = ReviewComment(
                id=see.forge.next_id(),
                user=see.viewer,
                body=wish["body"],
                review_id=review.id,
                commit_id=first.commit_id,
                original_commit_id=first.original_commit_id,
                in_reply_to=first.id,
                created_at=now,
                updated_at=now,
                **{name: getattr(first, name) for name in (*same, *first_had)},
            )
            review.comments.append(comment)
            pull.reviews.append(review)
            thread.comments.append(comment)
        return _told(given, comment=(pull, comment))

    return change


def _told(given: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    return {**values, "clientMutationId": given["input"].get("clientMutationId")}
