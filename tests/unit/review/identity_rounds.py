"""A change that lives through versions: files as texts, a source that marks lines."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.dismissal import Dismissal, DismissalScope
from codeflow_engine.domain.finding import Category, Finding, RawFinding, Severity
from codeflow_engine.domain.identity import KnownFinding
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.anchor import anchor
from codeflow_engine.review.fuse import fuse
from codeflow_engine.review.identify import Identified, Memory, Seen, identify
from codeflow_engine.review.partition import Partition, partition
from codeflow_engine.review.policy import RepositoryPolicy

__all__ = ["REDACTOR", "START", "Files", "Rounds", "change_of", "todo"]

START = datetime(2026, 1, 1, tzinfo=UTC)
REDACTOR = Redactor()

type Files = Mapping[str, str]
type Mark = Callable[[str, int, str], list[RawFinding]]
"""Gives what a source says of a line: path, number, text."""


def change_of(
    files: Files, base: Files | None = None, renamed: Mapping[str, str] | None = None
) -> Change:
    """Make a change from a base to files; `renamed` maps new paths to those at the base."""
    base, renamed = base or {}, renamed or {}
    parts: list[str] = []
    for path in sorted(files):
        old = renamed.get(path, path)
        if base.get(path) == files[path]:
            continue
        parts.append(_entry(old if old in base else None, path, base.get(old, ""), files[path]))
    parts.extend(
        _entry(path, None, base[path], "")
        for path in sorted(base)
        if path not in files and path not in renamed.values()
    )
    return Change(provider="git", target="shop", key="shop:topic", diff=Diff.parse("".join(parts)))


def _entry(old: str | None, new: str | None, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{old}" if old else "/dev/null",
        f"b/{new}" if new else "/dev/null",
    )
    head = f"diff --git a/{old or new} b/{new or old}\n"
    if old and new and old != new:
        head += f"similarity index 90%\nrename from {old}\nrename to {new}\n"
    elif not old:
        head += "new file mode 100644\n"
    elif not new:
        head += "deleted file mode 100644\n"
    return head + "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def todo(path: str, number: int, text: str) -> list[RawFinding]:
    """Report each line that holds a word of the form `BADx`."""
    return [
        RawFinding(
            rule=f"bad-{word.lower()}",
            severity=Severity.MEDIUM,
            category=Category.CORRECTNESS,
            title=f"Bad {word}",
            message="Mend it.",
            path=path,
            line=number,
        )
        for word in re.findall(r"BAD(\w)", text)
    ]


def _reports_of(
    change: Change, files: Files, parts: Partition, marks: Mapping[str, Mark], *, whole: bool
) -> tuple[SourceReport, ...]:
    """Let each source look at all lines that the change shows, or at whole files."""
    shown = {
        (file.path, line)
        for file in change.diff.files
        for hunk in file.hunks
        for line in range(hunk.new_start, hunk.new_start + hunk.new_lines)
    }
    return tuple(
        SourceReport(
            source=source,
            reads_files=whole,
            findings=tuple(
                raw
                for path, text in files.items()
                for number, line in enumerate(text.split("\n"), 1)
                if whole or (path, number) in shown
                for raw in mark(path, number, line)
            ),
            examined=frozenset(parts.to_review),
        )
        for source, mark in sorted(marks.items())
    )


@dataclass
class Rounds:
    """Reviews version after version, with a storage of its own."""

    marks: Mapping[str, Mark] = field(default_factory=lambda: {"lint": todo})
    loose: frozenset[str] = frozenset()
    base: Files = field(default_factory=dict)
    stored: dict[str, KnownFinding] = field(default_factory=dict)
    dismissals: list[Dismissal] = field(default_factory=list)
    number: int = 0
    whole: bool = False
    hook: Callable[[tuple[Finding, ...]], tuple[Finding, ...]] = lambda findings: findings

    @property
    def now(self) -> datetime:
        return START + timedelta(hours=self.number)

    def push(
        self,
        files: Files,
        *,
        renamed: Mapping[str, str] | None = None,
        change: Change | None = None,
        reports: Callable[[tuple[SourceReport, ...]], tuple[SourceReport, ...]] | None = None,
        policy: RepositoryPolicy | None = None,
    ) -> Identified:
        """Review a version and remember what is to be stored of it."""
        self.number += 1
        change = change or change_of(files, self.base, renamed)
        parts = partition(change, policy or RepositoryPolicy())
        told = _reports_of(change, files, parts, self.marks, whole=self.whole)
        told = reports(told) if reports else told
        texts = {path: text.encode() for path, text in files.items()}
        anchored = anchor(change, parts.to_review, told, REDACTOR, texts if self.whole else None)
        fused = fuse(anchored.findings)
        modified = self.hook(fused)
        left = {finding.fingerprint for finding in modified}
        seen = Seen(
            findings=modified,
            removed=tuple(finding for finding in fused if finding.fingerprint not in left),
            unheard=anchored.unheard,
            traits=anchored.traits,
            partition=parts,
            reports=told,
            loose=self.loose,
            whole=self.whole,
        )
        memory = Memory(known=tuple(self.stored.values()), dismissals=tuple(self.dismissals))
        result = identify(change, seen, memory, REDACTOR, run_id=f"run-{self.number}", now=self.now)
        self.stored |= {row.fingerprint: row for row in result.known}
        return result

    def dismiss(self, finding: Finding, **fields: object) -> Dismissal:
        """Dismiss a finding for the change, or as the fields say."""
        dismissal = Dismissal(
            fingerprint=finding.fingerprint,
            scope=DismissalScope.CHANGE,
            where="shop:topic",
            reason="known",
            author="ann",
            created_at=self.now,
        )
        self.dismissals.append(replace(dismissal, **fields))
        return self.dismissals[-1]
