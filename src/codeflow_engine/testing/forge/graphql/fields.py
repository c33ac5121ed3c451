"""The types that may be asked for, over what the forge keeps.

Source: "Objects", "Interfaces", "Enums" and "Input objects" of the GraphQL reference,
/graphql/reference. A bot's `login` has no `[bot]` here, other than in the REST API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.documents.people import association, node_id
from codeflow_engine.testing.forge.graphql.connections import connected, connection
from codeflow_engine.testing.forge.graphql.schema import FieldOf, TypeOf
from codeflow_engine.testing.forge.state import (
    Comment,
    Issue,
    PullRequest,
    Reaction,
    Review,
    ReviewComment,
    ReviewState,
    ReviewThread,
)

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.graphql.viewing import Viewing

__all__ = ["CONTENTS", "ENUMS", "object_types"]

CONTENTS: Mapping[str, str] = {
    "THUMBS_UP": "+1",
    "THUMBS_DOWN": "-1",
    "LAUGH": "laugh",
    "HOORAY": "hooray",
    "CONFUSED": "confused",
    "HEART": "heart",
    "ROCKET": "rocket",
    "EYES": "eyes",
}
"""What the REST API calls a reaction, by its name here."""

ENUMS: Mapping[str, frozenset[str]] = {
    "CommentAuthorAssociation": frozenset(
        {"COLLABORATOR", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR", "FIRST_TIMER", "MANNEQUIN"}
        | {"MEMBER", "NONE", "OWNER"}
    ),
    "DiffSide": frozenset({"LEFT", "RIGHT"}),
    "PullRequestReviewState": frozenset(ReviewState),
    "PullRequestReviewThreadSubjectType": frozenset({"FILE", "LINE"}),
    "PullRequestState": frozenset({"CLOSED", "MERGED", "OPEN"}),
    "ReactionContent": frozenset(CONTENTS),
}

type _Get = Callable[[Any], Any]


def _of(kind: str, get: _Get) -> FieldOf:
    return FieldOf(kind, find=lambda source, _: get(source))


def object_types(see: Viewing) -> Mapping[str, TypeOf]:
    """Give the types of what the forge keeps, as one account sees it."""
    return {
        "PageInfo": TypeOf(
            {
                "hasNextPage": FieldOf("Boolean!"),
                "hasPreviousPage": FieldOf("Boolean!"),
                "startCursor": FieldOf("String"),
                "endCursor": FieldOf("String"),
            }
        ),
        **_people(),
        "Node": TypeOf({"id": FieldOf("ID!")}),
        "Repository": _repository(see),
        "PullRequest": _pull(see),
        "PullRequestReviewThread": _thread(see),
        "PullRequestReviewComment": _review_comment(see),
        "PullRequestReview": _review(see),
        "IssueComment": _comment(see),
        "Reaction": _reaction(see),
        "ReactionGroup": TypeOf(
            {
                "content": FieldOf("ReactionContent!"),
                "viewerHasReacted": FieldOf("Boolean!"),
                "reactors": connected("Reactor", lambda group, _: group["reactors"]),
                "users": connected("User", lambda group, _: group["reactors"]),
            }
        ),
        **connection("Reactor"),
        **connection("User"),
        **connection("Reaction"),
        **connection("IssueComment"),
        **connection("PullRequestReview"),
        **connection("PullRequestReviewComment"),
        **connection("PullRequestReviewThread"),
    }


def _people() -> Mapping[str, TypeOf]:
    actor = {
        "login": FieldOf("String!"),
        "url": FieldOf("URI!"),
        "resourcePath": FieldOf("URI!"),
        "avatarUrl": FieldOf("URI!", {"size": "Int"}),
    }
    own = {"id": FieldOf("ID!"), "databaseId": FieldOf("Int")}
    acts = frozenset({"Actor", "Node", "Reactor"})
    named = {"name": FieldOf("String")}
    return {
        "Actor": TypeOf(actor),
        "Reactor": TypeOf({}),
        "RepositoryOwner": TypeOf({**actor, "id": FieldOf("ID!")}),
        "User": TypeOf({**actor, **own, **named}, acts | {"RepositoryOwner"}),
        "Bot": TypeOf({**actor, **own}, acts),
        "Organization": TypeOf({**actor, **own, **named}, acts | {"RepositoryOwner"}),
    }


def _repository(see: Viewing) -> TypeOf:
    return TypeOf(
        {
            "id": _of("ID!", lambda one: node_id("R", one.id)),
            "databaseId": _of("Int", lambda one: one.id),
            "name": _of("String!", lambda one: one.name),
            "nameWithOwner": _of("String!", lambda one: one.full_name),
            "isPrivate": _of("Boolean!", lambda one: one.private),
            "isArchived": _of("Boolean!", lambda one: one.archived),
            "isFork": _of("Boolean!", lambda one: one.parent is not None),
            "url": _of("URI!", lambda one: f"{one.forge.web_url}/{one.full_name}"),
            "owner": _of("RepositoryOwner!", lambda one: see.actor(one.owner)),
            "pullRequest": FieldOf("PullRequest", {"number": "Int!"}, see.pull),
        },
        frozenset({"Node"}),
    )


def _pull(see: Viewing) -> TypeOf:
    def state(one: PullRequest) -> str:
        return "MERGED" if one.merged_at is not None else one.state.upper()

    return TypeOf(
        {
            "id": _of("ID!", lambda one: node_id("PR", one.id)),
            "databaseId": _of("Int", lambda one: one.id),
            "fullDatabaseId": _of("BigInt", lambda one: str(one.id)),
            "number": _of("Int!", lambda one: one.number),
            "title": _of("String!", lambda one: one.title),
            "body": _of("String!", lambda one: one.body or ""),
            "state": _of("PullRequestState!", state),
            "isDraft": _of("Boolean!", lambda one: one.draft),
            "locked": _of("Boolean!", lambda one: one.locked),
            "url": _of("URI!", see.page),
            "author": _of("Actor", lambda one: see.actor(one.user)),
            "headRefName": _of("String!", lambda one: one.head_ref),
            "headRefOid": _of("GitObjectID!", lambda one: one.head_sha),
            "baseRefName": _of("String!", lambda one: one.base_ref),
            "baseRefOid": _of("GitObjectID!", lambda one: one.base_sha),
            "createdAt": _of("DateTime!", lambda one: stamp(one.created_at)),
            "updatedAt": _of("DateTime!", lambda one: stamp(one.updated_at)),
            "repository": _of("Repository!", lambda one: one.repository),
            "comments": connected(
                "IssueComment", lambda one, _: [(one, each) for each in one.comments]
            ),
            "reviews": connected("PullRequestReview", lambda one, _: see.reviews(one)),
            "reviewThreads": connected("PullRequestReviewThread", lambda one, _: see.threads(one)),
        },
        frozenset({"Node"}),
    )


type _Threaded = tuple[PullRequest, ReviewThread]
type _Commented = tuple[PullRequest, ReviewComment]


def _thread(see: Viewing) -> TypeOf:
    def first(get: _Get) -> Callable[[_Threaded], Any]:
        return lambda source: get(source[1].comments[0])

    def comments(source: _Threaded, _: Any) -> list[_Commented]:
        return [(source[0], one) for one in see.visible(*source)]

    may = see.may_resolve
    return TypeOf(
        {
            "id": _of("ID!", lambda source: node_id("PRRT", source[1].id)),
            "isResolved": _of("Boolean!", lambda source: source[1].is_resolved),
            "isOutdated": _of("Boolean!", first(lambda one: one.is_outdated)),
            "isCollapsed": _of("Boolean!", lambda source: source[1].is_resolved),
            "resolvedBy": _of("User", lambda source: see.person(source[1].resolved_by)),
            "path": _of("String!", first(lambda one: one.path)),
            "line": _of("Int", first(lambda one: one.line)),
            "originalLine": _of("Int", first(lambda one: one.original_line)),
            "startLine": _of("Int", first(lambda one: one.start_line)),
            "originalStartLine": _of("Int", first(lambda one: one.original_start_line)),
            "diffSide": _of("DiffSide!", first(lambda one: one.side)),
            "startDiffSide": _of("DiffSide", first(lambda one: one.start_side)),
            "subjectType": _of(
                "PullRequestReviewThreadSubjectType!", first(lambda one: one.subject.upper())
            ),
            "viewerCanReply": _of("Boolean!", lambda source: may(source[0])),
            "viewerCanResolve": _of(
                "Boolean!", lambda source: may(source[0]) and not source[1].is_resolved
            ),
            "viewerCanUnresolve": _of(
                "Boolean!", lambda source: may(source[0]) and source[1].is_resolved
            ),
            "pullRequest": _of("PullRequest!", lambda source: source[0]),
            "repository": _of("Repository!", lambda source: source[0].repository),
            "comments": connected("PullRequestReviewComment", comments),
        },
        frozenset({"Node"}),
    )


def _said(see: Viewing, kind: str) -> dict[str, FieldOf]:
    """Give the fields of whatever somebody wrote, kept with what it was written on."""
    return {
        "id": _of("ID!", lambda source: node_id(kind, source[1].id)),
        "databaseId": _of("Int", lambda source: source[1].id),
        "fullDatabaseId": _of("BigInt", lambda source: str(source[1].id)),
        "body": _of("String!", lambda source: source[1].body),
        "author": _of("Actor", lambda source: see.actor(source[1].user)),
        "authorAssociation": _of(
            "CommentAuthorAssociation!",
            lambda source: association(source[0].repository, source[1].user),
        ),
        "createdAt": _of("DateTime!", lambda source: stamp(source[1].created_at)),
        "updatedAt": _of("DateTime!", lambda source: stamp(source[1].updated_at)),
        "viewerDidAuthor": _of("Boolean!", lambda source: see.is_viewer(source[1].user)),
        "url": _of("URI!", lambda source: f"{see.page(source[0])}#{kind}-{source[1].id}"),
        "isMinimized": _of("Boolean!", lambda _: False),
    }


def _reacted(see: Viewing) -> dict[str, FieldOf]:
    def chosen(source: Any, given: Mapping[str, Any]) -> list[Reaction]:
        wanted = CONTENTS.get(given.get("content") or "")
        return [one for one in source[1].reactions if wanted in {None, one.content}]

    def groups(source: tuple[Issue, Comment | ReviewComment]) -> list[dict[str, Any]]:
        return [
            {
                "content": name,
                "viewerHasReacted": any(see.is_viewer(one.user) for one in reactions),
                "reactors": [see.actor(one.user) for one in reactions],
            }
            for name, content in CONTENTS.items()
            for reactions in [[one for one in source[1].reactions if one.content == content]]
        ]

    return {
        "reactions": connected("Reaction", chosen, content="ReactionContent"),
        "reactionGroups": _of("[ReactionGroup!]", groups),
    }


def _comment(see: Viewing) -> TypeOf:
    return TypeOf({**_said(see, "IC"), **_reacted(see)}, frozenset({"Node"}))


def _review_comment(see: Viewing) -> TypeOf:
    return TypeOf(
        {
            **_said(see, "PRRC"),
            **_reacted(see),
            "path": _of("String!", lambda source: source[1].path),
            "line": _of("Int", lambda source: source[1].line),
            "originalLine": _of("Int", lambda source: source[1].original_line),
            "startLine": _of("Int", lambda source: source[1].start_line),
            "outdated": _of("Boolean!", lambda source: source[1].is_outdated),
            "diffHunk": _of("String!", lambda source: source[1].diff_hunk),
            "replyTo": _of("PullRequestReviewComment", see.replied_to),
            "pullRequestReview": _of("PullRequestReview", see.review_of),
            "pullRequest": _of("PullRequest!", lambda source: source[0]),
        },
        frozenset({"Node"}),
    )


def _review(see: Viewing) -> TypeOf:
    fields = _said(see, "PRR")
    del fields["isMinimized"]

    def submitted(source: tuple[PullRequest, Review]) -> str | None:
        at = source[1].submitted_at
        return None if at is None else stamp(at)

    return TypeOf(
        {
            **fields,
            "state": _of("PullRequestReviewState!", lambda source: source[1].state.value),
            "submittedAt": _of("DateTime", submitted),
            "comments": connected(
                "PullRequestReviewComment",
                lambda source, _: [(source[0], one) for one in source[1].comments],
            ),
        },
        frozenset({"Node"}),
    )


def _reaction(see: Viewing) -> TypeOf:
    names = {content: name for name, content in CONTENTS.items()}
    return TypeOf(
        {
            "id": _of("ID!", lambda one: node_id("REA", one.id)),
            "databaseId": _of("Int", lambda one: one.id),
            "content": _of("ReactionContent!", lambda one: names[one.content]),
            "createdAt": _of("DateTime!", lambda one: stamp(one.created_at)),
            "user": _of("User", lambda one: see.person(one.user)),
        },
        frozenset({"Node"}),
    )
