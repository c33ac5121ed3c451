"""Which findings of two versions are the same, by git's word and not by the matcher's."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from identity_history import FileTruth, Rewrite

from codeflow_engine.domain.finding import Finding

__all__ = ["Truth", "truth_of"]

_SAME = 0.5
"""Share of words that two lines of one replacement have in common to be one rewritten line."""

_OTHER = 0.2
"""Share below which they are two lines that have nothing to do with each other."""

type _Place = tuple[str, str, int]
"""Path, rule, line."""


@dataclass(slots=True)
class Truth:
    """What git's line mapping says of the findings of two versions, by their indices."""

    same: dict[int, tuple[int, str]] = field(default_factory=dict)
    """The later finding of an earlier one, and how its line survived."""

    unclear: set[tuple[int, int]] = field(default_factory=set)
    """Pairs of which it says neither; they count for nothing."""

    why: Counter[str] = field(default_factory=Counter)
    """Earlier findings that are part of an unclear pair, by the reason."""


def truth_of(
    files: Iterable[FileTruth], before: Sequence[Finding], after: Sequence[Finding]
) -> Truth:
    """Follow each earlier finding: kept lines first, then moved, then rewritten ones."""
    truth = Truth()
    olds, news = _by_place(before), _by_place(after)
    files = list(files)
    moved: defaultdict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
    for file in files:
        for line, (path, start) in file.moved.items():
            moved[path, start].append((file.new_path, line))
    for file in files:
        rules = {rule for path, rule, _ in olds if path == file.old_path}
        for path, rule, line in [place for place in olds if place[0] == file.old_path]:
            old = olds[path, rule, line]
            if line in file.kept:
                new = news.get((file.new_path, rule, file.kept[line]), [])
                _pair(truth, old, new, (before, after), _class_of(file, line))
            elif targets := moved.get((path, line)):
                found = [news.get((there, rule, at), []) for there, at in targets]
                if len(targets) == 1:
                    _pair(truth, old, found[0], (before, after), "moved")
                else:
                    _leave(truth, old, [one for new in found for one in new], "copied")
        for rewrite in file.rewrites:
            for rule in rules:
                _follow(truth, file, rewrite, rule, (olds, news))
    return truth


def _by_place(findings: Sequence[Finding]) -> dict[_Place, list[int]]:
    places: defaultdict[_Place, list[int]] = defaultdict(list)
    for at, finding in enumerate(findings):
        places[finding.path, finding.rule, finding.line or 0].append(at)
    for group in places.values():
        group.sort(key=lambda at: (_column(findings[at]), findings[at].message))
    return dict(places)


def _column(finding: Finding) -> int:
    return (finding.evidence.column if finding.evidence else None) or 0


def _class_of(file: FileTruth, line: int) -> str:
    if file.old_path != file.new_path:
        return "renamed file"
    if file.old_lines[line - 1] != file.new_lines[file.kept[line] - 1]:
        return "respaced line"
    return "same line" if line == file.kept[line] else "shifted line"


def _pair(
    truth: Truth,
    old: list[int],
    new: list[int],
    findings: tuple[Sequence[Finding], Sequence[Finding]],
    name: str,
) -> None:
    """Pair the findings of one rule on one line: by order, or else by what they say."""
    before, after = findings
    if len(old) == len(new):
        truth.same.update({one: (other, name) for one, other in zip(old, new, strict=True)})
        return
    said = Counter(before[one].message for one in old)
    says = Counter(after[other].message for other in new)
    clear = {text for text in said if said[text] == says[text] == 1}
    for one in old:
        for other in new:
            if before[one].message == after[other].message and before[one].message in clear:
                truth.same[one] = other, name
    rest = [other for other in new if after[other].message not in clear]
    _leave(truth, [one for one in old if before[one].message not in clear], rest, "same line")


def _leave(truth: Truth, old: list[int], new: list[int], why: str) -> None:
    if old and new:
        truth.unclear.update((one, other) for one in old for other in new)
        truth.why[why] += len(old)


def _follow(
    truth: Truth,
    file: FileTruth,
    rewrite: Rewrite,
    rule: str,
    places: tuple[dict[_Place, list[int]], dict[_Place, list[int]]],
) -> None:
    """Pair the lines of a replacement that are each other's likest, where that is clear."""
    olds, news = places
    left = [line for line in rewrite.old if (file.old_path, rule, line) in olds]
    right = [
        line
        for line in rewrite.new
        if (file.new_path, rule, line) in news and line not in file.moved
    ]
    if not left or not right:
        return
    words = {line: _words(file.new_lines[line - 1]) for line in right}
    alike = {
        (one, other): _share(_words(file.old_lines[one - 1]), words[other])
        for one in left
        for other in right
    }
    taken = {one for one, _ in truth.same.items()}
    for one in left:
        old = [at for at in olds[file.old_path, rule, one] if at not in taken]
        best = [other for other in right if alike[one, other] == max(alike[one, o] for o in right)]
        mutual = len(best) == 1 and all(
            alike[one, best[0]] > alike[rival, best[0]] for rival in left if rival != one
        )
        if mutual and alike[one, best[0]] >= _SAME:
            new = news[file.new_path, rule, best[0]]
            if len(old) == len(new):
                pairs = zip(old, new, strict=True)
                truth.same.update({at: (there, "rewritten line") for at, there in pairs})
                continue
        near = [other for other in right if alike[one, other] >= _OTHER]
        found = [at for other in near for at in news[file.new_path, rule, other]]
        _leave(truth, old, found, "replaced lines")


def _words(line: str) -> Counter[str]:
    return Counter(re.findall(r"\w+|[^\w\s]", line))


def _share(one: Counter[str], other: Counter[str]) -> float:
    return (one & other).total() / max((one | other).total(), 1)
