"""Routes of labels, of a repository and on an issue or a pull request."""

from __future__ import annotations

import re

from codeflow_engine.testing.forge.api.events import tell_labels
from codeflow_engine.testing.forge.api.issues import may_triage, names_of
from codeflow_engine.testing.forge.documents import talk
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, invalid, not_found
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.state import Issue, Label

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_ALL = "/repos/{owner}/{repo}/labels"
_ON = r"/repos/{owner}/{repo}/issues/{number:\d+}/labels"
_NAME = 50
_DESCRIPTION = 100


def _named(labels: list[Label], name: str) -> Label | None:
    return next((one for one in labels if one.name.lower() == name.lower()), None)


@routes.get(_ALL)
async def _listed(request: web.Request) -> web.Response:
    """List the labels of a repository.

    Source: "List labels for a repository", /rest/issues/labels#list-labels-for-a-repository.
    """
    asked = Exchange(request)
    repository = asked.repository("issues|pull_requests")
    return asked.page(list(repository.labels), lambda one: talk.label(repository, one))


@routes.post(_ALL)
async def _created(request: web.Request) -> web.Response:
    """Make a label; a name is taken whatever its case is.

    Source: "Create a label", /rest/issues/labels#create-a-label.
    """
    asked = Exchange(request)
    repository = asked.repository("issues|pull_requests", "write", role="write")
    body = await asked.body(required=("name",))
    name = asked.text(body, "name", resource="Label", limit=_NAME)
    color = body.get("color", "ededed")
    if not isinstance(color, str) or not re.fullmatch(r"[0-9a-fA-F]{6}", color):
        raise invalid("Label", "color", "invalid")
    description = None
    if body.get("description") is not None:
        description = asked.text(
            body, "description", resource="Label", blank=True, limit=_DESCRIPTION
        )
    if _named(repository.labels, name) is not None:
        raise invalid("Label", "name", "already_exists")
    made = repository.label(name, color=color.lower(), description=description)
    return web.json_response(talk.label(repository, made), status=201)


@routes.get(_ALL + "/{name}")
async def _one(request: web.Request) -> web.Response:
    """Give a label. Source: "Get a label", /rest/issues/labels#get-a-label."""
    asked = Exchange(request)
    repository = asked.repository("issues|pull_requests")
    found = _named(repository.labels, asked.path("name"))
    if found is None:
        raise not_found()
    return web.json_response(talk.label(repository, found))


def _issue(asked: Exchange, level: str) -> tuple[Repository, Issue]:
    repository = asked.repository("issues|pull_requests", level)
    if level == "write" and not may_triage(asked, repository):
        raise Refusal(403, "Must have admin rights to Repository.")
    return repository, asked.issue(repository)


@routes.get(_ON)
async def _of_issue(request: web.Request) -> web.Response:
    """List the labels of an issue. Source: "List labels for an issue", /rest/issues/labels."""
    asked = Exchange(request)
    repository, issue = _issue(asked, "read")
    return asked.page(list(issue.labels), lambda one: talk.label(repository, one))


@routes.post(_ON)
async def _added(request: web.Request) -> web.Response:
    """Add labels to an issue; those that are not there are made.

    Source: "Add labels to an issue", /rest/issues/labels#add-labels-to-an-issue.
    """
    return await _set(request, keep=True)


@routes.put(_ON)
async def _replaced(request: web.Request) -> web.Response:
    """Give an issue these labels and no others.

    Source: "Set labels for an issue", /rest/issues/labels#set-labels-for-an-issue.
    """
    return await _set(request, keep=False)


async def _set(request: web.Request, *, keep: bool) -> web.Response:
    asked = Exchange(request)
    repository, issue = _issue(asked, "write")
    told = await asked.json()  # a list of names, or an object that holds one
    names = names_of((told.get("labels") if isinstance(told, dict) else told) or [])
    if any(len(name) > _NAME for name in names):
        raise invalid("Label", "name", "invalid")
    with asked.forge.lock:
        found = list(issue.labels) if keep else []
        for one in map(repository.label, names):
            if one not in found:
                found.append(one)
        before, issue.labels = issue.labels, found
        issue.updated_at = asked.forge.clock.now()
        tell_labels(asked, issue, before)
    return web.json_response([talk.label(repository, one) for one in issue.labels])


@routes.delete(_ON + "/{name}")
async def _removed(request: web.Request) -> web.Response:
    """Take a label off an issue; one that it does not have is a 404.

    Source: "Remove a label from an issue", /rest/issues/labels#remove-a-label-from-an-issue.
    """
    asked = Exchange(request)
    repository, issue = _issue(asked, "write")
    found = _named(issue.labels, asked.path("name"))
    if found is None:
        raise Refusal(404, "Label does not exist")
    with asked.forge.lock:
        before, issue.labels = issue.labels, [one for one in issue.labels if one is not found]
        issue.updated_at = asked.forge.clock.now()
        tell_labels(asked, issue, before)
    return web.json_response([talk.label(repository, one) for one in issue.labels])
