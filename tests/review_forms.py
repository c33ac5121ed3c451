"""The JSON form of a review by its parts, each with whatever fields a test gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["make_entry", "make_finding", "make_review"]


def make_finding(**fields: Any) -> dict[str, Any]:
    """Make a finding."""
    return {
        "fingerprint": "0000000000000000",
        "state": "new",
        "path": "shop/cart.py",
        "side": "new",
        "line": None,
        "end_line": None,
        "severity": "low",
        "category": "correctness",
        "rule": "ruff/B",
        "title": "A finding",
        "message": "Something is wrong.",
        "evidence": None,
        "suggestion": None,
        "confidence": 1.0,
        "sources": ["ruff"],
    } | fields


def make_entry(
    path: str, state: str = "reviewed", hunk: int | None = 0, **fields: Any
) -> dict[str, Any]:
    """Make a line of the ledger."""
    reviewed = state == "reviewed"
    return {
        "path": path,
        "hunk": hunk,
        "state": state,
        "reason": None if reviewed else "not said",
        "by": ["hygiene", "secrets"] if reviewed else [],
    } | fields


def make_review(
    findings: Sequence[dict[str, Any]], entries: Sequence[dict[str, Any]], **fields: Any
) -> dict[str, Any]:
    """Make a review whose outcome and counts are those of its ledger."""
    states = ("reviewed", "excluded", "skipped", "failed")
    counts = {state: sum(one["state"] == state for one in entries) for state in states}
    outcome = "reviewed"
    if counts["skipped"] or counts["failed"]:
        outcome = "failed" if counts["failed"] else "skipped"
        outcome = "partial" if any(one["by"] for one in entries) else outcome
    return {
        "schema": 1,
        "run_id": "01JD8Z6M4T9K2V7QXW3R5B1N0C",
        "outcome": outcome,
        "reason": None if outcome == "reviewed" else "the budget of the run was used up",
        "change": {
            "title": "Count carts in one currency, and keep the token out of the log",
            "base": "4f1d2c9a7b" * 4,
            "head": "b83e06d5f2" * 4,
            "files": len({one["path"] for one in entries}),
        },
        "findings": list(findings),
        "coverage": {
            "units": len(entries),
            "hunks": sum(one["hunk"] is not None for one in entries),
            **counts,
            "entries": list(entries),
        },
        "usage": {
            "calls": 14,
            "input_tokens": 48210,
            "output_tokens": 3120,
            "cached_tokens": 31004,
            "cost_usd": "0.1834",
        },
        "dropped": {"quote not in the change": 2, "suggestion does not parse": 1},
        "isolation": "bwrap",
        "timing": {"started_at": "2026-11-23T05:00:00+00:00", "seconds": 41.27},
    } | fields
