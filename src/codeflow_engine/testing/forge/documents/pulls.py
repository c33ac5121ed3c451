"""Documents of pull requests and of their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.diffs import FileDiff
from codeflow_engine.testing.forge.documents import people, talk
from codeflow_engine.testing.forge.rules import ForgeRules
from codeflow_engine.testing.forge.state import PullRequest

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.repository import Repository

__all__ = ["files", "pull"]

_SUBMODULE = "160000"


def pull(one: PullRequest, role: str) -> dict[str, Any]:
    """Give a pull request in short, as lists have it."""
    repository = one.repository
    forge = repository.forge
    home = f"{forge.url}/repos/{repository.full_name}"
    at, issue = f"{home}/pulls/{one.number}", f"{home}/issues/{one.number}"
    page = f"{forge.web_url}/{repository.full_name}/pull/{one.number}"
    links = {
        "self": at,
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{at}/comments",
        "review_comment": f"{home}/pulls/comments{{/number}}",
        "commits": f"{at}/commits",
        "statuses": f"{home}/statuses/{one.head_sha}",
    }
    told = talk.issue(one)
    for name in ("repository_url", "labels_url", "events_url", "timeline_url", "pull_request"):
        del told[name]
    for name in ("closed_by", "reactions", "performed_via_github_app", "state_reason", "comments"):
        del told[name]
    return {
        **told,
        "url": at,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        **{f"{name}_url": links[name] for name in ("commits", "comments", "statuses")},
        **{f"{name}_url": links[name] for name in ("review_comments", "review_comment")},
        "requested_reviewers": [],
        "requested_teams": [],
        "merged_at": None if one.merged_at is None else stamp(one.merged_at),
        "merge_commit_sha": None if one.merge is None else one.merge[2],
        "head": _end(one.head_repository, one.head_ref, one.head_sha, role),
        "base": _end(repository, one.base_ref, one.base_sha, role),
        "_links": {name: {"href": url} for name, url in links.items()},
        "auto_merge": None,
    }


def _end(repository: Repository | None, ref: str, sha: str, role: str) -> dict[str, Any]:
    if repository is None:  # a fork that was deleted
        return {"label": f"unknown:{ref}", "ref": ref, "sha": sha, "user": None, "repo": None}
    return {
        "label": f"{repository.owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": people.user(repository.forge, repository.owner),
        "repo": people.repository(repository, role),
    }


def files(
    repository: Repository,
    head: str,
    diff: Sequence[FileDiff],
    *,
    chosen: Sequence[FileDiff] | None = None,
) -> list[dict[str, Any]]:
    """Give the files of a diff, or those that were chosen of it.

    The hunks of a file are left out where it is binary, where they are too big, and where
    those before it have used up what a diff may have (G23).

    Source: "Repository limits", section "Diff limits",
    /repositories/creating-and-managing-repositories/repository-limits.
    """
    shown = _shown(repository.forge.rules, diff)
    told = []
    for one in diff if chosen is None else chosen:
        document = _file(repository, head, one)
        if one in shown and one.patch is not None:
            document["patch"] = one.patch.decode("utf-8", "replace")
        told.append(document)
    return told


def _shown(rules: ForgeRules, diff: Sequence[FileDiff]) -> frozenset[FileDiff]:
    """Choose the files whose hunks fit."""
    lines = size = 0
    fitting = []
    for one in diff:
        patch = one.patch
        if patch is None:
            continue
        count = patch.count(b"\n") + 1
        alone = count <= rules.file_lines and len(patch) <= rules.file_bytes
        if alone and lines + count <= rules.diff_lines and size + len(patch) <= rules.diff_bytes:
            lines, size = lines + count, size + len(patch)
            fitting.append(one)
    return frozenset(fitting)


def _file(repository: Repository, head: str, one: FileDiff) -> dict[str, Any]:
    page = f"{repository.forge.web_url}/{repository.full_name}"
    at = quote(one.path, safe="")
    told: dict[str, Any] = {
        "sha": one.sha,
        "filename": one.name,
        "status": one.status,
        "additions": one.additions,
        "deletions": one.deletions,
        "changes": one.additions + one.deletions,
        "blob_url": f"{page}/blob/{head}/{at}",
        "raw_url": f"{page}/raw/{head}/{at}",
        "contents_url": f"{repository.forge.url}/repos/{repository.full_name}"
        f"/contents/{at}?ref={head}",
    }
    if one.letter in "RC":
        told["previous_filename"] = one.old_name
    return told
