"""Loading a review that somebody else has made, before it is published.

The half of a workflow that may write gets its review from the half that may not, and whoever
opened the change decides what that one says (security S15). So it is read as an attacker's file:
its size is bounded before anything looks at it, its form is exactly the published one, it
contradicts neither itself nor what the caller knows, and it names nothing that no review names.
Where it is published is not asked of it at all. What its texts say is not checked: whoever
renders them makes them inert.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from codeflow_engine.domain.finding import FindingState
from codeflow_engine.domain.review import Review
from codeflow_engine.errors import SerializationError
from codeflow_engine.reports.form import conform

__all__ = ["MAX_FINDINGS", "MAX_REVIEW_BYTES", "load_review"]

MAX_REVIEW_BYTES: Final = 8 * 1024 * 1024
"""A ledger of 40,000 units takes about so much."""

MAX_FINDINGS: Final = 5_000
"""As many as GitHub's code scanning shows of one report."""

_LONGEST: Final = 65_536
"""Characters of a text; no host takes a comment that is longer."""

_MANY: Final = 100
"""Sources and lines of evidence of one finding; an engine shows a dozen lines."""

_REASONS: Final = 1_000
"""Reasons for which findings were dropped."""

_ID: Final = re.compile(r"[0-9a-f]{32}")
_REVISION: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LIVE: Final = frozenset({FindingState.NEW, FindingState.OPEN})
_SHOWN: Final = 12


def load_review(content: bytes, *, head: str, trusted: bool = False) -> Review:
    """Load a review in its JSON form, made by somebody who may not be trusted.

    Its outcome is derived from its ledger.

    Args:
        content: The file.
        head: Full id of the revision that it has to be of, from a source that is trusted.
        trusted: Whether its suggestions are kept. One click on the host commits such an edit,
            and it would stand there in the name of whoever publishes it.

    Raises:
        SerializationError: It is too large, has another form, says of itself something else
            than its ledger, is of another revision, or names what no review names. The message
            quotes nothing of it.
    """
    if _REVISION.fullmatch(head) is None:
        raise SerializationError("the head is not the full id of a commit")
    if len(content) > MAX_REVIEW_BYTES:
        raise SerializationError(f"it is over {MAX_REVIEW_BYTES:,} bytes")
    plain = _parse(content)
    findings = plain.get("findings") if isinstance(plain, dict) else None
    if isinstance(findings, list) and len(findings) > MAX_FINDINGS:
        raise SerializationError(f"it has {len(findings):,} findings, and not {MAX_FINDINGS:,}")
    conformed = conform(plain)
    if not _is_moderate(conformed):
        raise SerializationError("a text or a list in it is longer than any engine writes")
    review = Review.from_json(conformed)
    if review.change.head != head:
        raise SerializationError(f"it is not a review of {head[:_SHOWN]}")
    for problem in _problems(review):
        raise SerializationError(problem)
    if trusted:
        return review
    bare = tuple(replace(finding, suggestion=None) for finding in review.findings)
    return replace(review, findings=bare)


def _parse(content: bytes) -> Any:
    """Read JSON that has one meaning only, and holds text that can be written."""
    try:
        plain = json.loads(
            content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse
        )
        # A lone surrogate can be written as an escape, and is no text (RFC 8259, 8.2).
        json.dumps(plain, ensure_ascii=False).encode("utf-8")
    except SerializationError:
        raise
    except (ValueError, RecursionError):
        raise SerializationError("it is no JSON in UTF-8") from None
    return plain


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: readers differ in which one counts."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise SerializationError("a key stands twice in one object")
    return made


def _refuse(constant: str) -> None:
    raise SerializationError(f"{constant} is no JSON")


def _is_moderate(plain: dict[str, Any]) -> bool:
    """Say whether no part of it is of a size that only wears out whoever renders it."""
    lists = [finding["sources"] for finding in plain["findings"]]
    lists += [shown["lines"] for one in plain["findings"] if (shown := one["evidence"])]
    return (
        len(plain["dropped"]) <= _REASONS
        and all(len(one) <= _MANY for one in lists)
        and all(len(text) <= _LONGEST for text in _texts(plain))
    )


def _texts(plain: Any) -> Iterator[str]:
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, dict | list):
        for one in plain.values() if isinstance(plain, dict) else plain:
            yield from _texts(one)


def _problems(review: Review) -> Iterator[str]:
    """Say what is in it that no engine writes."""
    if _ID.fullmatch(review.run_id) is None:
        yield "its run has no id of an engine"
    fingerprints = [finding.fingerprint for finding in review.findings]
    if not all(map(_ID.fullmatch, fingerprints)):
        yield "a finding has no fingerprint of an engine"
    if len(set(fingerprints)) < len(fingerprints):
        yield "two findings have the same fingerprint"
    files = {entry.path for entry in review.coverage.entries}
    named = {finding.path for finding in review.findings}
    if not all(map(_is_path, files | named)):
        yield "it names a path that is none of a repository"
    live = {finding.path for finding in review.findings if finding.state in _LIVE}
    if not live <= files:
        yield "a finding is of a file that its ledger does not know"


def _is_path(path: str) -> bool:
    return "\0" not in path and not {"", ".", ".."} & set(path.split("/"))
