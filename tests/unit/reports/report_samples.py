"""Reviews in their JSON form, for tests of reports."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SEVERITIES = ("critical", "high", "medium", "low", "info")
STATES = ("reviewed", "excluded", "skipped", "failed")


def finding(**fields: Any) -> dict[str, Any]:
    """Make a finding of a token in line 12, columns 13 to 22, with other fields as given."""
    evidence = {
        "start_line": 11,
        "lines": ["def total():", '    token = "ghp_****"', "    return 1"],
        "column": 13,
        "end_column": 23,
    }
    return {
        "fingerprint": "f00d",
        "state": "new",
        "path": "src/cart.py",
        "side": "new",
        "line": 12,
        "end_line": None,
        "severity": "high",
        "category": "security",
        "rule": "secrets/github-token",
        "title": "GitHub token in the code",
        "message": "Revoke it.",
        "evidence": evidence,
        "suggestion": None,
        "confidence": 1.0,
        "sources": ["secrets"],
    } | fields


def entry(path: str = "src/cart.py", state: str = "reviewed", **fields: Any) -> dict[str, Any]:
    """Make a line of the ledger."""
    reviewed = state == "reviewed"
    return {
        "path": path,
        "hunk": 0,
        "state": state,
        "reason": None if reviewed else f"reason for {state}",
        "by": ["secrets"] if reviewed else [],
    } | fields


def review(
    *findings: dict[str, Any], entries: list[dict[str, Any]] | None = None, **fields: Any
) -> dict[str, Any]:
    """Make a review whose outcome and counts are those of its ledger."""
    entries = [entry()] if entries is None else entries
    counts = {state: sum(one["state"] == state for one in entries) for state in STATES}
    outcome = "reviewed"
    if counts["skipped"] or counts["failed"]:
        outcome = "failed" if counts["failed"] else "skipped"
        outcome = "partial" if any(one["by"] for one in entries) else outcome
    return {
        "schema": 1,
        "run_id": "run-1",
        "outcome": outcome,
        "reason": None if outcome == "reviewed" else "some units are not covered",
        "change": {
            "title": "Add totals",
            "base": "1a2b3c4d5e" * 4,
            "head": ":worktree",
            "files": len({one["path"] for one in entries}),
        },
        "findings": list(findings),
        "coverage": {
            "units": len(entries),
            "hunks": sum(one["hunk"] is not None for one in entries),
            **counts,
            "entries": entries,
        },
        "usage": {
            "calls": 0,
            "input_tokens": 0,
            "output_tokens": 0,
            "cached_tokens": 0,
            "cost_usd": "0",
        },
        "dropped": {},
        "isolation": "unshare",
        "timing": {"started_at": "2026-11-23T05:00:00+00:00", "seconds": 0.4231},
    } | fields


HOSTILE = (
    "\x1b[2J",
    "\x1b]52;c;aGk=\x07",
    "\x9b31m",
    "a\r\nb",
    "\u202e\u2066",
    "\u200b\ufeff\U000e0041",
    "\ufe0f\u3164\u2800",
    "\ud800",
    "e\u0301",
    "漢字",
    "\t",
    "\u2028",
)
texts = st.text(max_size=12) | st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join)
numbers = st.integers(min_value=1, max_value=60)
maybe_numbers = st.none() | numbers

evidences = st.fixed_dictionaries(
    {
        "start_line": numbers,
        "lines": st.lists(texts, max_size=20),
        "column": maybe_numbers,
        "end_column": maybe_numbers,
    }
)
suggestions = st.fixed_dictionaries(
    {"replacement": texts, "start_line": numbers, "end_line": numbers},
    optional={"verified": st.booleans()},
)
findings = st.builds(
    finding,
    state=st.sampled_from(["new", "open", "resolved", "dismissed"]),
    path=texts,
    side=st.sampled_from(["new", "old"]),
    line=maybe_numbers,
    end_line=maybe_numbers,
    severity=st.sampled_from(SEVERITIES),
    rule=texts,
    title=texts,
    message=texts,
    evidence=st.none() | evidences,
    suggestion=st.none() | suggestions,
    confidence=st.floats(min_value=0, max_value=1),
    sources=st.lists(texts, max_size=2),
)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a line of the ledger that its own rules allow."""
    state = draw(st.sampled_from(STATES))
    return entry(
        draw(texts),
        state,
        hunk=draw(st.none() | st.just(0)),
        reason=None if state == "reviewed" else draw(texts.filter(str.strip)),
        by=["secrets"]
        if state == "reviewed"
        else draw(st.lists(texts.filter(str.strip), max_size=1)),
    )


@st.composite
def reviews(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a review with any text in all the places that hold text."""
    return review(
        *draw(st.lists(findings, max_size=4)),
        entries=draw(st.lists(entries(), max_size=4)),
        run_id=draw(texts),
        change={
            "title": draw(texts),
            "base": draw(st.none() | texts),
            "head": draw(st.none() | texts),
            "files": 1,
        },
        dropped=draw(st.dictionaries(texts, st.integers(0, 3), max_size=2)),
        usage={
            "calls": draw(st.integers(0, 2)),
            "input_tokens": 5,
            "output_tokens": 5,
            "cached_tokens": 0,
            "cost_usd": draw(st.none() | st.just("0.25")),
        },
    )
