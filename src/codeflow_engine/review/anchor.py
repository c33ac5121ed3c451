"""Anchor: resolve where a finding stands; one that stands nowhere is dropped and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import DiffFile, Side, Unit
from codeflow_engine.domain.finding import Finding, RawFinding
from codeflow_engine.domain.identity import Traits
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.evidence import ShownSide
from codeflow_engine.review.fingerprint import Fingerprints

__all__ = ["Anchored", "anchor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """The findings whose place exists, and a count of the others by reason."""

    findings: tuple[Finding, ...]
    traits: Mapping[str, Traits]
    """What each finding is known by, under its fingerprint."""

    dropped: dict[str, int]


class _NoAnchorError(Exception):
    """Says why a raw finding has no place in the change; never leaves this module."""


def anchor(
    change: Change,
    to_review: tuple[Unit, ...],
    reports: tuple[SourceReport, ...],
    redactor: Redactor,
) -> Anchored:
    """Give every raw finding its anchor, its evidence and its fingerprint.

    A finding is kept only where its path is a file of the change, its lines are shown by
    one hunk that is under review, and its quote stands there word for word.
    """
    resolver = _Resolver(change, frozenset(to_review), redactor)
    findings: list[Finding] = []
    dropped: Counter[str] = Counter()
    for report in reports:
        for raw in report.findings:
            try:
                findings.append(resolver.resolve(raw, report.source))
            except _NoAnchorError as reason:
                dropped[f"{report.source}: {reason}"] += 1
    return Anchored(
        findings=tuple(findings), traits=resolver.traits, dropped=dict(sorted(dropped.items()))
    )


class _Resolver:
    def __init__(self, change: Change, to_review: frozenset[Unit], redactor: Redactor) -> None:
        self._diff = change.diff
        self._to_review = to_review
        self._redactor = redactor
        self._shown: dict[tuple[int, int, Side], ShownSide] = {}
        self._fingerprints = Fingerprints()
        self.traits: dict[str, Traits] = {}

    @cached_property
    def _files(self) -> list[DiffFile]:
        return list(self._diff.files)

    @cached_property
    def _by_path(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, file in enumerate(self._files):
            for path in {file.old_path, file.new_path} - {None}:
                places.setdefault(str(path), []).append(place)
        return places

    @cached_property
    def _files_to_review(self) -> frozenset[int]:
        return frozenset(unit.file for unit in self._to_review)

    def resolve(self, raw: RawFinding, source: str) -> Finding:
        places = [
            place
            for place in self._by_path.get(raw.path, ())
            if raw.path == _path_on(self._files[place], raw.side)
        ]
        if not places:
            raise _NoAnchorError("the path is not in the change")
        if raw.line is None and raw.quote is None:
            if not self._files_to_review.intersection(places):
                raise _NoAnchorError("the file is not under review")
            return self._build(raw, source, places[0], None, None)
        file, hunk, line, end_line = self._locate(raw, places)
        shown = self._side(file, hunk, raw.side)
        return self._build(raw, source, file, (line, end_line), shown)

    def _locate(self, raw: RawFinding, places: list[int]) -> tuple[int, int, int, int]:
        found = (
            self._by_line(raw, raw.line, places)
            if raw.line is not None
            else self._by_quote(raw, places)
        )
        file, hunk, *_ = found
        if Unit(file=file, hunk=hunk) not in self._to_review:
            raise _NoAnchorError("the hunk is not under review")
        return found

    def _by_line(self, raw: RawFinding, line: int, places: list[int]) -> tuple[int, int, int, int]:
        end_line = raw.end_line if raw.end_line is not None else line
        for place in places:
            index = self._files[place].find_hunk(raw.side, line)
            if index is None:
                continue
            numbers = self._files[place].hunks[index].numbers(raw.side)
            if not line <= end_line < numbers.stop:
                raise _NoAnchorError("the lines do not stand in one hunk")
            self._check_quote(raw, place, index, line, end_line)
            return place, index, line, end_line
        raise _NoAnchorError("the line is not in the change")

    def _check_quote(
        self, raw: RawFinding, place: int, index: int, line: int, end_line: int
    ) -> None:
        if raw.quote is None:
            return
        lines = self._files[place].hunks[index].side(raw.side)
        first = line - self._files[place].hunks[index].numbers(raw.side).start
        text = "\n".join(row.text for row in lines[first : first + end_line - line + 1])
        if raw.quote.strip() not in text:
            raise _NoAnchorError("the quote does not stand at the line")

    def _by_quote(self, raw: RawFinding, places: list[int]) -> tuple[int, int, int, int]:
        wanted = (raw.quote or "").strip("\n")
        if not wanted.strip():
            raise _NoAnchorError("the quote is empty")
        found: list[tuple[int, int, int, int]] = []
        for place in places:
            for index, hunk in enumerate(self._files[place].hunks):
                text = "\n".join(row.text for row in hunk.side(raw.side))
                offset = text.find(wanted)
                while offset >= 0:
                    line = hunk.numbers(raw.side).start + text.count("\n", 0, offset)
                    found.append((place, index, line, line + wanted.count("\n")))
                    offset = text.find(wanted, offset + len(wanted))
        if not found:
            raise _NoAnchorError("the quote is not in the change")
        if len(found) > 1:
            raise _NoAnchorError("the quote stands at several places")
        return found[0]

    def _side(self, file: int, hunk: int, side: Side) -> ShownSide:
        key = (file, hunk, side)
        if key not in self._shown:
            self._shown[key] = ShownSide.of(self._files[file].hunks[hunk], side, self._redactor)
        return self._shown[key]

    def _build(
        self,
        raw: RawFinding,
        source: str,
        file: int,
        lines: tuple[int, int] | None,
        shown: ShownSide | None,
    ) -> Finding:
        rule = f"{source}/{raw.rule}"
        traits = shown.traits(*lines) if shown and lines else Traits(code="")
        origin = self._files[file].old_path or raw.path
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


def _path_on(file: DiffFile, side: Side) -> str | None:
    """Give the path that a finding on a side may name: a deleted file has only its old one."""
    return file.old_path if side is Side.OLD else (file.new_path or file.old_path)
