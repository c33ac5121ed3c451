"""Tables of a review have the same columns and dtypes always, and hold what the review holds."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import SEVERITIES, entry, finding, review, reviews

from codeflow_engine.domain.encoding import to_plain
from codeflow_engine.domain.run import AnalyzerFinished, RunFinished, RunStatus, StepFinished
from codeflow_engine.reports import frame
from codeflow_engine.reports.visible import is_hidden

FINDINGS = {
    "fingerprint": "str",
    "state": "category",
    "severity": "category",
    "category": "category",
    "rule": "str",
    "path": "str",
    "side": "category",
    "line": "Int64",
    "end_line": "Int64",
    "column": "Int64",
    "title": "str",
    "message": "str",
    "suggestion": "str",
    "confidence": "float64",
    "sources": "object",
}
LEDGER = {"path": "str", "hunk": "Int64", "state": "category", "reason": "str", "by": "object"}
EVENTS = {
    "sequence": "int64",
    "at": "datetime64[us, UTC]",
    "event": "str",
    "step": "str",
    "key": "str",
    "seconds": "float64",
    "analyzer": "str",
    "units": "Int64",
    "examined": "Int64",
    "findings": "Int64",
    "outcome": "category",
    "status": "category",
    "error": "str",
}


def dtypes(table: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in table.dtypes.items()}


def hidden(table: pd.DataFrame) -> list[str]:
    """Find the texts of a table that hold a character which nobody would see."""
    cells = [
        text
        for name in table
        for cell in table[name]
        for text in (cell if isinstance(cell, tuple) else [cell])
        if isinstance(text, str)
    ]
    return [text for text in cells if any(is_hidden(c) and c not in "\n\t" for c in text)]


@given(reviews())
def test_tables_keep_their_form_and_every_row(plain: dict[str, Any]) -> None:
    """Whatever a review holds: one row each, the documented columns, nothing hidden."""
    found = frame.findings(plain)
    units = frame.ledger(plain["coverage"])

    assert dtypes(found) == FINDINGS
    assert dtypes(units) == LEDGER
    assert list(found["severity"]) == [one["severity"] for one in plain["findings"]]
    assert list(units["state"]) == [one["state"] for one in plain["coverage"]["entries"]]
    assert found["line"].isna().tolist() == [one["line"] is None for one in plain["findings"]]
    assert hidden(found) == hidden(units) == []


def test_a_table_without_rows_keeps_its_form() -> None:
    """Code that filters and groups works for a review that found nothing."""
    plain = review(entries=[])

    found, units, told = frame.findings(plain), frame.ledger(plain["coverage"]), frame.events([])

    assert [len(found), len(units), len(told)] == [0, 0, 0]
    assert [dtypes(found), dtypes(units), dtypes(told)] == [FINDINGS, LEDGER, EVENTS]
    assert found.groupby("severity", observed=False).size().sum() == 0
    assert found[found["severity"] >= "high"].empty


def test_an_empty_table_tells_of_what_kind_of_review_it_is() -> None:
    """No rows are no proof that a change is clean: the outcome goes with the table."""
    table = frame.findings(review(entries=[entry(), entry(state="failed")]))

    assert table.attrs["outcome"] == "partial"
    assert table[table["severity"] >= "low"].attrs == table.attrs


def test_a_cell_holds_what_the_finding_holds() -> None:
    """Numbers, texts and sources come over as they are; what is absent is missing."""
    edit = {"replacement": "a\n\tb", "start_line": 12, "end_line": 12}
    plain = review(finding(suggestion=edit, sources=["a", "b"]), finding(evidence=None, line=None))

    table = frame.findings(plain)

    first = table.iloc[0]
    assert (first["line"], first["column"], first["suggestion"]) == (12, 13, "a\n\tb")
    assert first["sources"] == ("a", "b")
    assert table.iloc[1][["line", "column", "suggestion"]].isna().all()
    assert table.explode("sources")["sources"].tolist() == ["a", "b", "secrets"]


def test_severities_compare_and_sort_by_harm() -> None:
    """`>=` and `max` mean worse, and the worst comes first in descending order."""
    table = frame.findings(review(*(finding(severity=name) for name in SEVERITIES[::-1])))

    assert table["severity"].max() == "critical"
    assert set(table[table["severity"] >= "high"]["severity"]) == {"high", "critical"}
    ordered = table.sort_values("severity", ascending=False)
    assert ordered["severity"].tolist() == list(SEVERITIES)
    assert table.groupby("severity", observed=False).size().tolist() == [1] * 5


def test_events_have_times_and_what_each_kind_tells() -> None:
    """One row per event; times have their zone, and other kinds' columns are missing."""
    at = datetime(2026, 1, 1, 12, 0, 0, 250, tzinfo=UTC)
    told = [
        StepFinished(run_id="r", sequence=1, at=at, step="analyze", key="ruff", seconds=0.5),
        AnalyzerFinished(
            run_id="r", sequence=2, at=at, analyzer="ruff", findings=2, examined=3, failure="late"
        ),
        RunFinished(run_id="r", sequence=3, at=at, status=RunStatus.FAILED, error="Error: no"),
    ]

    table = frame.events([one.to_json() for one in told])

    assert dtypes(table) == EVENTS
    assert table["at"].tolist() == [pd.Timestamp(at)] * 3
    assert table["event"].tolist() == ["StepFinished", "AnalyzerFinished", "RunFinished"]
    assert table["error"].tolist()[1:] == ["late", "Error: no"]
    assert table["seconds"].isna().tolist() == [False, True, True]
    assert (table["findings"].iloc[1], table["status"].iloc[2]) == (2, "failed")


@given(st.text())
def test_text_is_escaped_and_nothing_else_changes(text: str) -> None:
    """Line feeds, tabs and all visible characters stay; hidden ones become escapes."""
    plain = to_plain(text)
    (shown,) = frame.findings(review(finding(message=plain)))["message"]

    assert not any(is_hidden(character) and character not in "\n\t" for character in shown)
    if not any(is_hidden(character) and character not in "\n\t" for character in plain):
        assert shown == plain


def test_without_pandas_the_extra_is_named() -> None:
    """A missing package is an error that says what to install, and no import error."""
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "from codeflow_engine import Coverage, errors\n"
        "try: Coverage().to_dataframe()\n"
        "except errors.MissingDependencyError as error:\n"
        "    print(error.requires, error.requires in str(error))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    ).stdout

    assert told == "codeflow-engine[notebook] True\n"


@pytest.mark.parametrize("name", ["severity", "category", "state"])
def test_the_choices_of_a_column_are_those_of_the_schema(name: str) -> None:
    """No value that a review may have is missing from a column's categories."""
    from codeflow_engine.reports.form import load_schema

    known = load_schema()["$defs"]["finding"]["properties"][name]["enum"]
    table = frame.findings(review())

    assert sorted(table[name].cat.categories) == sorted(known)
