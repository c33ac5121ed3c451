"""Anchor: resolve where a finding stands; one that stands nowhere is dropped and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Side, Unit
from codeflow_engine.domain.finding import Finding, RawFinding
from codeflow_engine.domain.identity import Traits
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.evidence import ShownSide
from codeflow_engine.review.fingerprint import Fingerprints
from codeflow_engine.review.place import Locator, NoAnchorError, OutOfScopeError, Place

__all__ = ["Anchored", "anchor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """The findings whose place exists, and a count of the others by reason."""

    findings: tuple[Finding, ...]
    traits: Mapping[str, Traits]
    """What each finding is known by, under its fingerprint."""

    dropped: dict[str, int]
    unheard: frozenset[tuple[str, str]] = frozenset()
    """Sources and paths of those that were dropped though the scope takes them in."""


def anchor(
    change: Change,
    to_review: tuple[Unit, ...],
    reports: tuple[SourceReport, ...],
    redactor: Redactor,
    whole: Mapping[str, bytes] | None = None,
) -> Anchored:
    """Give every raw finding its anchor, its evidence and its fingerprint.

    A finding is kept only where its path is a file of the change, its lines are shown by
    one hunk that is under review, and its quote stands there word for word. One of a source
    that reads whole files has to stand on a line that the change touches; with `whole` it
    may stand anywhere in a file that is under review.

    Args:
        change: The change.
        to_review: Its units that are under review.
        reports: What the sources said.
        redactor: Takes secrets out of evidence.
        whole: Content of files by path, on the new side.
    """
    texts = None if whole is None else {path: _lines(data) for path, data in whole.items()}
    locator = Locator(change.diff, frozenset(to_review), texts)
    resolver = _Resolver(locator, texts or {}, redactor)
    findings: list[Finding] = []
    dropped: Counter[str] = Counter()
    unheard: set[tuple[str, str]] = set()
    for report in reports:
        for raw in report.findings:
            try:
                place = locator.find(raw, reads_files=report.reads_files)
            except NoAnchorError as reason:
                dropped[f"{report.source}: {reason}"] += 1
                if not isinstance(reason, OutOfScopeError):
                    unheard.add((report.source, raw.path))
            else:
                findings.append(resolver.resolve(raw, report.source, place))
    return Anchored(
        findings=tuple(findings),
        traits=resolver.traits,
        dropped=dict(sorted(dropped.items())),
        unheard=frozenset(unheard),
    )


def _lines(data: bytes) -> list[str]:
    """Split a file as git counts its lines."""
    return data.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")


class _Resolver:
    """Makes findings out of raw ones whose place is known."""

    def __init__(
        self, locator: Locator, whole: Mapping[str, list[str]], redactor: Redactor
    ) -> None:
        self._locator = locator
        self._whole = whole
        self._redactor = redactor
        self._shown: dict[tuple[int, int | None, Side], ShownSide] = {}
        self._fingerprints = Fingerprints()
        self.traits: dict[str, Traits] = {}

    def resolve(self, raw: RawFinding, source: str, place: Place) -> Finding:
        rule = f"{source}/{raw.rule}"
        lines = place.lines
        shown = None if lines is None else self._side(raw, place)
        traits = shown.traits(*lines) if shown and lines else Traits(code="")
        origin = self._locator.files[place.file].old_path or raw.path
        fingerprint = self._fingerprints.make(rule, origin, traits)
        self.traits[fingerprint] = traits
        return Finding(
            fingerprint=fingerprint,
            path=raw.path,
            side=raw.side,
            line=lines[0] if lines else None,
            end_line=lines[1] if lines else None,
            severity=raw.severity,
            category=raw.category,
            rule=rule,
            title=raw.title,
            message=raw.message,
            evidence=shown.evidence(raw, *lines) if shown and lines else None,
            suggestion=raw.suggestion,
            confidence=raw.confidence,
            sources=(source,),
        )

    def _side(self, raw: RawFinding, place: Place) -> ShownSide:
        key = (place.file, place.hunk, raw.side)
        if key not in self._shown:
            if place.hunk is None:
                lines = self._whole[raw.path]
                self._shown[key] = ShownSide.of_lines(1, lines, self._redactor)
            else:
                hunk = self._locator.files[place.file].hunks[place.hunk]
                self._shown[key] = ShownSide.of(hunk, raw.side, self._redactor)
        return self._shown[key]
