"""Fuse: several sources become one list, without duplicates, worst first.

Two findings are one where they stand on the same file and side and

- speak of the same lines under the same title; or
- come from different sources, overlap, and say about the same: most of the words of the
  shorter text stand in the other one as well; or
- speak of about the same lines in the same category, and one of them is a model's. Two
  defects of one category and line are one finding then, until one of them is mended.

Otherwise categories are not compared, since a report of another tool tells none.

The one that stays is the worst, then the most certain; but where a tool says it as well as a
model, the tool's words stay, as bad as the worst: they are the same each time, and nobody
talks a tool into other ones. Another program's comment on the host stands last: where
anybody else says the same, neither its words nor how bad it calls it count. The one that stays
names all sources, and takes over a suggestion where it has none.

Tools that copied a check from one another are heard once, and two checks of one tool are
never taken for one. A model has no checks: it finds another name and other words for one
thing each time, also where two chunks show it the same line.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from codeflow_engine.domain.finding import Finding
from codeflow_engine.domain.source import MODEL, only_bots

__all__ = ["fuse"]

_WORD = re.compile(r"[^\W_]{3,}")
_WORDS = 60
"""Words of a text that are compared: what a finding is comes first, advice follows."""

_TEXT = 1000
_FEWEST = 3
"""Words that a text needs to be compared at all; `unused import` says too little."""

_SHARED = 0.7
"""Part of the shorter text's words that the other one has."""

_SAME_LINES = 0.5
"""Part of the lines of both together that both have, where a model may mean the same."""

_FAR = 100
"""Lines of a range by which it is found; a finding about a whole module overlaps all."""


def fuse(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Merge the findings of several sources and rank all; the same for any order of input."""
    groups: list[list[Finding]] = []
    near: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    # Tools come first, so that theirs are what the others are held against.
    for finding in sorted(findings, key=lambda one: (_standing(one), *_rank(one))):
        keys = list(_nearby(finding))
        places = sorted({place for key in keys for place in near[key]})
        home = next((place for place in places if _belongs(finding, groups[place])), None)
        if home is not None:
            groups[home].append(finding)
            continue
        for key in keys:
            near[key].append(len(groups))
        groups.append([finding])
    return tuple(sorted((_merge(group) for group in groups), key=_rank))


def _standing(finding: Finding) -> int:
    """Order those who say the same: tools, then models, then what stands on the host."""
    return 2 if only_bots(finding.sources) else int(finding.sources == (MODEL,))


def _nearby(finding: Finding) -> Iterator[tuple[object, ...]]:
    """Give the keys under which findings that may be the same meet."""
    where = (finding.path, finding.side)
    if finding.line is None:
        yield (*where, None)
        return
    last = min(finding.end_line or finding.line, finding.line + _FAR)
    for line in range(finding.line, last + 1):
        yield (*where, line)


def _belongs(finding: Finding, group: list[Finding]) -> bool:
    """Tell whether a finding is the one that a group stands for: its first."""
    kept = group[0]
    if _lines(kept) == _lines(finding) and kept.title.casefold() == finding.title.casefold():
        return True
    heard = {source for member in group for source in member.sources}
    if not heard.isdisjoint(finding.sources) and finding.sources != (MODEL,):
        return False
    return _may_be_reworded(kept, finding) or _alike(_words(kept), _words(finding))


def _may_be_reworded(one: Finding, other: Finding) -> bool:
    """Tell whether a model may have said of some lines what is said of them already."""
    if MODEL not in {*one.sources, *other.sources} or one.category != other.category:
        return False
    if one.line is None or other.line is None:
        return False  # of a whole file there is more than one thing to say
    last, other_last = one.end_line or one.line, other.end_line or other.line
    both = min(last, other_last) - max(one.line, other.line) + 1
    together = max(last, other_last) - min(one.line, other.line) + 1
    return both >= _SAME_LINES * together


def _lines(finding: Finding) -> tuple[int | None, int | None]:
    return finding.line, finding.end_line


def _words(finding: Finding) -> frozenset[str]:
    text = f"{finding.title} {finding.message}"[:_TEXT].casefold()
    return frozenset(_WORD.findall(text)[:_WORDS])


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    fewest = min(len(one), len(other))
    return fewest >= _FEWEST and len(one & other) >= _SHARED * fewest


def _merge(group: list[Finding]) -> Finding:
    kept = group[0]
    sources = {source for finding in group for source in finding.sources}
    heard = [finding for finding in group if not only_bots(finding.sources)] or group
    suggestions = (finding.suggestion for finding in group if finding.suggestion is not None)
    return replace(
        kept,
        severity=min((finding.severity for finding in heard), key=lambda one: one.rank),
        sources=tuple(sorted(sources)),
        suggestion=kept.suggestion or next(suggestions, None),
    )


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
