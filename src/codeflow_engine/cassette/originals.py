"""Changes and files as their host gave them, for the backends that have to see them so."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.redaction import Redactor

__all__ = ["Originals", "shape"]

_REMEMBERED: Final = 8
"""Diffs whose digest is known: those of the runs that are under way."""


class Originals:
    """What runs see without secrets, by what they see.

    Args:
        redactor: Knows the secrets.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._changes: dict[str, Change] = {}
        self._files: dict[tuple[str, Side, str], tuple[FileContent, FileContent]] = {}
        self._digesting = threading.Lock()
        self._digests: OrderedDict[int, tuple[Diff, str]] = OrderedDict()

    def digest(self, change: Change) -> str:
        """Digest a change without its secrets; takes a second for a large one."""
        told = {
            "target": change.target,
            "title": change.title,
            "description": change.description,
            "base": change.base,
            "head": change.head,
            "key": change.key,
        }
        plain = to_plain(self._redactor.scrub(told))
        text = "\0".join(f"{name}={plain[name]}" for name in sorted(plain))
        data = f"{text}\0{self._digest_of(change.diff)}".encode()
        return sha256(data).hexdigest()

    def keep(self, seen: Change, original: Change) -> None:
        """Remember what a change was before its secrets were taken out."""
        if seen is not original:
            self._changes[self.digest(seen)] = original

    def keep_files(
        self,
        digest: str,
        side: Side,
        seen: Sequence[FileContent],
        originals: Sequence[FileContent],
    ) -> None:
        """Remember files likewise."""
        for shown, file in zip(seen, originals, strict=True):
            if shown is not file:
                self._files[digest, side, shown.path] = shown, file

    def change(self, digest: str, seen: Change) -> Change:
        """Give a change as its host gave it."""
        known = self._changes.get(digest)
        return seen if known is None else replace(known, provider=seen.provider)

    def files(
        self, digest: str, side: Side, seen: Sequence[FileContent]
    ) -> tuple[FileContent, ...]:
        """Give files likewise."""
        known = [self._files.get((digest, side, file.path)) for file in seen]
        return tuple(
            file if pair is None else pair[1] for file, pair in zip(seen, known, strict=True)
        )

    def rows(self, digest: str, seen: Change, finding: RawFinding) -> tuple[str | None, str | None]:
        """Give the first line of a finding, without secrets and with them."""
        original = self._changes.get(digest)
        if original is None or finding.line is None:
            return None, None
        shown, line = _row(seen, finding), _row(original, finding)
        pair = self._files.get((digest, finding.side, finding.path))
        if shown is None and pair is not None:
            shown, line = (_line(file, finding.line) for file in pair)
        return shown, line

    def _digest_of(self, diff: Diff) -> str:
        # All analyzers ask at once, in threads, and the first one does the work for all.
        with self._digesting:
            known = self._digests.get(id(diff))
            if known is not None and known[0] is diff:
                return known[1]
            digest = sha256(self._redactor.scrub(diff.data)).hexdigest()
            # With the diff itself, so that its id stays its own.
            self._digests[id(diff)] = diff, digest
            while len(self._digests) > _REMEMBERED:
                self._digests.popitem(last=False)
            return digest


def _row(change: Change, finding: RawFinding) -> str | None:
    for file in change.diff.files:
        path = file.old_path if finding.side is Side.OLD else file.new_path
        if path == finding.path and finding.line is not None:
            line = file.line_at(finding.side, finding.line)
            if line is not None:
                return line.text
    return None


def _line(file: FileContent, number: int) -> str | None:
    rows = (file.content or b"").split(b"\n")
    return rows[number - 1].decode("utf-8", "surrogateescape") if number <= len(rows) else None


def shape(diff: Diff) -> list[Any]:
    """Give all of a diff but the text of its lines."""
    return [
        (
            (file.old_path, file.new_path, file.status, file.old_mode, file.new_mode),
            (file.old_id, file.new_id, file.similarity, file.is_binary, file.unsupported),
            [
                (hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines)
                for hunk in file.hunks
            ],
        )
        for file in diff.files
    ]
