"""Tables of a review for pandas, from the public JSON form.

Every table has the same columns and dtypes whatever is in it, also when it has no rows.
Text is escaped as in every report, since a table is looked at more than anything else is
done with it: line feeds and tabs stay, other hidden characters do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.errors import MissingDependencyError
from codeflow_engine.reports.visible import escape, escape_path

if TYPE_CHECKING:
    from types import ModuleType

    from pandas import DataFrame

__all__ = ["events", "findings", "ledger"]

type _Row = Mapping[str, Any]

_REQUIRES: Final = "codeflow-engine[notebook]"

_STATES: Final = ("new", "open", "resolved", "dismissed")
# The worst is the greatest, so that `severity >= "high"` and `severity.max()` mean what
# they say; in the order of the enumeration `>=` would silently leave the critical ones out.
_SEVERITIES: Final = ("info", "low", "medium", "high", "critical")
_CATEGORIES: Final = (
    *("security", "correctness", "reliability", "performance"),
    *("maintainability", "testing", "documentation", "style"),
)
_UNIT_STATES: Final = ("reviewed", "excluded", "skipped", "failed")
_OUTCOMES: Final = ("reviewed", "partial", "skipped", "failed")
_RUN_STATES: Final = ("pending", "running", "succeeded", "failed", "cancelled")


def findings(review: _Row) -> DataFrame:
    """Make a table with one row per finding, in the order of the review.

    Args:
        review: What `Review.to_json` gives.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    pandas = _pandas()
    rows = review["findings"]
    table: DataFrame = pandas.DataFrame(
        {
            "fingerprint": _texts(pandas, rows, "fingerprint"),
            "state": _choices(pandas, rows, "state", _STATES),
            "severity": _choices(pandas, rows, "severity", _SEVERITIES, ordered=True),
            "category": _choices(pandas, rows, "category", _CATEGORIES),
            "rule": _texts(pandas, rows, "rule"),
            "path": _texts(pandas, rows, "path", escape_path),
            "side": _choices(pandas, rows, "side", ("new", "old")),
            "line": _numbers(pandas, rows, "line"),
            "end_line": _numbers(pandas, rows, "end_line"),
            "column": _numbers(pandas, [row["evidence"] or {} for row in rows], "column"),
            "title": _texts(pandas, rows, "title"),
            "message": _texts(pandas, rows, "message"),
            "suggestion": _texts(pandas, [row["suggestion"] or {} for row in rows], "replacement"),
            "confidence": pandas.Series([row["confidence"] for row in rows], dtype="float64"),
            "sources": _names(pandas, rows, "sources"),
        }
    )
    # A table without rows reads as clean, also where the review was not complete.
    table.attrs = {key: review[key] for key in ("run_id", "outcome", "reason")}
    return table


def ledger(coverage: _Row) -> DataFrame:
    """Make a table with one row per unit of the change, in its order.

    Args:
        coverage: What `Coverage.to_json` gives.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    pandas = _pandas()
    rows = coverage["entries"]
    table: DataFrame = pandas.DataFrame(
        {
            "path": _texts(pandas, rows, "path", escape_path),
            "hunk": _numbers(pandas, rows, "hunk"),
            "state": _choices(pandas, rows, "state", _UNIT_STATES),
            "reason": _texts(pandas, rows, "reason"),
            "by": _names(pandas, rows, "by"),
        }
    )
    return table


def events(rows: Sequence[_Row]) -> DataFrame:
    """Make a table with one row per event of a run.

    Args:
        rows: Events in their plain form, each with its kind under `event`.

    Raises:
        MissingDependencyError: pandas is not installed.
    """
    pandas = _pandas()
    failures = [{"error": row.get("error") or row.get("failure")} for row in rows]
    table: DataFrame = pandas.DataFrame(
        {
            "sequence": pandas.Series([row["sequence"] for row in rows], dtype="int64"),
            "at": pandas.Series([row["at"] for row in rows], dtype="datetime64[us, UTC]"),
            "event": _texts(pandas, rows, "event"),
            "step": _texts(pandas, rows, "step"),
            "key": _texts(pandas, rows, "key"),
            "seconds": pandas.Series([row.get("seconds") for row in rows], dtype="float64"),
            "analyzer": _texts(pandas, rows, "analyzer"),
            "units": _numbers(pandas, rows, "units"),
            "examined": _numbers(pandas, rows, "examined"),
            "findings": _numbers(pandas, rows, "findings"),
            "outcome": _choices(pandas, rows, "outcome", _OUTCOMES),
            "status": _choices(pandas, rows, "status", _RUN_STATES),
            "error": _texts(pandas, failures, "error"),
        }
    )
    return table


def _pandas() -> ModuleType:
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingDependencyError(
            f"a table needs pandas, which cannot be imported ({error}); "
            f"install it with: pip install '{_REQUIRES}'",
            requires=_REQUIRES,
        ) from error
    return pd


def _visible(text: str) -> str:
    return "\n".join(
        "\t".join(escape(part) for part in line.split("\t")) for line in text.split("\n")
    )


def _texts(
    pandas: ModuleType, rows: Sequence[_Row], name: str, show: Callable[[str], str] = _visible
) -> Any:
    told = (row.get(name) for row in rows)
    return pandas.Series([None if text is None else show(text) for text in told], dtype="str")


def _numbers(pandas: ModuleType, rows: Sequence[_Row], name: str) -> Any:
    return pandas.Series([row.get(name) for row in rows], dtype="Int64")


def _choices(
    pandas: ModuleType,
    rows: Sequence[_Row],
    name: str,
    known: Sequence[str],
    *,
    ordered: bool = False,
) -> Any:
    dtype = pandas.CategoricalDtype(list(known), ordered=ordered)
    return pandas.Series([row.get(name) for row in rows], dtype=dtype)


def _names(pandas: ModuleType, rows: Sequence[_Row], name: str) -> Any:
    return pandas.Series([tuple(map(_visible, row[name])) for row in rows], dtype="object")
