"""Routes that read pull requests: themselves, their diff, files and commits."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.diffs import FileDiff
from codeflow_engine.testing.forge.documents import pulls
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.moving import pull_diff, start_of
from codeflow_engine.testing.forge.refusal import Refusal
from codeflow_engine.testing.forge.state import PullRequest

__all__ = ["routes"]

routes = web.RouteTableDef()


@routes.get("/repos/{owner}/{repo}/pulls/{number}")
async def one(request: web.Request) -> web.Response:
    """Give a pull request, its diff, or its commits as patches.

    Source: "Get a pull request", /rest/pulls/pulls#get-a-pull-request.
    """
    asked = Exchange(request)
    repository = asked.repository("pull_requests|contents")
    pull = asked.pull(repository)
    diff = await pull_diff(pull)
    if asked.media in {"diff", "patch"}:
        return await _raw(asked, pull, diff)
    told = pulls.pull(pull, asked.role(repository))
    told |= await _counted(pull, diff)
    told |= await _mergeable(asked, pull)
    return web.json_response(told)


async def _raw(asked: Exchange, pull: PullRequest, diff: tuple[FileDiff, ...]) -> web.Response:
    raw = b"".join(file.raw for file in diff)
    _refuse_big(asked, len(diff), raw)
    if asked.media == "patch":
        raw = await pull.repository.git.patch(await start_of(pull), pull.head_sha)
    return web.Response(
        body=raw, headers={"Content-Type": f"application/vnd.github.{asked.media}; charset=utf-8"}
    )


def _refuse_big(asked: Exchange, files: int, raw: bytes) -> None:
    """Refuse a diff of more than 300 files, 20,000 lines or a megabyte (G23).

    Source: "Repository limits", section "Diff limits",
    /repositories/creating-and-managing-repositories/repository-limits.
    """
    rules = asked.forge.rules
    if files > rules.diff_files:
        over = (
            f"files ({rules.diff_files}). Consider using 'List pull requests files' API or locally"
            " cloning the repository instead."
        )
    elif raw.count(b"\n") > rules.diff_lines:
        over = f"lines ({rules.diff_lines})"
    elif len(raw) > rules.diff_bytes:
        over = f"bytes ({rules.diff_bytes})"
    else:
        return
    raise Refusal(
        406,
        f"Sorry, the diff exceeded the maximum number of {over}",
        errors=[{"resource": "PullRequest", "field": "diff", "code": "too_large"}],
        documentation="/rest/pulls/pulls#list-pull-requests-files",
    )


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


@routes.get("/repos/{owner}/{repo}/pulls/{number}/files")
async def files(request: web.Request) -> web.Response:
    """Give the files of a pull request, 3,000 of them at most (G22).

    Source: "List pull requests files", /rest/pulls/pulls#list-pull-requests-files.
    """
    asked = Exchange(request)
    repository = asked.repository("pull_requests")
    pull = asked.pull(repository)
    listed = [*pulls.files(repository, pull.head_sha, await pull_diff(pull))]
    return asked.page(listed, dict, most=asked.forge.rules.pull_files)
