"""Routes of the conversation: comments of issues and pull requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from codeflow_engine.testing.forge.documents import talk
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, not_found
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.state import ROLES, Comment, Issue

__all__ = ["find_comment", "refuse_locked", "refuse_others", "routes", "since"]

routes: web.RouteTableDef = web.RouteTableDef()
_WRITE = "issues|pull_requests"


def refuse_locked(asked: Exchange, issue: Issue) -> None:
    """Refuse a comment on what is locked, but to those who may write (G30).

    Source: "Lock an issue", /rest/issues/issues#lock-an-issue; "Locking conversations".
    """
    if issue.locked and ROLES.index(asked.role(issue.repository)) < ROLES.index("write"):
        raise Refusal(403, "Unable to create comment because issue is locked.")


def refuse_others(asked: Exchange, repository: Repository, login: str) -> None:
    """Refuse to change what another wrote, but to those who may write."""
    mine = login.lower() == asked.credential.login.lower()
    if not mine and ROLES.index(asked.role(repository)) < ROLES.index("write"):
        raise Refusal(403, "Must have admin rights to Repository.")


class _Changed(Protocol):
    updated_at: float


def since[T: _Changed](asked: Exchange, comments: Sequence[T]) -> list[T]:
    """Leave those that changed at a time or after it."""
    told = asked.query("since")
    if not told:
        return list(comments)
    try:
        at = datetime.fromisoformat(told).timestamp()
    except ValueError:
        raise Refusal(422, "Invalid request.\n\n'since' is not a timestamp.") from None
    return [one for one in comments if int(one.updated_at) >= at]


@routes.get("/repos/{owner}/{repo}/issues/comments")
async def _everywhere(request: web.Request) -> web.Response:
    """List the comments of a whole repository.

    Source: "List issue comments for a repository",
    /rest/issues/comments#list-issue-comments-for-a-repository.
    """
    asked = Exchange(request)
    repository = asked.repository(_WRITE)
    about = {one.id: i for i in (*repository.issues, *repository.pulls) for one in i.comments}
    comments = [one for issue in about.values() for one in issue.comments]
    found = {one.id: one for one in since(asked, comments)}
    changed = asked.query("sort") == "updated"
    chosen = sorted(
        found.values(),
        key=lambda one: (one.updated_at if changed else one.created_at, one.id),
        reverse=asked.query("direction") == "desc",
    )
    return asked.page(chosen, lambda one: talk.comment(about[one.id], one))


@routes.get(r"/repos/{owner}/{repo}/issues/{number:\d+}/comments")
async def _listed(request: web.Request) -> web.Response:
    """List comments, oldest first.

    Source: "List issue comments", /rest/issues/comments#list-issue-comments.
    """
    asked = Exchange(request)
    issue = asked.issue(asked.repository(_WRITE))
    return asked.page(since(asked, issue.comments), lambda one: talk.comment(issue, one))


@routes.post(r"/repos/{owner}/{repo}/issues/{number:\d+}/comments")
async def _created(request: web.Request) -> web.Response:
    """Write a comment.

    Source: "Create an issue comment", /rest/issues/comments#create-an-issue-comment.
    """
    asked = Exchange(request)
    issue = asked.issue(asked.repository(_WRITE, "write"))
    refuse_locked(asked, issue)
    body = await asked.body(required=("body",))
    text = asked.text(body, "body", resource="IssueComment")
    forge = asked.forge
    with forge.lock:
        now = forge.clock.now()
        one = Comment(
            id=forge.next_id(), user=asked.user, body=text, created_at=now, updated_at=now
        )
        issue.comments.append(one)
        issue.updated_at = now
    told = talk.comment(issue, one)
    return web.json_response(told, status=201, headers={"Location": told["url"]})


def find_comment(asked: Exchange, repository: Repository) -> tuple[Issue, Comment]:
    """Find the comment of the path, and what it is about.

    Raises:
        Refusal: 404.
    """
    number = asked.number("comment_id")
    for issue in (*repository.issues, *repository.pulls):
        for one in issue.comments:
            if one.id == number:
                return issue, one
    raise not_found()


@routes.get("/repos/{owner}/{repo}/issues/comments/{comment_id}")
async def _one(request: web.Request) -> web.Response:
    """Give a comment. Source: "Get an issue comment", /rest/issues/comments."""
    asked = Exchange(request)
    issue, found = find_comment(asked, asked.repository(_WRITE))
    return web.json_response(talk.comment(issue, found))


@routes.patch("/repos/{owner}/{repo}/issues/comments/{comment_id}")
async def _edited(request: web.Request) -> web.Response:
    """Change a comment; nobody is told of it (G31).

    Source: "Update an issue comment", /rest/issues/comments#update-an-issue-comment.
    """
    asked = Exchange(request)
    repository = asked.repository(_WRITE, "write")
    issue, found = find_comment(asked, repository)
    refuse_others(asked, repository, found.user.login)
    body = await asked.body(required=("body",))
    text = asked.text(body, "body", resource="IssueComment")
    with asked.forge.lock:
        found.body, found.updated_at = text, asked.forge.clock.now()
    return web.json_response(talk.comment(issue, found))


@routes.delete("/repos/{owner}/{repo}/issues/comments/{comment_id}")
async def _deleted(request: web.Request) -> web.Response:
    """Take a comment away. Source: "Delete an issue comment", /rest/issues/comments."""
    asked = Exchange(request)
    repository = asked.repository(_WRITE, "write")
    issue, found = find_comment(asked, repository)
    refuse_others(asked, repository, found.user.login)
    with asked.forge.lock:
        issue.comments.remove(found)
    return web.Response(status=204)
