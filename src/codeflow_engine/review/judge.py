"""Judge: close the ledger and make the review; its outcome follows from the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import Coverage, CoverageEntry, UnitState
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import Evidence, Finding, Suggestion
from codeflow_engine.domain.review import ChangeSummary, Review, Timing
from codeflow_engine.domain.source import MODEL, SourceReport, unaccounted
from codeflow_engine.domain.usage import Usage
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.partition import Partition

__all__ = ["Verdict", "close_ledger", "judge", "unexamined"]

_NOBODY = "no analyzer was asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the earlier stages have gathered."""

    findings: tuple[Finding, ...]
    dropped: dict[str, int]
    isolation: str
    timing: Timing


def judge(
    run_id: str,
    change: Change,
    parts: tuple[Partition, tuple[SourceReport, ...]],
    verdict: Verdict,
    redactor: Redactor,
) -> Review:
    """Make the review. Every text that leaves through it has its secrets redacted."""
    redact = _Redact(redactor)
    summary = ChangeSummary.of(change)
    return Review(
        run_id=run_id,
        change=replace(summary, title=redact(summary.title)),
        findings=tuple(redact.finding(finding) for finding in verdict.findings),
        coverage=close_ledger(change, *parts, redact),
        usage=sum((report.usage for report in parts[1]), Usage()),
        dropped={redact(reason): count for reason, count in verdict.dropped.items()},
        isolation=verdict.isolation,
        timing=verdict.timing,
    )


def close_ledger(
    change: Change, partition: Partition, reports: tuple[SourceReport, ...], redact: _Redact
) -> Coverage:
    """Write one entry per unit of the change, whatever the sources did or did not say.

    A unit that a source failed to examine is failed, even where others examined it; they
    are named with it. One that every source declined is skipped. One that policy keeps from
    models is excluded as soon as models were asked about the change and did not see it.
    """
    examined = {report.source: report.examined for report in reports}
    failed = unexamined(partition.to_review, reports)
    declined = [dict(report.declined) for report in reports]
    unshown = partition.unshown if MODEL in examined else {}
    paths = redact.all(partition.paths)

    def entry(unit: Unit) -> CoverageEntry:
        path = paths[unit.file]
        if (decision := partition.decided.get(unit)) is not None:
            reason = redact(decision.reason)
            return CoverageEntry(path=path, hunk=unit.hunk, state=decision.state, reason=reason)
        by = tuple(sorted(source for source, units in examined.items() if unit in units))
        if reasons := failed.get(unit):
            state, reason = UnitState.FAILED, "; ".join(reasons)
        elif unit in unshown and MODEL not in by:
            state, reason = UnitState.EXCLUDED, unshown[unit]
        elif by:
            return CoverageEntry(path=path, hunk=unit.hunk, state=UnitState.REVIEWED, by=by)
        else:
            reasons = [rows[unit] for rows in declined if unit in rows]
            state, reason = UnitState.SKIPPED, "; ".join(reasons) or _NOBODY
        return CoverageEntry(path=path, hunk=unit.hunk, state=state, reason=redact(reason), by=by)

    return Coverage(entries=tuple(entry(unit) for unit in change.diff.units))


def unexamined(units: tuple[Unit, ...], reports: tuple[SourceReport, ...]) -> dict[Unit, list[str]]:
    """Find the units that a source failed, or that its report is silent about, with reasons."""
    found: dict[Unit, list[str]] = {}
    told: dict[str, set[Unit]] = {}
    for report in reports:
        for unit, reason in report.failed:
            found.setdefault(unit, []).append(reason)
        here = told.setdefault(report.source, set())
        here.update(report.examined, dict(report.declined), dict(report.failed))
    for source, accounted in told.items():
        for unit in units:
            if unit not in accounted:
                found.setdefault(unit, []).append(unaccounted(source))
    return found


class _Redact:
    """Redacts texts, each distinct one once: a ledger repeats its paths and reasons."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        if text not in self._known:
            self._known[text] = self._redactor.redact(text)
        return self._known[text]

    def all(self, texts: tuple[str, ...]) -> list[str]:
        """Redact many short texts as the lines of one, which keeps its lines."""
        if any("\n" in text for text in texts):
            return [self(text) for text in texts]
        return self._redactor.redact("\n".join(texts)).split("\n")

    def finding(self, finding: Finding) -> Finding:
        return replace(
            finding,
            path=self(finding.path),
            title=self(finding.title),
            message=self(finding.message),
            evidence=self._evidence(finding.evidence),
            suggestion=self._suggestion(finding.suggestion),
        )

    def _evidence(self, evidence: Evidence | None) -> Evidence | None:
        if evidence is None:
            return None
        return replace(evidence, lines=tuple(self(line) for line in evidence.lines))

    def _suggestion(self, suggestion: Suggestion | None) -> Suggestion | None:
        if suggestion is None:
            return None
        shown = self(suggestion.replacement)
        # What was proved is the text with the secret in it.
        proved = suggestion.verified and shown == suggestion.replacement
        return replace(suggestion, replacement=shown, verified=proved)
