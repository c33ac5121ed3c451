"""Fuse: several sources become one list, without duplicates, worst first."""

from __future__ import annotations

from dataclasses import replace

from codeflow_engine.domain.finding import Finding

__all__ = ["fuse"]


def fuse(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Merge equal findings of several sources and rank all; the same for any order of input.

    Findings are equal when they speak of the same lines under the same title. The merged
    one keeps the text of the worst and most certain, and names every source.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in sorted(findings, key=_rank):
        place = (finding.path, finding.side, finding.line, finding.end_line)
        groups.setdefault((*place, finding.category, finding.title.casefold()), []).append(finding)
    merged = (_merge(group) for group in groups.values())
    return tuple(sorted(merged, key=_rank))


def _merge(group: list[Finding]) -> Finding:
    sources = sorted({source for finding in group for source in finding.sources})
    return replace(group[0], sources=tuple(sources))


def _rank(finding: Finding) -> tuple[object, ...]:
    return (
        finding.severity.rank,
        -finding.confidence,
        finding.path,
        finding.side,
        finding.line or 0,
        finding.end_line or 0,
        finding.rule,
        finding.fingerprint,
    )
