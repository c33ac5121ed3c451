"""Documents of issues, comments, labels and reactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.documents.people import association, node_id, user
from codeflow_engine.testing.forge.state import Comment, Issue, Label, PullRequest, Reaction

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.repository import Repository
    from codeflow_engine.testing.forge.server import FakeForge

__all__ = ["CONTENTS", "comment", "issue", "label", "reaction", "rollup"]

CONTENTS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
"""The reactions that there are."""


def label(repository: Repository, one: Label) -> dict[str, Any]:
    """Give a label."""
    at = f"{repository.forge.url}/repos/{repository.full_name}/labels/{quote(one.name, safe='')}"
    return {
        "id": one.id,
        "node_id": node_id("LA", one.id),
        "url": at,
        "name": one.name,
        "color": one.color,
        "default": False,
        "description": one.description,
        "archived_at": None,
        "archived_by": None,
    }


def rollup(reactions: Sequence[Reaction], at: str) -> dict[str, Any]:
    """Count reactions."""
    counts = Counter(one.content for one in reactions)
    return {
        "url": f"{at}/reactions",
        "total_count": len(reactions),
        **{content: counts[content] for content in CONTENTS},
    }


def reaction(forge: FakeForge, one: Reaction) -> dict[str, Any]:
    """Give a reaction."""
    return {
        "id": one.id,
        "node_id": node_id("REA", one.id),
        "user": user(forge, one.user),
        "content": one.content,
        "created_at": stamp(one.created_at),
    }


def comment(about: Issue, one: Comment) -> dict[str, Any]:
    """Give a comment of a conversation."""
    repository = about.repository
    forge = repository.forge
    issues = f"{forge.url}/repos/{repository.full_name}/issues"
    kind = "pull" if isinstance(about, PullRequest) else "issues"
    page = f"{forge.web_url}/{repository.full_name}/{kind}/{about.number}#issuecomment-{one.id}"
    return {
        "url": f"{issues}/comments/{one.id}",
        "html_url": page,
        "issue_url": f"{issues}/{about.number}",
        "id": one.id,
        "node_id": node_id("IC", one.id),
        "user": user(forge, one.user),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "body": one.body,
        "author_association": association(repository, one.user),
        "reactions": rollup(one.reactions, f"{issues}/comments/{one.id}"),
        "performed_via_github_app": None,
    }


def issue(one: Issue) -> dict[str, Any]:
    """Give an issue, or a pull request as the issue that it is."""
    repository = one.repository
    forge = repository.forge
    home = f"{forge.url}/repos/{repository.full_name}"
    at = f"{home}/issues/{one.number}"
    is_pull = isinstance(one, PullRequest)
    page = f"{forge.web_url}/{repository.full_name}/{'pull' if is_pull else 'issues'}/{one.number}"
    told: dict[str, Any] = {
        "url": at,
        "repository_url": home,
        "labels_url": f"{at}/labels{{/name}}",
        "comments_url": f"{at}/comments",
        "events_url": f"{at}/events",
        "html_url": page,
        "id": one.id,
        "node_id": node_id("PR" if is_pull else "I", one.id),
        "number": one.number,
        "title": one.title,
        "user": user(forge, one.user),
        "labels": [label(repository, each) for each in one.labels],
        "state": one.state,
        "locked": one.locked,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": len(one.comments),
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "closed_at": None if one.closed_at is None else stamp(one.closed_at),
        "author_association": association(repository, one.user),
        "active_lock_reason": None,
        "body": one.body,
        "closed_by": None,
        "reactions": rollup((), at),
        "timeline_url": f"{at}/timeline",
        "performed_via_github_app": None,
        "state_reason": one.state_reason,
    }
    if isinstance(one, PullRequest):
        told["draft"] = one.draft
        told["pull_request"] = {
            "url": f"{home}/pulls/{one.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": None if one.merged_at is None else stamp(one.merged_at),
        }
    return told
