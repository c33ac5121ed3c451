"""Planning: what is to be written about a review, as effects that nobody has delivered yet.

| effect | payload |
|---|---|
| `REVIEW`, where a finding stands on a line | `body`, `comments` |
| `SUMMARY` | `body`: the whole report |
| `CHECK` | `name`, `conclusion`, `title`, `summary` |

A comment has `path`, `side`, `line`, `end_line` and `body`. All bodies are Markdown in which no
text of others does anything. The keys hang on what was found, and on nothing that differs
between two runs that found the same: a second review of a head plans the same effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from codeflow_engine.domain.change import INDEX, WORKTREE
from codeflow_engine.domain.coverage import Outcome
from codeflow_engine.domain.effect import Effect, EffectKind, Plan, effect_key
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.finding import Finding, FindingState, Severity
from codeflow_engine.domain.publishing import Conclusion, PublishPolicy
from codeflow_engine.domain.review import Review
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.reports import markdown
from codeflow_engine.reports.summary import headline

__all__ = ["Conclusion", "conclude", "plan"]

_LIVE: Final = frozenset({FindingState.NEW, FindingState.OPEN})
_NAME: Final = "codeflow"
_POLICY: Final = PublishPolicy()


def plan(
    review: Review,
    *,
    provider: str,
    target: str,
    policy: PublishPolicy = _POLICY,
    threads: Sequence[Thread] = (),
) -> Plan:
    """Plan what is to be written about a review.

    Args:
        review: Of a revision that the host knows.
        provider: Name of the VCS backend that will deliver it.
        target: The change, in the words of that backend.
        policy: What of it is published.
        threads: What stands on the host by now, in the order in which it began.

    Raises:
        ConfigurationError: The review is of something that stands on no host, such as a
            working tree or a bare patch.
    """
    head = review.change.head
    if head is None or head in {WORKTREE, INDEX}:
        raise ConfigurationError(
            f"a review of {head or 'a bare patch'} stands on no host that it could be "
            "published to; review a commit"
        )
    plain = review.to_json()
    told = _told(review)
    conclusion = conclude(review, fail_at=policy.fail_at)
    body = markdown.render(plain)
    title = headline(plain)
    summary = {"body": body}
    check = {"name": _NAME, "conclusion": conclusion.value, "title": title, "summary": body}
    given: list[tuple[EffectKind, object, dict[str, Any]]] = [
        (EffectKind.SUMMARY, told, summary),
        (EffectKind.CHECK, [conclusion.value, told], check),
    ]
    placed = [finding for finding in review.findings if _has_place(finding)]
    if placed:
        comments = [_comment(finding) for finding in placed]
        marks = sorted(finding.fingerprint for finding in placed)
        given.insert(0, (EffectKind.REVIEW, marks, {"body": f"{title}\n", "comments": comments}))
    effects = tuple(
        Effect(
            key=effect_key(target, kind, head, content),
            kind=kind,
            target=target,
            head=head,
            payload=payload,
        )
        for kind, content, payload in given
    )
    return Plan(provider=provider, target=target, head=head, run_id=review.run_id, effects=effects)


def conclude(review: Review, *, fail_at: Severity | None = Severity.HIGH) -> Conclusion:
    """Say what a check tells: a review that is not complete never lets a change pass.

    One that found anything is no success, nor is one in which nobody examined a unit, as
    where policy leaves out all of them.
    """
    worst = review.worst()
    bad = worst is not None and fail_at is not None and worst.at_least(fail_at)
    if bad or review.outcome is Outcome.FAILED:
        return Conclusion.FAILURE
    entries = review.coverage.entries
    examined = not entries or any(entry.by for entry in entries)
    if review.outcome is not Outcome.REVIEWED:
        return Conclusion.ACTION_REQUIRED
    return Conclusion.SUCCESS if examined and worst is None else Conclusion.NEUTRAL


def _told(review: Review) -> list[object]:
    """Give what a summary tells, without what differs between runs that found the same."""
    coverage = review.coverage.to_json()
    del coverage["entries"]
    findings = [[one.fingerprint, one.state.value, one.severity.value] for one in review.findings]
    return [review.outcome.value, review.reason, coverage, sorted(findings)]


def _has_place(finding: Finding) -> bool:
    """Say whether a comment can stand beside the code: on a line, of a file with such a name."""
    return finding.state in _LIVE and finding.line is not None and _is_text(finding.path)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:  # bytes that are no UTF-8, of which JSON has no form
        return False
    return True


def _comment(finding: Finding) -> dict[str, Any]:
    return {
        "path": finding.path,
        "side": finding.side.value,
        "line": finding.line,
        "end_line": finding.end_line or finding.line,
        "body": markdown.comment(finding.to_json()),
    }
