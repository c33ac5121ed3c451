"""Aim: find what findings of an earlier review speak of in the change as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import DiffFile, Side, Unit
from codeflow_engine.domain.finding import Evidence, Finding, Suggestion
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.evidence import ShownSide

__all__ = ["Aimed", "Target", "aim"]

_CUT: Final = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A finding that stands in the change, and the units that it speaks of."""

    finding: Finding
    """Its path is that of the file after the change, and its lines are those of now. It has
    its suggestion only where the lines that this replaces were seen to be unchanged."""

    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aimed:
    """What was found of some findings."""

    targets: tuple[Target, ...]
    left: dict[str, str]
    """Findings that do not stand in the change, by fingerprint, each with the reason."""


def aim(change: Change, findings: Sequence[Finding], redactor: Redactor) -> Aimed:
    """Find the units of findings.

    A finding knows its lines by number, and the change may have moved on since the review:
    it stands only where the lines that it was made for are still there, or at one other
    place of the file's hunks.

    Args:
        change: The change as it is now.
        findings: Those of the review.
        redactor: Takes out of the lines what the review has taken out of its evidence.
    """
    wanted = {one.path for one in findings}
    entries: dict[str, list[tuple[int, DiffFile]]] = {path: [] for path in wanted}
    for number, file in enumerate(change.diff.files):
        for path in {file.old_path, file.new_path} & wanted:
            entries[path or ""].append((number, file))
    targets: list[Target] = []
    left: dict[str, str] = {}
    for finding in findings:
        found = _find(finding, entries[finding.path], redactor)
        if isinstance(found, str):
            left[finding.fingerprint] = found
        else:
            targets.append(found)
    return Aimed(targets=tuple(targets), left=left)


def _find(
    finding: Finding, entries: Iterable[tuple[int, DiffFile]], redactor: Redactor
) -> Target | str:
    """Find the units of a finding, or say why it has none."""
    reason = "the change does not have its file"
    for number, file in entries:
        if file.new_path is None:
            reason = "its file is deleted"
        elif finding.side is Side.NEW and file.new_path != finding.path:
            continue
        elif file.is_binary or file.unsupported or file.is_symlink or file.is_submodule:
            reason = "its file is no text that could be edited"
        else:
            found = _in_file(finding, number, file, redactor)
            if isinstance(found, Target):
                return found
            reason = found
    return reason


def _in_file(finding: Finding, number: int, file: DiffFile, redactor: Redactor) -> Target | str:
    path = file.new_path or finding.path
    if finding.line is None:
        units = tuple(Unit(file=number, hunk=hunk) for hunk in range(len(file.hunks)))
        if not units:
            return "the change shows no lines of its file"
        return Target(finding=replace(finding, path=path, suggestion=None), units=units)
    place = file.find_hunk(finding.side, finding.line)
    shown = None if place is None else ShownSide.of(file.hunks[place], finding.side, redactor)
    evidence = finding.evidence
    if shown is None or (evidence and not _stands(evidence, finding.line, shown)):
        moved = None if evidence is None else _moved(finding, evidence, file, redactor)
        if moved is None:
            gone = "its lines have changed since it was found"
            return "the change does not show its lines" if shown is None else gone
        finding, place = moved
        evidence = finding.evidence
    edit = finding.suggestion
    if edit is not None and not _is_seen(edit, finding, evidence):
        edit = None
    return Target(
        finding=replace(finding, path=path, suggestion=edit),
        units=(Unit(file=number, hunk=place),),
    )


def _stands(evidence: Evidence, line: int, shown: ShownSide) -> bool:
    """Tell whether the lines of the evidence are those of the change, as far as both show them."""
    first = evidence.start_line - shown.first
    both = [
        (text, shown.lines[place])
        for place, text in enumerate(evidence.lines, first)
        if 0 <= place < len(shown.lines)
    ]
    seen = evidence.start_line <= line < evidence.start_line + len(evidence.lines)
    return seen and all(_equal(*pair) for pair in both)


def _moved(
    finding: Finding, evidence: Evidence, file: DiffFile, redactor: Redactor
) -> tuple[Finding, int] | None:
    """Find the one other place where all lines of the evidence stand, and move the finding there.

    What was edited above a finding moves its lines, and leaves them what they were.
    """
    wanted = list(evidence.lines)
    if not any(map(str.strip, wanted)) or any(_CUT in (text[:1], text[-1:]) for text in wanted):
        return None
    found: list[tuple[int, int]] = []
    for place, hunk in enumerate(file.hunks):
        shown = ShownSide.of(hunk, finding.side, redactor)
        lines = shown.lines
        found += [
            (place, shown.first + at - evidence.start_line)
            for at, text in enumerate(lines)
            if text == wanted[0] and lines[at : at + len(wanted)] == wanted
        ]
    if len(found) != 1:
        return None
    [(place, shift)] = found
    return _shifted(finding, evidence, shift), place


def _shifted(finding: Finding, evidence: Evidence, shift: int) -> Finding:
    edit = finding.suggestion
    return replace(
        finding,
        line=None if finding.line is None else finding.line + shift,
        end_line=None if finding.end_line is None else finding.end_line + shift,
        evidence=replace(evidence, start_line=evidence.start_line + shift),
        suggestion=edit
        and replace(edit, start_line=edit.start_line + shift, end_line=edit.end_line + shift),
    )


def _equal(was: str, now: str) -> bool:
    if was.startswith(_CUT) or was.endswith(_CUT):
        return was.strip(_CUT) in now
    return was == now


def _is_seen(edit: Suggestion, finding: Finding, evidence: Evidence | None) -> bool:
    """Tell whether the evidence shows the lines that a suggestion replaces."""
    if evidence is None or finding.side is Side.OLD:
        return False
    last = evidence.start_line + len(evidence.lines) - 1
    return evidence.start_line <= edit.start_line and edit.end_line <= last
