"""Documents of apps, check runs, statuses and analyses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from codeflow_engine.testing.forge.apps import App
from codeflow_engine.testing.forge.checks import (
    CheckRun,
    CommitStatus,
    combined_state,
    moment_or_none,
    overall,
)
from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.documents import people
from codeflow_engine.testing.forge.documents.people import node_id
from codeflow_engine.testing.forge.sarif import Analysis

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.repository import Repository
    from codeflow_engine.testing.forge.server import FakeForge

__all__ = ["analysis", "annotation", "app", "combined", "run", "status", "suite"]


def app(forge: FakeForge, one: App) -> dict[str, Any]:
    """Give an app."""
    return {
        "id": one.id,
        "slug": one.slug,
        "node_id": node_id("A", one.id),
        "client_id": one.client_id,
        "owner": people.user(forge, forge.add_user(one.owner, kind="Organization")),
        "name": one.name,
        "description": None,
        "external_url": f"{forge.web_url}/apps/{one.slug}",
        "html_url": f"{forge.web_url}/apps/{one.slug}",
        "created_at": stamp(0),
        "updated_at": stamp(0),
        "permissions": dict(one.permissions),
        "events": list(one.events),
    }


def run(repository: Repository, one: CheckRun) -> dict[str, Any]:
    """Give a check run."""
    forge = repository.forge
    at = f"{forge.url}/repos/{repository.full_name}"
    page = f"{forge.web_url}/{repository.full_name}/runs/{one.id}"
    # Pull requests from forks are not listed (G21).
    pulls = [
        each
        for each in repository.pulls
        if each.head_sha == one.head_sha
        and each.state == "open"
        and each.head_repository is repository
    ]
    return {
        "id": one.id,
        "name": one.name,
        "node_id": node_id("CR", one.id),
        "head_sha": one.head_sha,
        "external_id": one.external_id,
        "url": f"{at}/check-runs/{one.id}",
        "html_url": page,
        "details_url": one.details_url or page,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": moment_or_none(one.started_at),
        "completed_at": moment_or_none(one.completed_at),
        "output": {
            "title": one.title,
            "summary": one.summary,
            "text": one.text,
            "annotations_count": len(one.annotations),
            "annotations_url": f"{at}/check-runs/{one.id}/annotations",
        },
        "check_suite": {"id": _suite_id(one)},
        "app": app(forge, forge.tokens.apps.app(one.app_id)),
        "pull_requests": [_pull(repository, each) for each in pulls],
    }


def _pull(repository: Repository, one: Any) -> dict[str, Any]:
    at = f"{repository.forge.url}/repos/{repository.full_name}"
    home = {"id": repository.id, "url": at, "name": repository.name}
    return {
        "id": one.id,
        "number": one.number,
        "url": f"{at}/pulls/{one.number}",
        "head": {"ref": one.head_ref, "sha": one.head_sha, "repo": home},
        "base": {"ref": one.base_ref, "sha": one.base_sha, "repo": home},
    }


def annotation(repository: Repository, one: CheckRun, told: dict[str, Any]) -> dict[str, Any]:
    """Give an annotation of a check run."""
    names = ("path", "start_line", "end_line", "start_column", "end_column", "annotation_level")
    page = f"{repository.forge.web_url}/{repository.full_name}/blob/{one.head_sha}"
    return {
        **{name: told.get(name) for name in (*names, "title", "message", "raw_details")},
        "blob_href": f"{page}/{told['path']}",
    }


def _suite_id(one: CheckRun) -> int:
    # An app has one suite of checks for a commit.
    return int(one.head_sha[:7], 16) * 1_000 + one.app_id % 1_000


def suite(repository: Repository, runs: Sequence[CheckRun], commit: Any) -> dict[str, Any]:
    """Give the suite of an app's check runs of a commit."""
    forge, first = repository.forge, runs[0]
    at = f"{forge.url}/repos/{repository.full_name}"
    number = _suite_id(first)
    done = all(one.status == "completed" for one in runs)
    made = stamp(min(one.started_at or 0 for one in runs))
    return {
        "id": number,
        "node_id": node_id("CS", number),
        "head_branch": None,
        "head_sha": first.head_sha,
        "status": "completed" if done else "in_progress",
        "conclusion": overall(runs),
        "url": f"{at}/check-suites/{number}",
        "before": None,
        "after": first.head_sha,
        "pull_requests": run(repository, first)["pull_requests"],
        "app": app(forge, forge.tokens.apps.app(first.app_id)),
        "repository": people.repository(repository, "read"),
        "created_at": made,
        "updated_at": made,
        "head_commit": commit,
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{at}/check-suites/{number}/check-runs",
    }


def status(repository: Repository, one: CommitStatus, *, simple: bool = False) -> dict[str, Any]:
    """Give a status of a commit."""
    forge = repository.forge
    creator = forge.add_user(one.creator)
    told = {
        "url": f"{forge.url}/repos/{repository.full_name}/statuses/{one.sha}",
        "avatar_url": f"{forge.web_url}/avatars/u/{creator.id}?v=4",
        "id": one.id,
        "node_id": node_id("SC", one.id),
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.created_at),
    }
    return told if simple else {**told, "creator": people.user(forge, creator)}


def combined(repository: Repository, sha: str, latest: Sequence[CommitStatus]) -> dict[str, Any]:
    """Give the state of a commit, with the latest status of each context."""
    at = f"{repository.forge.url}/repos/{repository.full_name}"
    return {
        "state": combined_state(latest),
        "statuses": [status(repository, one, simple=True) for one in latest],
        "sha": sha,
        "total_count": len(latest),
        "repository": people.repository(repository, "read"),
        "commit_url": f"{at}/commits/{sha}",
        "url": f"{at}/commits/{sha}/status",
    }


def analysis(repository: Repository, one: Analysis) -> dict[str, Any]:
    """Give an analysis of code scanning."""
    at = f"{repository.forge.url}/repos/{repository.full_name}/code-scanning"
    return {
        "ref": one.ref,
        "commit_sha": one.commit_sha,
        "analysis_key": "(default)",
        "environment": "",
        "category": one.category,
        "error": "",
        "created_at": stamp(one.created_at),
        "results_count": one.results,
        "rules_count": one.rules,
        "id": one.id,
        "url": f"{at}/analyses/{one.id}",
        "sarif_id": one.sarif_id,
        "tool": {"name": one.tool, "guid": None, "version": one.version},
        "deletable": True,
        "warning": one.warning,
    }
