"""Planning: what is to be written about a review, as effects that nobody has delivered yet.

| effect | where | its key hangs on |
|---|---|---|
| `REVIEW` | where a finding is told beside the code | what it tells, and the ends of its threads |
| `SUMMARY` | the report, in a comment | what it tells |
| `CHECK` | whether the change may pass | name, conclusion, and what it tells |
| `LABEL` | labels of the change | the labels |
| `ISSUE` | one finding | its fingerprint, and no head |
| `SARIF` | the host's list of alerts | what it tells |
| `RESOLUTION` | threads of ours that are done | the threads |

They are delivered in this order: what matters most stands there first. All bodies are Markdown
in which no text of others does anything. The keys hang on what was found, and on nothing that
differs between two runs that found the same, such as words, times and cost: a second review of
a head plans the same effects, but for what stands there by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from codeflow_engine.domain.change import INDEX, WORKTREE
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.effect import Effect, EffectKind, Plan, effect_key
from codeflow_engine.domain.finding import Finding, FindingState
from codeflow_engine.domain.publishing import PublishPolicy
from codeflow_engine.domain.review import Review
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.publish.bodies import fitting
from codeflow_engine.publish.checks import conclude, marks
from codeflow_engine.publish.comments import comment
from codeflow_engine.publish.issues import issue, worth_an_issue
from codeflow_engine.publish.labels import labels
from codeflow_engine.publish.places import has_place, is_live
from codeflow_engine.publish.threads import done, told_in
from codeflow_engine.reports import markdown, sarif
from codeflow_engine.reports.summary import headline

__all__ = ["head_of", "plan"]

_POLICY: Final = PublishPolicy()
_ANY_HEAD: Final = ""

type _Content = tuple[EffectKind, object, dict[str, Any]]
"""Kind, what the key hangs on, and payload."""


def plan(
    review: Review,
    *,
    provider: str,
    target: str,
    policy: PublishPolicy = _POLICY,
    threads: Sequence[Thread] = (),
) -> Plan:
    """Plan what is to be written about a review.

    Every finding that counts is told in full exactly once: in a new comment beside the code,
    in a thread of ours that stands open there, or in the report.

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
    head = head_of(review)
    planned = _Planned(review, target, head, policy, tuple(threads))
    effects = tuple(
        Effect(
            # A finding becomes one issue, and not another one with every push.
            key=effect_key(target, kind, _ANY_HEAD if kind is EffectKind.ISSUE else head, content),
            kind=kind,
            target=target,
            head=head,
            payload=payload,
        )
        for kind, content, payload in planned.contents()
    )
    return Plan(provider=provider, target=target, head=head, run_id=review.run_id, effects=effects)


def head_of(review: Review) -> str:
    """Give the revision that a review is published for.

    Raises:
        ConfigurationError: As for `plan`.
    """
    head = review.change.head
    if head is None or head in {WORKTREE, INDEX}:
        raise ConfigurationError(
            f"a review of {head or 'a bare patch'} stands on no host that it could be "
            "published to; review a commit"
        )
    return head


@dataclass(frozen=True, slots=True)
class _Planned:
    """What is told of one review, and where."""

    review: Review
    target: str
    head: str
    policy: PublishPolicy
    threads: tuple[Thread, ...]

    def contents(self) -> Iterator[_Content]:
        """Yield the effects in their order."""
        policy, review = self.policy, self.review
        plain = review.to_json()
        title = headline(plain)
        told = told_in(self.threads)
        again = told.standing | told.settled
        fresh = [one for one in review.findings if policy.inline and has_place(one)]
        fresh = [one for one in fresh if one.fingerprint not in again]
        fresh = sorted(fresh, key=lambda one: one.severity.rank)[: policy.most_comments]
        beside = self._beside(fresh, told.standing)
        body = fitting(lambda limit: markdown.render(plain, limit=limit, beside=beside))
        content = [*_told(review), sorted(beside)]
        if fresh:
            live = sum(map(is_live, review.findings))
            new = "" if len(fresh) == live else f"\nNew beside the code: {len(fresh)}.\n"
            payload = {"body": f"{title}\n{new}", "comments": [comment(one) for one in fresh]}
            names = sorted(one.fingerprint for one in fresh)
            ended = sorted(thread for name, thread in told.ended if name in names)
            yield EffectKind.REVIEW, [names, ended] if ended else names, payload
        if policy.summary:
            yield EffectKind.SUMMARY, content, {"body": body}
        if policy.check:
            yield self._check(content, title, body)
        yield from self._rest(plain)

    def _beside(self, fresh: Sequence[Finding], standing: frozenset[str]) -> frozenset[str]:
        """Give the findings that need no more than a line in the report."""
        told = standing | {one.fingerprint for one in fresh}
        live = [one for one in self.review.findings if is_live(one)]
        # Where two share a fingerprint, the comment of one does not tell of the other.
        there = {id(one) for one in fresh}
        untold = {
            one.fingerprint
            for one in live
            if one.fingerprint not in standing and id(one) not in there
        }
        return frozenset({one.fingerprint for one in live} & told - untold)

    def _check(self, content: list[object], title: str, body: str) -> _Content:
        policy = self.policy
        conclusion = conclude(self.review, fail_at=policy.fail_at).value
        marked = marks(self.review) if policy.annotations else []
        payload: dict[str, Any] = {
            "name": policy.check_name,
            "conclusion": conclusion,
            "title": title,
            "summary": body,
            "annotations": marked,
        }
        key = [policy.check_name, policy.annotations, conclusion, content]
        return EffectKind.CHECK, key, payload

    def _rest(self, plain: dict[str, Any]) -> Iterator[_Content]:
        """Yield what nobody waits for."""
        policy, review = self.policy, self.review
        if policy.labels:
            conclusion = conclude(review, fail_at=policy.fail_at)
            named_labels = labels(policy.labels, review, conclusion)
            yield EffectKind.LABEL, named_labels, named_labels
        if policy.issues_at is not None:
            for one in worth_an_issue(review, policy.issues_at):
                payload = issue(one, target=self.target, head=self.head)
                yield EffectKind.ISSUE, one.fingerprint, payload
        if policy.sarif:
            yield EffectKind.SARIF, _told(review), {"sarif": sarif.render(plain)}
        # Last, since an account that may write all of the above may still not be let do this.
        ended = done(review, self.threads) if policy.resolve else []
        if ended:
            named = [{"id": one.id, "fingerprint": one.fingerprint} for one in ended]
            yield EffectKind.RESOLUTION, sorted(one.id for one in ended), {"threads": named}


def _told(review: Review) -> list[object]:
    """Give what a report tells, without what differs between runs that found the same.

    That it is known from before, and that another one is gone, is told by the first of two
    reviews of a head in other words than by the second.
    """
    coverage = review.coverage.to_json()
    del coverage["entries"]
    findings = [
        [one.fingerprint, is_live(one), one.severity.value]
        for one in review.findings
        if one.state is not FindingState.RESOLVED
    ]
    return [review.outcome.value, review.reason, coverage, sorted(findings)]
