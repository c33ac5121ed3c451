"""Routes of issues, and what they share with pull requests: state, lock, labels."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.api.talk import refuse_others, since
from codeflow_engine.testing.forge.documents import talk
from codeflow_engine.testing.forge.exchange import Exchange, Field
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, invalid
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.state import ROLES, Issue, Label

__all__ = ["edit_issue", "may_triage", "names_of", "routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_TITLE = 256
_ALL = "/repos/{owner}/{repo}/issues"
_ONE = _ALL + r"/{number:\d+}"


def may_triage(asked: Exchange, repository: Repository) -> bool:
    """Tell whether who asks may set labels."""
    return ROLES.index(asked.role(repository)) >= ROLES.index("triage")


def names_of(told: object) -> list[str]:
    """Read labels, which may be told by name or as objects with a name.

    Raises:
        Refusal: 422, for what is neither.
    """
    names = []
    for one in told if isinstance(told, list) else [None]:
        name = one.get("name") if isinstance(one, dict) else one
        if not isinstance(name, str) or not name.strip():
            raise Refusal(
                422, "Invalid request.\n\nFor 'properties/labels', not an array of names."
            )
        names.append(name)
    return names


def _labels(repository: Repository, names: list[str]) -> list[Label]:
    """Find labels, and make those that are not there."""
    return list({one.id: one for one in map(repository.label, names)}.values())


async def edit_issue(asked: Exchange, issue: Issue, body: Field, *, resource: str) -> None:
    """Change what an issue and a pull request have in common.

    Source: "Update an issue", /rest/issues/issues#update-an-issue.
    """
    changes: dict[str, Any] = {}
    if body.get("title") is not None:
        changes["title"] = asked.text(body, "title", resource=resource, limit=_TITLE)
    if "body" in body:
        changes["body"] = asked.text(body, "body", resource=resource, blank=True)
    if body.get("state") is not None:
        if body["state"] not in {"open", "closed"}:
            raise invalid(resource, "state", "invalid")
        changes["state"] = body["state"]
    with asked.forge.lock:
        now = asked.forge.clock.now()
        for name, value in changes.items():
            setattr(issue, name, value)
        if "state" in changes:
            closed = issue.state == "closed"
            issue.closed_at = now if closed else None
            default = "completed" if closed else None
            issue.state_reason = body.get("state_reason") or default
        if "labels" in body and may_triage(asked, issue.repository):
            issue.labels = _labels(issue.repository, names_of(body["labels"]))
        issue.updated_at = now


@routes.get(_ALL)
async def _listed(request: web.Request) -> web.Response:
    """List issues, pull requests among them: the open ones, newest first, unless told otherwise.

    Source: "List repository issues", /rest/issues/issues#list-repository-issues.
    """
    asked = Exchange(request)
    repository = asked.repository("issues")
    state, creator = asked.query("state", "open"), asked.query("creator").lower()
    labels = {name.lower() for name in asked.query("labels").split(",") if name}
    if state not in {"open", "closed", "all"}:
        raise invalid("Issue", "state", "invalid")
    everything = (*repository.issues, *repository.pulls)
    found = [
        one
        for one in since(asked, everything)
        if not one.deleted
        and state in {"all", one.state}
        and creator in {"", one.user.login.lower()}
        and labels <= {name.lower() for name in one.label_names}
    ]
    sort = asked.query("sort", "created")
    found.sort(
        key=lambda one: (
            {"updated": one.updated_at, "comments": len(one.comments)}.get(sort, one.created_at),
            one.number,
        ),
        reverse=asked.query("direction", "desc") == "desc",
    )
    return asked.page(found, talk.issue)


@routes.post(_ALL)
async def _created(request: web.Request) -> web.Response:
    """Open an issue; labels by who may not set them are dropped without a word.

    Source: "Create an issue", /rest/issues/issues#create-an-issue.
    """
    asked = Exchange(request)
    repository = asked.repository("issues", "write")
    if not repository.has_issues:
        raise Refusal(410, "Issues has been disabled in this repository.")
    body = await asked.body(required=("title",))
    title = asked.text(body, "title", resource="Issue", limit=_TITLE)
    text = asked.text(body, "body", resource="Issue", blank=True)
    names = names_of(body.get("labels") or [])
    forge = asked.forge
    with forge.lock:
        now = forge.clock.now()
        issue = Issue(
            id=forge.next_id(),
            number=repository.next_number(),
            repository=repository,
            title=title,
            body=text if body.get("body") is not None else None,
            user=asked.user,
            created_at=now,
            updated_at=now,
            labels=_labels(repository, names) if may_triage(asked, repository) else [],
        )
        repository.keep(issue)
    told = talk.issue(issue)
    return web.json_response(told, status=201, headers={"Location": told["url"]})


@routes.get(_ONE)
async def _one(request: web.Request) -> web.Response:
    """Give an issue. Source: "Get an issue", /rest/issues/issues#get-an-issue."""
    asked = Exchange(request)
    return web.json_response(talk.issue(asked.issue(asked.repository("issues"))))


@routes.patch(_ONE)
async def _edited(request: web.Request) -> web.Response:
    """Change an issue. Source: "Update an issue", /rest/issues/issues#update-an-issue."""
    asked = Exchange(request)
    repository = asked.repository("issues|pull_requests", "write")
    issue = asked.issue(repository)
    refuse_others(asked, repository, issue.user.login)
    await edit_issue(asked, issue, await asked.body(), resource="Issue")
    return web.json_response(talk.issue(issue))


@routes.put(_ONE + "/lock")
async def _lock(request: web.Request) -> web.Response:
    """Lock a conversation. Source: "Lock an issue", /rest/issues/issues#lock-an-issue."""
    return await _locked(request, to=True)


@routes.delete(_ONE + "/lock")
async def _unlock(request: web.Request) -> web.Response:
    """Unlock a conversation. Source: "Unlock an issue", /rest/issues/issues#unlock-an-issue."""
    return await _locked(request, to=False)


async def _locked(request: web.Request, *, to: bool) -> web.Response:
    asked = Exchange(request)
    issue = asked.issue(asked.repository("issues|pull_requests", "write", role="write"))
    with asked.forge.lock:
        issue.locked = to
    return web.Response(status=204)
