"""The SARIF document: one run of one tool."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from codeflow_engine.reports.form import conform
from codeflow_engine.reports.interchange import dump
from codeflow_engine.reports.places import REDACTED
from codeflow_engine.reports.sarif.location import TOP
from codeflow_engine.reports.sarif.results import not_covered, result
from codeflow_engine.reports.sarif.rules import NOT_COVERED, describe, not_covered_rule
from codeflow_engine.reports.sarif.words import inert
from codeflow_engine.reports.summary import headline
from codeflow_engine.reports.visible import escape

__all__ = ["render"]

_NAME = "codeflow-engine"
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def render(review: Mapping[str, Any], *, encoding: str = "utf-8") -> str:
    r"""Render a review, in its JSON form, as a SARIF log that ends with a line feed.

    Hidden characters, and those that the encoding does not have, are `\uXXXX` escapes.

    Raises:
        SerializationError: The review has another form, or contradicts its own ledger.
    """
    plain = conform(review)
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(plain)]}
    return dump(log, encoding)


def _run(review: Mapping[str, Any]) -> dict[str, Any]:
    standing = [finding for finding in review["findings"] if finding["state"] != "resolved"]
    rules = describe(standing)
    complete = review["outcome"] == "reviewed"
    if not complete:
        rules[NOT_COVERED] = not_covered_rule()
    indexes = {rule: index for index, rule in enumerate(rules)}
    missing, notifications = not_covered(review, indexes.get(NOT_COVERED, -1))
    results = missing + [result(finding, indexes) for finding in standing]
    sources = {source for finding in standing for source in finding["sources"]}
    run: dict[str, Any] = {
        "tool": _tool(list(rules.values()), sources),
        "automationDetails": {"id": f"{_NAME}/{escape(review['run_id'])}"},
        "invocations": [_invocation(review, notifications)],
        "originalUriBaseIds": {TOP: {"description": {"text": "The top of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    tokens = sorted({token for one in results for token in REDACTED.findall(json.dumps(one))})
    if tokens:
        run["redactionTokens"] = tokens
    return run | {"properties": _properties(review, len(review["findings"]) - len(standing))}


def _tool(rules: list[dict[str, Any]], sources: set[str]) -> dict[str, Any]:
    """Describe the engine as the driver, and each source of findings as an extension.

    Rules stand in the driver: that is where simple readers look for them.
    """
    descriptor = not_covered_rule()
    del descriptor["properties"]  # they are those of a rule
    driver = {"name": _NAME, "rules": rules, "notifications": [descriptor]}
    tool: dict[str, Any] = {"driver": driver}
    names = sorted({escape(source) for source in sources if source.strip()})
    if names:
        tool["extensions"] = [{"name": name} for name in names]
    return tool


def _invocation(review: Mapping[str, Any], notifications: list[dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {"executionSuccessful": review["outcome"] == "reviewed"}
    made |= _times(review["timing"])
    if review["outcome"] != "reviewed":
        made["exitCodeDescription"] = inert(headline(review))
    return made | {"toolExecutionNotifications": notifications}


def _times(timing: Mapping[str, Any]) -> dict[str, str]:
    """Write start and end in UTC (3.9); nothing where the start is no time with a zone."""
    try:
        start = datetime.fromisoformat(timing["started_at"])
        if start.utcoffset() is None:
            return {}
        start = start.astimezone(UTC)
        end = start + timedelta(seconds=timing["seconds"])
    except (ValueError, OverflowError):
        return {}
    return {"startTimeUtc": _time(start), "endTimeUtc": _time(end)}


def _time(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _properties(review: Mapping[str, Any], resolved: int) -> dict[str, Any]:
    coverage = {name: told for name, told in review["coverage"].items() if name != "entries"}
    return {
        "runId": review["run_id"],
        "outcome": review["outcome"],
        "reason": review["reason"],
        "base": review["change"]["base"],
        "head": review["change"]["head"],
        "coverage": coverage,
        "resolved": resolved,
    }
