"""A run in words: what happens now, what is done, and how it ended."""

from __future__ import annotations

from typing import Any

import pytest

from codeflow_engine.reports.timeline import Timeline


def timeline(*events: dict[str, Any]) -> Timeline:
    made = Timeline()
    for number, event in enumerate(events, 1):
        made.hear({"sequence": number, **event})
    return made


def started(step: str, key: str | None = None) -> dict[str, Any]:
    return {"event": "StepStarted", "step": step, "key": key}


def finished(step: str, key: str | None = None, error: str | None = None) -> dict[str, Any]:
    return {"event": "StepFinished", "step": step, "key": key, "seconds": 0.5, "error": error}


def ended(name: str, findings: int, failure: str | None = None) -> dict[str, Any]:
    return {
        "event": "AnalyzerFinished",
        "analyzer": name,
        "findings": findings,
        "examined": 2,
        "failure": failure,
    }


FETCHED = {"event": "ChangeFetched", "title": "t", "files": 1, "units": 3}
RUN = {"workflow": "review", "status": "succeeded", "error": None, "summary": None}


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([], "starting"),
        ([started("fetch")], "reviewing: fetch"),
        ([FETCHED], "reviewing 3 units in 1 file"),
        ([FETCHED, started("analyze", "ruff")], "reviewing 3 units in 1 file: analyze ruff"),
        ([ended("ruff", 1)], "reviewing: ruff has ended, 1 finding"),
        ([ended("ruff", 0, "it crashed")], "reviewing: ruff has failed"),
        ([{"event": "RunStarted", "workflow": "triage"}, started("a")], "running triage: a"),
        ([started("fetch"), finished("fetch")], "reviewing: fetch"),
        ([{"event": "RunResumed", "recoveries": 1}], "reviewing: taken up again"),
        (
            [{"event": "RunWaiting", "signals": ["approval"], "wake_at": None}],
            "reviewing: waits for approval",
        ),
    ],
)
def test_the_line_says_what_happened_last(events: list[dict[str, Any]], line: str) -> None:
    """Events that tell nothing a person waits for change nothing."""
    assert timeline(*events).line == line


def test_it_says_whether_the_line_has_changed() -> None:
    """Who draws the line need not draw it again where it is the same."""
    made = Timeline()

    assert made.hear({"sequence": 1, **started("fetch")})
    assert not made.hear({"sequence": 2, **finished("fetch")})


def test_it_counts_what_is_done() -> None:
    """Steps that have ended, analyzers among those asked, failures and findings."""
    made = timeline(
        *(started("fetch"), finished("fetch"), started("analyze", "a"), started("analyze", "b")),
        *(ended("a", 2), finished("analyze", "a"), ended("b", 0, "it crashed")),
    )

    assert made.counts == "2 steps done, 2 of 2 analyzers done (1 failed) with 2 findings"
    assert made.examined
    assert not timeline(started("fetch")).examined


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"status": "pending"}, "Review waits to start"),
        ({"status": "running"}, "Review under way"),
        ({"status": "waiting"}, "Review waits"),
        ({"status": "dead", "error": "E: no"}, "REVIEW NOT COMPLETE (run dead): E: no"),
        ({"status": "cancelled"}, "REVIEW NOT COMPLETE (run cancelled)"),
        ({"status": "failed", "error": "E: no"}, "REVIEW NOT COMPLETE (run failed): E: no"),
        ({}, "Review run has succeeded; its outcome is not known here"),
        (
            {"summary": {"outcome": "partial", "findings": 1}},
            "REVIEW NOT COMPLETE (partial); 1 finding",
        ),
        ({"summary": {"outcome": "reviewed", "findings": 2}}, "Review complete: 2 findings"),
        ({"summary": {"outcome": "reviewed", "findings": 0}}, "Review complete: no findings"),
        ({"workflow": "triage"}, "Run of triage complete"),
        ({"workflow": "triage", "status": "failed"}, "RUN OF TRIAGE NOT COMPLETE (run failed)"),
    ],
)
def test_the_ending_reads_as_clean_only_where_it_is(fields: dict[str, Any], told: str) -> None:
    """Whatever is not a complete review says so in capitals."""
    assert Timeline().ending(RUN | fields) == told


def test_an_empty_change_is_no_clean_one() -> None:
    """A review of nothing says that there was nothing."""
    summary = {"outcome": "reviewed", "findings": 0}

    told = timeline(FETCHED | {"units": 0}).ending(RUN | {"summary": summary})

    assert told == "Review complete: the change is empty, there was nothing to review"
