"""Documents of commits and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from codeflow_engine.testing.forge.diffs import FileDiff
from codeflow_engine.testing.forge.documents import people
from codeflow_engine.testing.forge.documents.pulls import files
from codeflow_engine.testing.forge.objects import Commit, Person

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.repository import Repository

__all__ = ["commit", "git_commit", "with_files"]


def _verification() -> dict[str, Any]:
    unsigned = dict.fromkeys(("signature", "payload", "verified_at"))
    return {"verified": False, "reason": "unsigned", **unsigned}


def _account(repository: Repository, person: Person) -> dict[str, Any] | None:
    """Find the account of an author by the e-mail address that accounts have here."""
    name = person.email.partition("@")[0].partition("+")[2]
    account = repository.forge.find_user(name) if name else None
    return None if account is None else people.user(repository.forge, account)


def commit(repository: Repository, one: Commit) -> dict[str, Any]:
    """Give a commit."""
    home = f"{repository.forge.url}/repos/{repository.full_name}"
    page = f"{repository.forge.web_url}/{repository.full_name}/commit"
    return {
        "sha": one.sha,
        "node_id": people.node_id("C", repository.id) + one.sha,
        "commit": {
            "author": asdict(one.author),
            "committer": asdict(one.committer),
            "message": one.message,
            "tree": {"sha": one.tree, "url": f"{home}/git/trees/{one.tree}"},
            "url": f"{home}/git/commits/{one.sha}",
            "comment_count": 0,
            "verification": _verification(),
        },
        "url": f"{home}/commits/{one.sha}",
        "html_url": f"{page}/{one.sha}",
        "comments_url": f"{home}/commits/{one.sha}/comments",
        "author": _account(repository, one.author),
        "committer": _account(repository, one.committer),
        "parents": [
            {"sha": sha, "url": f"{home}/commits/{sha}", "html_url": f"{page}/{sha}"}
            for sha in one.parents
        ],
    }


def with_files(
    repository: Repository, one: Commit, diff: Sequence[FileDiff], listed: Sequence[FileDiff]
) -> dict[str, Any]:
    """Give a commit with what it changes; `listed` are the files of this page."""
    added, deleted = sum(f.additions for f in diff), sum(f.deletions for f in diff)
    return {
        **commit(repository, one),
        "stats": {"total": added + deleted, "additions": added, "deletions": deleted},
        "files": files(repository, one.sha, diff, chosen=listed),
    }


def git_commit(repository: Repository, one: Commit) -> dict[str, Any]:
    """Give a commit as the object of git that it is."""
    home = f"{repository.forge.url}/repos/{repository.full_name}"
    page = f"{repository.forge.web_url}/{repository.full_name}/commit"
    return {
        "sha": one.sha,
        "node_id": people.node_id("C", repository.id) + one.sha,
        "url": f"{home}/git/commits/{one.sha}",
        "html_url": f"{page}/{one.sha}",
        "author": asdict(one.author),
        "committer": asdict(one.committer),
        "tree": {"sha": one.tree, "url": f"{home}/git/trees/{one.tree}"},
        "message": one.message,
        "parents": [
            {"sha": sha, "url": f"{home}/git/commits/{sha}", "html_url": f"{page}/{sha}"}
            for sha in one.parents
        ],
        "verification": _verification(),
    }
