"""Reads SARIF 2.1.0 (OASIS): results that stand, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from codeflow_engine.providers.analyzer.imports.form import (
    BadReportError,
    Node,
    rule_name,
    title_of,
)

__all__ = ["read"]

_LEVELS: Final = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
_TAGS: Final = {
    "security": "security",
    "correctness": "correctness",
    "reliability": "reliability",
    "performance": "performance",
    "maintainability": "maintainability",
    "testing": "testing",
    "documentation": "documentation",
    "style": "style",
}
_TOLD: Final = frozenset({"fail", "open", "review", "informational"})
_MOST_HOPS: Final = 16


def read(document: Node) -> Iterator[dict[str, Any]]:
    """Yield the results of all runs, as rows.

    Raises:
        BadReportError: It has another form, or a run says that it has failed.
    """
    if document.text("version") != "2.1.0":
        raise BadReportError("the version is not 2.1.0")
    for run in document.nodes("runs"):
        for invocation in run.nodes("invocations"):
            if invocation.flag("executionSuccessful") is False:
                raise BadReportError(f"{invocation.place} says that the tool has failed")
        for result in run.nodes("results"):
            if _stands(result):
                yield from _rows(run, result)


def _stands(result: Node) -> bool:
    """Tell whether a result is a problem that is there and that nobody has accepted."""
    if (result.text("kind") or "fail") not in _TOLD or result.text("baselineState") == "absent":
        return False
    suppressions = [one.text("status") or "accepted" for one in result.nodes("suppressions")]
    return not suppressions or any(status != "accepted" for status in suppressions)


def _rows(run: Node, result: Node) -> Iterator[dict[str, Any]]:
    driver = run.node("tool").node("driver")
    component, rule = _rule(run, result)
    name = result.text("ruleId") or result.node("rule").text("id") or rule.text("id")
    message = _message(result, rule)
    severity, security = _severity(result, rule)
    title = rule.node("shortDescription").text("text") or message
    row = {
        "rule": rule_name(component.text("name") or driver.text("name"), name),
        "severity": severity,
        "category": _category(result, rule, severity, security=security),
        "title": title_of(title),
        "message": message,
        "columns": "points" if run.text("columnKind") == "unicodeCodePoints" else "utf16",
    }
    for location in result.nodes("locations"):
        physical = location.node("physicalLocation")
        place = _artifact(run, physical.node("artifactLocation"))
        if place is not None:
            region = physical.node("region")
            yield {**row, **place, "region": _region(region), "edits": _edits(run, result, place)}
            return  # further locations are of the same result


def _rule(run: Node, result: Node) -> tuple[Node, Node]:
    """Find the description of a result's rule, and the component that it belongs to."""
    tool, reference = run.node("tool"), result.node("rule")
    component = tool.node("driver")
    index = reference.node("toolComponent").whole("index")
    extensions = tool.nodes("extensions")
    if index is not None and 0 <= index < len(extensions):
        component = extensions[index]
    rules = component.nodes("rules")
    place = result.whole("ruleIndex")
    place = reference.whole("index") if place is None else place
    if place is not None and 0 <= place < len(rules):
        return component, rules[place]
    name = result.text("ruleId") or reference.text("id")
    found = next((rule for rule in rules if name and rule.text("id") == name), None)
    return component, found or Node({}, f"{component.place}.rules")


def _message(result: Node, rule: Node) -> str:
    message = result.node("message")
    text = message.text("text")
    if text is None and (name := message.text("id")) is not None:
        text = rule.node("messageStrings").node(name).text("text")
    if text is None:
        text = rule.node("fullDescription").text("text")
    if not text or not text.strip():
        raise BadReportError(f"{message.place} has no text")
    for at, argument in enumerate(message.words("arguments")):
        text = text.replace(f"{{{at}}}", argument)
    return text


def _severity(result: Node, rule: Node) -> tuple[str, bool]:
    """Give the severity, and whether the tool has scored it as one of security."""
    for node in (result, rule):
        score = node.node("properties").number("security-severity")
        if score is not None and score > 0:
            steps = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low"))
            return next(name for least, name in steps if score >= least), True
    if result.text("kind") == "informational":
        return "info", False
    configured = rule.node("defaultConfiguration")
    level = result.text("level") or configured.text("level")
    rank = result.number("rank")
    rank = configured.number("rank") if rank is None else rank
    if level is None and rank is not None and rank >= 0:
        steps = ((80.0, "high"), (50.0, "medium"), (20.0, "low"), (0.0, "info"))
        return next(name for least, name in steps if rank >= least), False
    level = level or "warning"
    if level not in _LEVELS:
        raise BadReportError(f"{result.place}.level is none of the known ones")
    return _LEVELS[level], False


def _category(result: Node, rule: Node, severity: str, *, security: bool) -> str:
    if security:
        return "security"
    for node in (result, rule):
        for tag in node.node("properties").words("tags"):
            if tag.lower() in _TAGS:
                return _TAGS[tag.lower()]
    return "correctness" if severity in {"critical", "high"} else "maintainability"


def _artifact(run: Node, location: Node) -> dict[str, Any] | None:
    """Give the address of a file with its bases, outermost last; None where it has none."""
    index = location.whole("index")
    uri = location.text("uri")
    if uri is None and index is not None:
        artifacts = run.nodes("artifacts")
        if not 0 <= index < len(artifacts):
            raise BadReportError(f"{location.place}.index names no artifact")
        location = artifacts[index].node("location")
        uri = location.text("uri")
    if uri is None:
        return None
    bases: list[tuple[str, str | None]] = []
    known = run.node("originalUriBaseIds")
    name = location.text("uriBaseId")
    while name is not None and len(bases) < _MOST_HOPS:
        base = known.node(name)
        bases.append((name, base.text("uri")))
        name = base.text("uriBaseId")
    return {"uri": uri, "bases": bases}


def _region(region: Node) -> list[int | None]:
    """Give line, column, last line and column behind the end; each may be missing."""
    names = ("startLine", "startColumn", "endLine", "endColumn")
    return [region.whole(name) for name in names]


def _edits(run: Node, result: Node, place: dict[str, Any]) -> list[list[Any]]:
    """Give the edits of the first fix, where it is of the result's own file alone."""
    for fix in result.nodes("fixes")[:1]:
        changes = fix.nodes("artifactChanges")
        if len(changes) == 1 and _artifact(run, changes[0].node("artifactLocation")) == place:
            return [
                [*_region(one.node("deletedRegion")), one.node("insertedContent").text("text")]
                for one in changes[0].nodes("replacements")
            ]
    return []
