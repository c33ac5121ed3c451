"""Routes of check runs and of statuses of commits."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.checks import CheckRun
from codeflow_engine.testing.forge.documents import checks as documents
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.refusal import Refusal, not_found
from codeflow_engine.testing.forge.repository import Repository

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()


async def _commit(repository: Repository, name: str) -> str:
    """Find the commit that a reference stands for.

    Raises:
        Refusal: 422, as the API says it of a commit that is not.
    """
    plain = name.removeprefix("refs/").removeprefix("heads/").removeprefix("tags/")
    found = await repository.git.resolve(plain)
    if found is None:
        raise Refusal(422, f"No commit found for SHA: {name}")
    return found


@routes.post("/repos/{owner}/{repo}/check-runs")
async def _created(request: web.Request) -> web.Response:
    """Make a check run. Source: "Create a check run", /rest/checks/runs (G21)."""
    asked = Exchange(request)
    repository = asked.repository("checks", "write")
    body = await asked.body(required=("name", "head_sha"))
    if await repository.git.kind(str(body["head_sha"])) != "commit":
        raise Refusal(422, f"No commit found for SHA: {body['head_sha']}")
    forge = asked.forge
    with forge.lock:
        now, number = forge.clock.now(), forge.next_id()
        made = repository.checks.create(asked.credential, body, number=number, now=now)
    return web.json_response(documents.run(repository, made), status=201)


def _run(asked: Exchange, repository: Repository) -> CheckRun:
    found = repository.checks.find(asked.number("check_run_id"))
    if found is None:
        raise not_found()
    return found


@routes.get("/repos/{owner}/{repo}/check-runs/{check_run_id}")
async def _one(request: web.Request) -> web.Response:
    """Give a check run. Source: "Get a check run", /rest/checks/runs."""
    asked = Exchange(request)
    repository = asked.repository("checks")
    return web.json_response(documents.run(repository, _run(asked, repository)))


@routes.patch("/repos/{owner}/{repo}/check-runs/{check_run_id}")
async def _updated(request: web.Request) -> web.Response:
    """Change a check run. Source: "Update a check run", /rest/checks/runs (G21)."""
    asked = Exchange(request)
    repository = asked.repository("checks", "write")
    found = _run(asked, repository)
    body = await asked.body()
    with asked.forge.lock:
        now = asked.forge.clock.now()
        repository.checks.update(asked.credential, found, body, now=now)
    return web.json_response(documents.run(repository, found))


@routes.get("/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations")
async def _annotated(request: web.Request) -> web.Response:
    """List the annotations of a check run.

    Source: "List check run annotations", /rest/checks/runs.
    """
    asked = Exchange(request)
    repository = asked.repository("checks")
    found = _run(asked, repository)
    return asked.page(found.annotations, lambda told: documents.annotation(repository, found, told))


@routes.get("/repos/{owner}/{repo}/commits/{ref:.+}/check-runs")
async def _of_commit(request: web.Request) -> web.Response:
    """List the check runs of a commit.

    Source: "List check runs for a Git reference", /rest/checks/runs.
    """
    asked = Exchange(request)
    repository = asked.repository("checks")
    sha = await _commit(repository, asked.path("ref"))
    app_id = asked.query("app_id")
    found = repository.checks.of_commit(
        sha,
        name=asked.query("check_name") or None,
        status=asked.query("status") or None,
        app_id=int(app_id) if app_id.isdecimal() else None,
        every=asked.query("filter") == "all",
    )
    page, headers = asked.slice(found)
    told = [documents.run(repository, each) for each in page]
    return web.json_response({"total_count": len(found), "check_runs": told}, headers=headers)


@routes.get("/repos/{owner}/{repo}/commits/{ref:.+}/check-suites")
async def _suites(request: web.Request) -> web.Response:
    """List the suites of check runs of a commit, one of each app.

    Source: "List check suites for a Git reference", /rest/checks/suites.
    """
    asked = Exchange(request)
    repository = asked.repository("checks")
    sha = await _commit(repository, asked.path("ref"))
    apps: dict[int, list[CheckRun]] = {}
    for each in repository.checks.of_commit(sha):
        apps.setdefault(each.app_id, []).append(each)
    page, headers = asked.slice([*apps.values()])
    commit = await _simple_commit(repository, sha)
    told = [documents.suite(repository, runs, commit) for runs in page]
    return web.json_response({"total_count": len(apps), "check_suites": told}, headers=headers)


async def _simple_commit(repository: Repository, sha: str) -> dict[str, Any]:
    commit = await repository.git.commit(sha)
    people = {
        role: {"name": person.name, "email": person.email}
        for role, person in (("author", commit.author), ("committer", commit.committer))
    }
    return {
        "id": sha,
        "tree_id": commit.tree,
        "message": commit.message,
        "timestamp": commit.committer.date,
        **people,
    }


@routes.post("/repos/{owner}/{repo}/statuses/{sha}")
async def _set_status(request: web.Request) -> web.Response:
    """Make a status of a commit. Source: "Create a commit status", /rest/commits/statuses."""
    asked = Exchange(request)
    repository = asked.repository("statuses", "write", role="write")
    sha = asked.path("sha")
    body = await asked.body(required=("state",))
    if await repository.git.kind(sha) != "commit":
        raise Refusal(422, f"No commit found for SHA: {sha}")
    forge = asked.forge
    with forge.lock:
        now, number = forge.clock.now(), forge.next_id()
        made = repository.checks.set_status(asked.user.login, sha, body, number=number, now=now)
    return web.json_response(documents.status(repository, made), status=201)


@routes.get("/repos/{owner}/{repo}/commits/{ref:.+}/statuses")
async def _statuses(request: web.Request) -> web.Response:
    """List the statuses of a commit, newest first.

    Source: "List commit statuses for a reference", /rest/commits/statuses.
    """
    asked = Exchange(request)
    repository = asked.repository("statuses")
    sha = await _commit(repository, asked.path("ref"))
    found = repository.checks.statuses_of(sha)
    return asked.page(found, lambda each: documents.status(repository, each))


@routes.get("/repos/{owner}/{repo}/commits/{ref:.+}/status")
async def _combined(request: web.Request) -> web.Response:
    """Give the state of a commit.

    Source: "Get the combined status for a specific reference", /rest/commits/statuses.
    """
    asked = Exchange(request)
    repository = asked.repository("statuses")
    sha = await _commit(repository, asked.path("ref"))
    return web.json_response(documents.combined(repository, sha, repository.checks.latest(sha)))
