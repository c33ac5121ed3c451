"""Documents of reviews and of comments on code."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.documents import people, talk
from codeflow_engine.testing.forge.state import PullRequest, Review, ReviewComment, ReviewState

__all__ = ["comment", "review"]


def review(pull: PullRequest, one: Review) -> dict[str, Any]:
    """Give a review."""
    repository = pull.repository
    forge = repository.forge
    at = f"{forge.url}/repos/{repository.full_name}/pulls/{pull.number}"
    page = f"{forge.web_url}/{repository.full_name}/pull/{pull.number}"
    told: dict[str, Any] = {
        "id": one.id,
        "node_id": people.node_id("PRR", one.id),
        "user": people.user(forge, one.user),
        "body": one.body,
        "state": one.state.value,
        "html_url": f"{page}#pullrequestreview-{one.id}",
        "pull_request_url": at,
        "author_association": people.association(repository, one.user),
        "_links": {
            "html": {"href": f"{page}#pullrequestreview-{one.id}"},
            "pull_request": {"href": at},
        },
        "commit_id": one.commit_id,
    }
    if one.state is not ReviewState.PENDING and one.submitted_at is not None:
        told["submitted_at"] = stamp(one.submitted_at)
    return told


def comment(pull: PullRequest, one: ReviewComment) -> dict[str, Any]:
    """Give a comment on code; outdated, its `line` and `position` are null (G18)."""
    repository = pull.repository
    forge = repository.forge
    home = f"{forge.url}/repos/{repository.full_name}/pulls"
    at = f"{home}/comments/{one.id}"
    page = f"{forge.web_url}/{repository.full_name}/pull/{pull.number}#discussion_r{one.id}"
    whole_file = one.subject == "file"
    told: dict[str, Any] = {
        "url": at,
        "pull_request_review_id": one.review_id,
        "id": one.id,
        "node_id": people.node_id("PRRC", one.id),
        "diff_hunk": one.diff_hunk,
        "path": one.path,
        "commit_id": one.commit_id,
        "original_commit_id": one.original_commit_id,
        "user": people.user(forge, one.user),
        "body": one.body,
        "created_at": stamp(one.created_at),
        "updated_at": stamp(one.updated_at),
        "html_url": page,
        "pull_request_url": f"{home}/{pull.number}",
        "author_association": people.association(repository, one.user),
        "_links": {
            "self": {"href": at},
            "html": {"href": page},
            "pull_request": {"href": f"{home}/{pull.number}"},
        },
        "reactions": talk.rollup(one.reactions, at),
        "start_line": one.start_line,
        "original_start_line": one.original_start_line,
        "start_side": one.start_side,
        "line": one.line,
        "original_line": one.original_line,
        "side": one.side,
        "position": 1 if whole_file else one.position,
        "original_position": 1 if whole_file else one.original_position,
        "subject_type": one.subject,
    }
    if one.in_reply_to is not None:
        told["in_reply_to_id"] = one.in_reply_to
    return told
