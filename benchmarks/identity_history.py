"""Pairs of consecutive commits, and what git itself says of their lines."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["FileTruth", "Pair", "Repository", "Rewrite"]

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_BRANCH = 10
"""Commits before the newer one of a pair where the branch of the narrow view begins."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Lines that git replaced by others; either side may be empty."""

    old: range
    new: range


@dataclass(slots=True)
class FileTruth:
    """Where the lines of a file went, as `git diff` and `git blame` tell."""

    old_path: str
    new_path: str
    old_lines: list[str]
    new_lines: list[str]
    kept: dict[int, int] = field(default_factory=dict)
    """Lines that `git diff -w` keeps."""

    moved: dict[int, tuple[str, int]] = field(default_factory=dict)
    """New lines that `git blame -w -M -C` finds elsewhere in the older commit."""

    rewrites: list[Rewrite] = field(default_factory=list)

    def rewrite_of(self, line: int, *, new: bool) -> Rewrite | None:
        """Find the replacement that a line is part of."""
        for one in self.rewrites:
            if line in (one.new if new else one.old):
                return one
        return None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two consecutive commits, and the files of one kind that differ between them."""

    older: str
    newer: str
    base: str
    """Where a branch of some commits begins that ends with the newer one."""

    files: tuple[FileTruth, ...]


class Repository:
    """A repository with or without a work tree; nothing is written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self._environment = environment | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ALLOW_PROTOCOL": "none",
        }

    def git(self, *arguments: str) -> bytes:
        """Run git; the names it prints are not quoted."""
        command = ["git", "-c", "core.quotePath=false", "-C", str(self.path), *arguments]
        done = subprocess.run(command, env=self._environment, check=False, capture_output=True)
        if done.returncode:
            raise LookupError(done.stderr.decode(errors="replace"))
        return done.stdout

    def pairs(self, suffixes: Sequence[str], count: int, skipped: Counter[str]) -> Iterator[Pair]:
        """Give pairs that touch files of a kind, spread evenly over the first-parent history."""
        globs = [f"*{suffix}" for suffix in suffixes]
        walk = ("rev-list", "--first-parent", "--no-merges", "--min-parents=1", "HEAD", "--")
        commits = self.git(*walk, *globs).decode().split()
        given = 0
        for newer in _spread(commits):
            if given == count:
                return
            try:
                pair = self._pair(newer, suffixes)
            except LookupError:
                skipped["an object is missing in the copy of the repository"] += 1
                continue
            if pair.files:
                given += 1
                yield pair

    def _pair(self, newer: str, suffixes: Sequence[str]) -> Pair:
        older = self.git("rev-parse", f"{newer}^").decode().strip()
        rows = self.git(
            "diff", "-M", "--raw", "--no-abbrev", "-z", "--diff-filter=MR", older, newer
        )
        fields = iter(rows.decode("utf-8", "surrogateescape").split("\0"))
        files: list[FileTruth] = []
        for row in fields:
            if not row:
                break
            _, _, old_id, new_id, status = row.split()
            old_path = next(fields)
            new_path = next(fields) if status.startswith("R") else old_path
            if new_path.endswith(tuple(suffixes)) and old_path.endswith(tuple(suffixes)):
                truth = FileTruth(old_path, new_path, self._lines(old_id), self._lines(new_id))
                self._follow(truth, older, newer, (old_id, new_id))
                files.append(truth)
        try:
            base = self.git("rev-parse", f"{newer}~{_BRANCH}").decode().strip()
        except LookupError:
            base = older
        return Pair(older, newer, base, tuple(files))

    def _lines(self, blob: str) -> list[str]:
        text = self.git("cat-file", "blob", blob).decode("utf-8", "surrogateescape")
        return text.removesuffix("\n").split("\n")

    def _follow(self, truth: FileTruth, older: str, newer: str, blobs: tuple[str, str]) -> None:
        """Read the line mapping of `git diff -w -U0`, then the moves of `git blame`."""
        text = self.git("diff", "-w", "-U0", "--no-color", *blobs)
        old, new = 1, 1
        for row in text.decode("utf-8", "surrogateescape").split("\n"):
            found = _HUNK.match(row)
            if not found:
                continue
            start, count, new_start, new_count = (int(one or 1) for one in found.groups())
            low = start if count else start + 1
            new_low = new_start if new_count else new_start + 1
            truth.kept.update(zip(range(old, low), range(new, new_low), strict=True))
            rewrite = Rewrite(range(low, low + count), range(new_low, new_low + new_count))
            truth.rewrites.append(rewrite)
            old, new = rewrite.old.stop, rewrite.new.stop
        ends = range(old, len(truth.old_lines) + 1)
        truth.kept.update(zip(ends, range(new, len(truth.new_lines) + 1), strict=False))
        self._blame(truth, older, newer)

    def _blame(self, truth: FileTruth, older: str, newer: str) -> None:
        told = self.git(
            "blame", "-w", "-M", "-C", "--incremental", f"{older}..{newer}", "--", truth.new_path
        )
        came = dict(zip(truth.kept.values(), truth.kept, strict=True))
        commit, start, line, count = "", 0, 0, 0
        for row in told.decode("utf-8", "surrogateescape").split("\n"):
            head = re.fullmatch(r"([0-9a-f]{40}) (\d+) (\d+) (\d+)", row)
            if head:
                commit = head[1]
                start, line, count = int(head[2]), int(head[3]), int(head[4])
            elif row.startswith("filename ") and commit != newer:
                path = row.removeprefix("filename ")
                for step in range(count):
                    if line + step not in came:
                        truth.moved[line + step] = (path, start + step)


def _spread(commits: list[str]) -> Iterator[str]:
    """Give every commit once, such that each beginning of the order is spread evenly."""
    left = dict.fromkeys(range(len(commits)))
    step = max(len(commits), 1)
    while left:
        for place in range(0, len(commits), step):
            if place in left:
                del left[place]
                yield commits[place]
        step = max(step // 2, 1)
