"""Account: what of a change was not read, by file, so that no gap is silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.coverage import UnitState
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.reading import Unread, UnreadKind
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.partition import Partition

__all__ = ["account", "told_paths"]


def account(
    change: Change,
    parts: Partition,
    why: Mapping[Unit, tuple[UnreadKind, str]],
    redactor: Redactor,
) -> tuple[Unread, ...]:
    """Tell what was not read, in the order of the change.

    Args:
        change: The change.
        parts: What was decided about its units before anybody read one.
        why: The reason of each other unit that was not read.
        redactor: Takes secrets out of paths and reasons.
    """
    sizes = Counter(unit.file for unit in change.diff.units)
    found: Counter[tuple[int, UnreadKind, str]] = Counter()
    for unit in change.diff.units:
        if (decision := parts.decided.get(unit)) is not None:
            excluded = decision.state is UnitState.EXCLUDED
            kind = UnreadKind.EXCLUDED if excluded else UnreadKind.FAILURE
            found[unit.file, kind, decision.reason] += 1
        elif (reason := why.get(unit)) is not None:
            found[unit.file, *reason] += 1
    paths = told_paths((change.diff.files[number].path for number, _, _ in found), redactor)
    return tuple(
        Unread(
            path=paths[change.diff.files[number].path],
            kind=kind,
            reason=redactor.redact(reason),
            units=units,
            of=sizes[number],
        )
        for (number, kind, reason), units in found.items()
    )


def told_paths(paths: Iterable[str], redactor: Redactor) -> dict[str, str]:
    """Give each path as it may be told, without secrets."""
    return {path: redactor.redact(path) for path in dict.fromkeys(paths)}
