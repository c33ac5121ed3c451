"""Identify: know the findings of earlier versions again, and say which are dealt with.

| a finding that | gets the state |
|---|---|
| no version had before | `new` |
| an earlier version had, also one that was resolved in between | `open` |
| nobody reports any more, though everybody who had reported it has looked | `resolved` |
| nobody reports any more, and somebody who had reported it failed or was cut short | `open` |
| a person has dismissed, in whichever of the first two or the last of these cases | `dismissed` |

A resolved finding is listed once, in the review in which it disappears; a dismissed one
that disappears is not. What belongs to sources that were not asked, to files that policy
leaves out now, or to lines that only the wide scope looks at, stays as it was and is not
listed; neither is what a plugin takes away, which is known all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.dismissal import Dismissal
from codeflow_engine.domain.finding import Finding, FindingState
from codeflow_engine.domain.identity import KnownFinding, Traits
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.fingerprint import Fingerprints
from codeflow_engine.review.likely import Trace
from codeflow_engine.review.matching import match
from codeflow_engine.review.partition import Partition
from codeflow_engine.review.silence import Places, Silence, Witnesses

__all__ = ["Identified", "Memory", "Seen", "identify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the version under review was found to have, and who looked where."""

    findings: tuple[Finding, ...]
    """Fused; each with a fingerprint that is unique among them."""

    traits: Mapping[str, Traits]
    """By fingerprint, as `anchor` gives them."""

    partition: Partition
    reports: tuple[SourceReport, ...]
    loose: frozenset[str] = frozenset()
    """Sources whose rules have no fixed names, as those of a model."""

    whole: bool = False
    """Whether findings on lines that no hunk shows were listed too."""

    unheard: frozenset[tuple[str, str]] = frozenset()
    """Sources and paths of what was reported and could not be placed."""

    removed: tuple[Finding, ...] = ()
    """Findings that a plugin took away: they are there, and are not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What was known before."""

    known: tuple[KnownFinding, ...] = ()
    """All that is known of the change, the resolved ones included."""

    dismissals: tuple[Dismissal, ...] = ()
    """At least those of the fingerprints of `known` and of the findings, of any scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """The findings with their identity."""

    findings: tuple[Finding, ...]
    """Those of this version in the order given, then those that nobody reported again."""

    known: tuple[KnownFinding, ...]
    """What to store: what is new, what was seen again, what is resolved now."""


def identify(
    change: Change,
    seen: Seen,
    memory: Memory,
    redactor: Redactor,
    *,
    run_id: str,
    now: datetime,
) -> Identified:
    """Match findings with those of earlier versions; give fingerprints, states, and rows.

    The result is the same for any order of findings and of what is known, but for the order
    of its list of findings. A change without a key has no earlier versions, and nothing of
    it is stored; dismissals for the whole tenant hold for it too.

    Raises:
        ValueError: Something known belongs to another change.
    """
    if any(known.change != change.key for known in memory.known):
        raise ValueError(f"known findings of another change than {change.key!r}")
    stage = _Stage(change, seen, memory, redactor, (run_id, now))
    silent, rows = stage.silent()
    known = (*stage.rows(), *rows) if change.key is not None else ()
    return Identified(
        findings=(*stage.current()[: len(seen.findings)], *silent),
        known=tuple(sorted(known, key=lambda row: row.fingerprint)),
    )


class _Stage:
    def __init__(
        self,
        change: Change,
        seen: Seen,
        memory: Memory,
        redactor: Redactor,
        moment: tuple[str, datetime],
    ) -> None:
        redact = cache(redactor.redact)
        self._change = change
        self._seen = seen
        self._run_id, self._now = moment
        self._places = Places(change, redact)
        self._dismissed = _dismissed(memory.dismissals, change, self._now)
        self._all = (*seen.findings, *seen.removed)
        told = [self._tell(finding, redact) for finding in self._all]
        self._order = sorted(range(len(told)), key=lambda at: _order(*told[at]))
        self._now_seen = [told[at] for at in self._order]
        self._known = sorted(
            memory.known, key=lambda known: (*_order(known.finding, known.traits), known.first_run)
        )
        self._matches = self._match()
        self._matched = {self._known[old].fingerprint for old in self._matches.values()}
        self._names = self._name()

    def current(self) -> list[Finding]:
        """Give the findings of this version their fingerprints and states, in their order."""
        made = list(self._all)
        for at, fingerprint in zip(self._order, self._names, strict=True):
            state = FindingState.OPEN if fingerprint in self._matched else FindingState.NEW
            if fingerprint in self._dismissed:
                state = FindingState.DISMISSED
            made[at] = replace(made[at], fingerprint=fingerprint, state=state)
        return made

    def rows(self) -> list[KnownFinding]:
        """Give what to store of the findings of this version."""
        rows: list[KnownFinding] = []
        for at, (finding, traits) in enumerate(self._now_seen):
            known = self._known[self._matches[at]] if at in self._matches else None
            state = FindingState.OPEN if known else FindingState.NEW
            rows.append(
                KnownFinding(
                    change=self._change.key or "",
                    repository=self._change.target,
                    finding=replace(finding, fingerprint=self._names[at], state=state),
                    traits=traits,
                    first_run=known.first_run if known else self._run_id,
                    last_run=self._run_id,
                    seen_at=self._now,
                )
            )
        return rows

    def silent(self) -> tuple[list[Finding], list[KnownFinding]]:
        """Judge the known ones that nobody reported now: what to list, and what to store."""
        seen = self._seen
        witnesses = Witnesses(
            self._change, self._places, seen.partition, seen.reports, seen.unheard
        )
        listed: list[Finding] = []
        rows: list[KnownFinding] = []
        for known in self._known:
            finding = known.finding
            if known.fingerprint in self._matched or finding.state == FindingState.RESOLVED:
                continue
            if known.traits.outside and not seen.whole:
                continue
            dismissed = known.fingerprint in self._dismissed
            verdict = witnesses.judge(finding.path, known.traits.origin, finding.sources)
            if verdict is Silence.RESOLVED:
                rows.append(self._resolved(known))
                if not dismissed:
                    listed.append(self._placeless(known, FindingState.RESOLVED))
            elif verdict is Silence.UNPROVEN:
                state = FindingState.DISMISSED if dismissed else FindingState.OPEN
                listed.append(self._placeless(known, state))
        return listed, rows

    def _tell(self, finding: Finding, redact: Callable[[str], str]) -> tuple[Finding, Traits]:
        """Give what is kept of a finding: no code but its traits, and no secret."""
        traits = self._seen.traits.get(finding.fingerprint, Traits(code=""))
        path = redact(finding.path)
        kept = replace(
            finding,
            path=path,
            title=redact(finding.title),
            message=redact(finding.message),
            evidence=None,
            suggestion=None,
        )
        column = finding.evidence.column if finding.evidence else None
        outside = self._seen.whole and not self._places.shows(path, finding.side, finding.line)
        origin = self._places.origin(path)
        return kept, replace(traits, origin=origin, column=column, outside=outside)

    def _match(self) -> dict[int, int]:
        gone = (
            at
            for at, known in enumerate(self._known)
            if known.finding.state == FindingState.RESOLVED
        )
        return match(
            [self._trace_then(known) for known in self._known],
            [_trace(*told) for told in self._now_seen],
            loose=self._seen.loose,
            gone=frozenset(gone),
        )

    def _name(self) -> list[str]:
        """Give each finding of this version the fingerprint of its known one, or a free one."""
        fresh = Fingerprints({known.fingerprint for known in self._known})
        return [
            self._known[self._matches[at]].fingerprint
            if at in self._matches
            else fresh.make(finding.rule, traits.origin, traits)
            for at, (finding, traits) in enumerate(self._now_seen)
        ]

    def _trace_then(self, known: KnownFinding) -> Trace:
        path = self._places.today(known.finding.path, known.traits.origin)
        return _trace(replace(known.finding, path=path), known.traits)

    def _placeless(self, known: KnownFinding, state: FindingState) -> Finding:
        path = self._places.today(known.finding.path, known.traits.origin)
        return replace(known.finding, state=state, path=path, line=None, end_line=None)

    def _resolved(self, known: KnownFinding) -> KnownFinding:
        finding = replace(known.finding, state=FindingState.RESOLVED)
        return replace(known, finding=finding, last_run=self._run_id, seen_at=self._now)


def _trace(finding: Finding, traits: Traits) -> Trace:
    return Trace(
        rule=finding.rule,
        path=finding.path,
        side=finding.side,
        line=finding.line or 0,
        code=traits.code,
        before=traits.before,
        after=traits.after,
        title=finding.title.casefold(),
        message=finding.message,
        category=finding.category,
        sources=frozenset(finding.sources),
    )


def _order(finding: Finding, traits: Traits) -> tuple[object, ...]:
    """Sort by place first: the order of equal ones is what tells them apart."""
    place = (finding.path, finding.side, finding.line or 0, traits.column or 0)
    what = (finding.rule, finding.title, finding.message, finding.end_line or 0)
    return (*place, *what, traits.code, finding.fingerprint)


def _dismissed(dismissals: Iterable[Dismissal], change: Change, now: datetime) -> frozenset[str]:
    """Find the fingerprints that a dismissal holds for at this moment."""
    repository = change.target or None
    return frozenset(
        one.fingerprint
        for one in dismissals
        if one.holds(at=now, change=change.key, repository=repository)
    )
