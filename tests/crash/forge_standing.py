"""What stands on a pull request, told so that two worlds can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from codeflow_engine.domain.marker import find_markers
from codeflow_engine.testing.forge import PullRequest, Repository

__all__ = ["standing"]

_OWN = re.compile(r"run=[A-Za-z0-9_.:-]+|; \d+\.\d\d s\b")
"""The run that wrote it, and how long it took."""

type _Item = tuple[str, str, str]
"""Kind, id by which a receipt names it, and what it says."""


def standing(repository: Repository, pull: PullRequest, bot: str) -> dict[str, Any]:
    """Tell everything of ours, each as one text, and the ids by which receipts name it.

    What differs between two runs that write the same is left out: ids, moments, and the run.
    """
    told = list(_items(repository, pull, bot))
    return {
        "items": sorted(f"{kind} {_OWN.sub('_', text)}" for kind, _, text in told),
        "ids": sorted(identity for _, identity, _ in told if identity),
        "pending": len(pull.pending),
        "head": pull.head_sha,
    }


def _items(repository: Repository, pull: PullRequest, bot: str) -> Iterator[_Item]:
    yield from _spoken(pull, bot)
    yield from _checked(repository)
    for label in pull.label_names:
        yield "label", "", label
    for issue in repository.issues:
        words = f"{issue.title} {issue.label_names} {issue.state} {issue.body}"
        yield "issue", f"issue:{issue.number}", words
    # An upload of the same tool for the same commit takes the place of the one before.
    for upload in [*repository.scans.uploads.values()][-1:]:
        results = len(upload.document["runs"][0]["results"])
        yield "sarif", f"sarif:{upload.id}", f"{upload.commit_sha} {upload.ref} {results}"


def _spoken(pull: PullRequest, bot: str) -> Iterator[_Item]:
    for review in pull.reviews:
        if review.user.login == bot:
            state = f"{review.state} of {review.commit_id} {review.body}"
            yield "review", f"review:{review.id}", state
    for comment in pull.review_comments:
        if comment.user.login == bot:
            place = f"{comment.path} {comment.side} {comment.start_line} {comment.line}"
            yield "inline", "", f"{place} at {comment.commit_id} {comment.body}"
    for talk in pull.comments:
        if talk.user.login == bot:
            yield "summary", f"comment:{talk.id}", talk.body
    for thread in pull.threads:
        first = thread.comments[0]
        if thread.is_resolved and first.user.login == bot:
            yield "resolved", "", f"{[one.finding for one in find_markers(first.body)]}"


def _checked(repository: Repository) -> Iterator[_Item]:
    for run in repository.checks.runs:
        yield "check", f"check:{run.id}", f"{run.name} {run.conclusion} {run.head_sha} {run.title}"
        yield "output", "", f"{run.status} {run.external_id} {run.summary} {run.text}"
        for one in run.annotations:
            yield "annotation", "", f"{run.name} {sorted(one.items(), key=str)}"
