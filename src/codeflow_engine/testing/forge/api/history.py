"""Routes of commits and comparisons."""

from __future__ import annotations

from urllib.parse import quote

from codeflow_engine.testing.forge.diff_media import raw_diff
from codeflow_engine.testing.forge.documents import history
from codeflow_engine.testing.forge.documents.pulls import files
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.objects import Commit
from codeflow_engine.testing.forge.refusal import Refusal, not_found
from codeflow_engine.testing.forge.repository import Repository

__all__ = ["find_commit", "routes"]

routes: web.RouteTableDef = web.RouteTableDef()
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


async def find_commit(repository: Repository, name: str) -> Commit:
    """Find the commit that a branch, a tag or an id stands for.

    Raises:
        Refusal: 422, for an id that is no commit; 404, for another name.
    """
    sha = await repository.git.resolve(name)
    if sha is None:
        if len(name) == 40 and set(name) <= set("0123456789abcdef"):  # noqa: PLR2004 - of SHA-1
            raise Refusal(422, f"No commit found for SHA: {name}")
        raise not_found()
    return await repository.git.commit(sha)


@routes.get("/repos/{owner}/{repo}/commits")
async def _listed(request: web.Request) -> web.Response:
    """List commits, newest first, of a branch or of a path.

    Source: "List commits", /rest/commits/commits#list-commits.
    """
    asked = Exchange(request)
    repository = asked.repository("contents")
    if not repository.git.refs():
        raise Refusal(409, "Git Repository is empty.")
    start = await find_commit(repository, asked.query("sha") or repository.default_branch)
    path = asked.query("path").encode("utf-8", "surrogateescape")
    shas = await repository.git.history(start.sha, path)
    chosen, headers = asked.slice(shas)
    told = [history.commit(repository, await repository.git.commit(sha)) for sha in chosen]
    return web.json_response(told, headers=headers)


@routes.get("/repos/{owner}/{repo}/commits/{ref:.+}")
async def _one(request: web.Request) -> web.Response:
    """Give a commit with what it changes, 300 files a page and 3,000 at most; or its id alone.

    Source: "Get a commit", /rest/commits/commits#get-a-commit.
    """
    asked = Exchange(request)
    repository = asked.repository("contents")
    found = await find_commit(repository, asked.tail().decode("utf-8", "replace"))
    if asked.media == "sha":
        return web.Response(text=found.sha, content_type="application/vnd.github.sha")
    start = found.parents[0] if found.parents else _EMPTY_TREE
    diff = await repository.git.diff(start, found.sha)
    if asked.media in {"diff", "patch"}:
        return await raw_diff(asked, repository, diff, start, found.sha)
    rules = asked.forge.rules
    chosen, headers = asked.slice(diff, size=rules.compare_files, most=rules.pull_files)
    return web.json_response(history.with_files(repository, found, diff, chosen), headers=headers)


@routes.get("/repos/{owner}/{repo}/compare/{basehead:.+}")
async def _compared(request: web.Request) -> web.Response:
    """Compare two commits from where they parted.

    There are 250 commits at most, and 300 files, on the first page only (G22).

    Source: "Compare two commits", /rest/commits/commits#compare-two-commits.
    """
    asked = Exchange(request)
    repository = asked.repository("contents")
    one, dots, other = asked.tail().decode("utf-8", "replace").partition("...")
    if not (one and dots and other):
        raise not_found()
    base = await _end(repository, one)
    head = await _end(repository, other)
    git = repository.git
    start = await git.merge_base(base.sha, head.sha)
    if start is None:
        raise Refusal(404, f"No common ancestor between {one} and {other}.")
    diff = await git.diff(start, head.sha)
    if asked.media in {"diff", "patch"}:
        return await raw_diff(asked, repository, diff, start, head.sha)
    ahead = await git.between(base.sha, head.sha)
    behind = await git.between(head.sha, base.sha)
    chosen, headers = asked.slice(ahead)
    rules = asked.forge.rules
    if not asked.query("page") and not asked.query("per_page"):
        chosen, headers = ahead[-rules.compare_commits :], {}
    place = f"{repository.full_name}/compare/{quote(one)}...{quote(other)}"
    page = f"{asked.forge.web_url}/{place}"
    told = {
        "url": f"{asked.forge.url}/repos/{place}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": history.commit(repository, base),
        "merge_base_commit": history.commit(repository, await git.commit(start)),
        "status": _status(len(ahead), len(behind)),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [history.commit(repository, await git.commit(sha)) for sha in chosen],
    }
    if asked.query("page", "1") == "1":
        told["files"] = files(repository, head.sha, diff, chosen=diff[: rules.compare_files])
    return web.json_response(told, headers=headers)


def _status(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else "behind" if behind else "identical"


async def _end(repository: Repository, name: str) -> Commit:
    """Find an end of a comparison; `owner:branch` is one of a fork."""
    owner, colon, branch = name.partition(":")
    if colon and owner.lower() != repository.owner.login.lower():
        for fork in repository.forks:
            if fork.owner.login.lower() == owner.lower():
                return await find_commit(fork, branch)
        raise not_found()
    return await find_commit(repository, branch if colon else name)
