"""Routes that read pull requests: themselves, their diff, files and commits."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.api.issues import edit_issue
from codeflow_engine.testing.forge.api.talk import refuse_others
from codeflow_engine.testing.forge.diff_media import raw_diff
from codeflow_engine.testing.forge.diffs import FileDiff
from codeflow_engine.testing.forge.documents import history, pulls
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.moving import pull_diff, start_of
from codeflow_engine.testing.forge.refusal import invalid
from codeflow_engine.testing.forge.state import PullRequest

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()


_STATES = ("open", "closed", "all")


@routes.get("/repos/{owner}/{repo}/pulls")
async def _listed(request: web.Request) -> web.Response:
    """List pull requests: the open ones, newest first, unless asked otherwise.

    Source: "List pull requests", /rest/pulls/pulls#list-pull-requests.
    """
    asked = Exchange(request)
    repository = asked.repository("pull_requests")
    state, base, head = asked.query("state", "open"), asked.query("base"), asked.query("head")
    if state not in _STATES:
        raise invalid("PullRequest", "state", "invalid")
    found = [
        one
        for one in repository.pulls
        if state in {"all", one.state}
        and base in {"", one.base_ref}
        and (not head or head.lower() == _label(one).lower())
    ]
    changed = asked.query("sort") == "updated"
    down = asked.query("direction", "asc" if asked.query("sort") not in {"", "created"} else "desc")
    found.sort(
        key=lambda one: (one.updated_at if changed else one.created_at, one.number),
        reverse=down == "desc",
    )
    return asked.page(found, lambda one: pulls.pull(one, asked.role(repository)))


def _label(pull: PullRequest) -> str:
    home = pull.head_repository
    return f"{'unknown' if home is None else home.owner.login}:{pull.head_ref}"


@routes.patch(r"/repos/{owner}/{repo}/pulls/{number:\d+}")
async def _edited(request: web.Request) -> web.Response:
    """Change title, text or state of a pull request.

    Source: "Update a pull request", /rest/pulls/pulls#update-a-pull-request.
    """
    asked = Exchange(request)
    repository = asked.repository("pull_requests", "write")
    pull = asked.pull(repository)
    refuse_others(asked, repository, pull.user.login)
    await edit_issue(asked, pull, await asked.body(), resource="PullRequest")
    told = pulls.pull(pull, asked.role(repository))
    told |= await _counted(pull, await pull_diff(pull))
    return web.json_response(told | await _mergeable(asked, pull))


@routes.get(r"/repos/{owner}/{repo}/pulls/{number:\d+}")
async def _one(request: web.Request) -> web.Response:
    """Give a pull request, its diff, or its commits as patches.

    Source: "Get a pull request", /rest/pulls/pulls#get-a-pull-request.
    """
    asked = Exchange(request)
    repository = asked.repository("pull_requests")
    pull = asked.pull(repository)
    diff = await pull_diff(pull)
    if asked.media in {"diff", "patch"}:
        start = await start_of(pull)
        return await raw_diff(asked, repository, diff, start, pull.head_sha)
    told = pulls.pull(pull, asked.role(repository))
    told |= await _counted(pull, diff)
    told |= await _mergeable(asked, pull)
    return web.json_response(told)


async def _counted(pull: PullRequest, diff: tuple[FileDiff, ...]) -> dict[str, Any]:
    commits = await pull.repository.git.between(pull.base_sha, pull.head_sha)
    return {
        "merged": pull.merged_at is not None,
        "merged_by": None,
        "comments": len(pull.comments),
        "review_comments": len(
            [one for one in pull.review_comments if one.review_id not in pull.pending]
        ),
        "maintainer_can_modify": pull.head_repository is not pull.repository,
        "commits": len(commits),
        "additions": sum(file.additions for file in diff),
        "deletions": sum(file.deletions for file in diff),
        "changed_files": len(diff),
    }


async def _mergeable(asked: Exchange, pull: PullRequest) -> dict[str, Any]:
    """Tell whether it can be merged, once that is known.

    The first to ask after a push is told null: the work has only been started by that (G25).

    Source: "Get a pull request", /rest/pulls/pulls#get-a-pull-request.
    """
    pull.polls += 1
    unknown = {"mergeable": None, "rebaseable": None, "mergeable_state": "unknown"}
    if pull.polls <= asked.forge.rules.mergeable_polls or pull.state != "open":
        return unknown
    repository = pull.repository
    base = repository.git.read_ref(f"refs/heads/{pull.base_ref}") or pull.base_sha
    if pull.merge is None or pull.merge[:2] != (base, pull.head_sha):
        made = await repository.git.merge(base, pull.head_sha, repository.signature())
        pull.merge = (base, pull.head_sha, made)
    merged = pull.merge[2]
    if merged is not None:
        repository.git.write_ref(f"refs/pull/{pull.number}/merge", merged)
    state = "dirty" if merged is None else "draft" if pull.draft else "clean"
    return {
        "mergeable": merged is not None,
        "rebaseable": merged is not None,
        "mergeable_state": state,
        "merge_commit_sha": merged,
    }


@routes.get(r"/repos/{owner}/{repo}/pulls/{number:\d+}/files")
async def _files(request: web.Request) -> web.Response:
    """Give the files of a pull request, 3,000 of them at most (G22).

    Source: "List pull requests files", /rest/pulls/pulls#list-pull-requests-files.
    """
    asked = Exchange(request)
    repository = asked.repository("pull_requests")
    pull = asked.pull(repository)
    diff = await pull_diff(pull)
    chosen, headers = asked.slice(diff, most=asked.forge.rules.pull_files)
    told = pulls.files(repository, pull.head_sha, diff, chosen=chosen)
    return web.json_response(told, headers=headers)


@routes.get(r"/repos/{owner}/{repo}/pulls/{number:\d+}/commits")
async def _commits(request: web.Request) -> web.Response:
    """List the commits of a pull request, oldest first, 250 at most (G22).

    Source: "List commits on a pull request", /rest/pulls/pulls#list-commits-on-a-pull-request.
    """
    asked = Exchange(request)
    repository = asked.repository("pull_requests")
    pull = asked.pull(repository)
    shas = await repository.git.between(pull.base_sha, pull.head_sha)
    chosen, headers = asked.slice(shas, most=asked.forge.rules.pull_commits)
    told = [history.commit(repository, await repository.git.commit(sha)) for sha in chosen]
    return web.json_response(told, headers=headers)
