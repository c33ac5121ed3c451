"""The reader of answers believes nothing that cannot be true."""

from __future__ import annotations

import json
from typing import Any

import pytest
from analyzer_patches import change

from codeflow_engine.contracts.analyzer import Analysis, AnalyzerReport
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.finding import Category, Severity, Suggestion
from codeflow_engine.errors import AnalyzerError
from codeflow_engine.providers.analyzer.report_reader import ReportReader
from codeflow_engine.storage.memory import MemoryCache

DIFF = Diff.parse(change("a.py", ["+a"], ["+b"]) + change("b.py", ["+c"], old_path="old.py"))
FIELDS = {"rule": "x-y", "severity": "low", "category": "style", "title": "t", "message": "m"}
QUOTED = "hunter2"


async def unread(*_: Any) -> Any:
    raise AssertionError("no file is read")


ANALYSIS = Analysis(
    change=Change.from_diff(DIFF), units=DIFF.units, read_files=unread, cache=MemoryCache()
)


def read(*rows: Any, whole: bool = True, status: str = "exit status 0") -> AnalyzerReport:
    """Read rows; one of bytes is taken as it is."""
    reader = ReportReader("acme:scan", ANALYSIS)
    for row in rows:
        reader.feed(row if isinstance(row, bytes) else json.dumps(row).encode())
    return reader.finish(whole=whole, status=status)


def finding(**fields: Any) -> list[Any]:
    """Write the row of a finding in the first unit."""
    return ["finding", 0, False, {**FIELDS, **fields}]


def test_a_whole_answer_is_a_report() -> None:
    """Units come back as they were asked for, findings with their paths."""
    report = read(
        finding(line=2, side="old", confidence=1),
        ["examined", 0, 2],
        ["finding", 2, True, FIELDS],
        ["declined", 2, 3, "why"],
        ["end", 4],
    )

    assert report.examined == DIFF.units[:2]
    assert report.declined == ((DIFF.units[2], "why"),)
    first, second = report.findings
    assert (first.path, first.rule, first.line, first.side) == ("a.py", "x-y", 2, Side.OLD)
    assert (first.severity, first.category) == (Severity.LOW, Category.STYLE)
    assert second.path == "old.py"


def test_all_fields_of_a_finding_come_through() -> None:
    """What a scan says is what the engine gets."""
    suggestion = {"replacement": "", "start_line": 1, "end_line": 1}
    fields = {"line": 1, "end_line": 2, "column": 3, "end_column": 3, "quote": "q"}

    report = read(finding(**fields, suggestion=suggestion, confidence=0.5), ["end", 1])

    (found,) = report.findings
    assert {name: getattr(found, name) for name in fields} == fields
    assert found.suggestion == Suggestion(replacement="", start_line=1, end_line=1)
    assert found.confidence == 0.5


def test_units_in_no_row_are_in_no_list() -> None:
    """Silence about a unit stays silence."""
    report = read(["examined", 1, 2], ["end", 1])

    assert report.examined == (DIFF.units[1],)
    assert report.declined == ()


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [["examined", 0, 3]],
        [["end", 1]],
        [["examined", 0, 3], ["end", 0]],
        [["end", 0], ["examined", 0, 3]],
        [["end", 0], ["end", 1]],
        [["examined", 0, 4], ["end", 1]],
        [["examined", -1, 1], ["end", 1]],
        [["examined", 1, 1], ["end", 1]],
        [["examined", 2, 1], ["end", 1]],
        [["examined", 0, 2], ["examined", 1, 3], ["end", 2]],
        [["examined", 0, 2], ["declined", 1, 3, "x"], ["end", 2]],
        [["examined", 1, 2], ["examined", 0, 1], ["end", 2]],
        [["examined", 0, 1], finding(), ["end", 2]],
        [["declined", 0, 1, ""], ["end", 1]],
        [["declined", 0, 1, None], ["end", 1]],
        [["examined", "0", 3], ["end", 1]],
        [["examined", 0.0, 3], ["end", 1]],
        [["finding", 3, False, FIELDS], ["end", 1]],
        [["finding", -1, False, FIELDS], ["end", 1]],
        [["finding", 0, 0, FIELDS], ["end", 1]],
        [["finding", 0, False, []], ["end", 1]],
        [["unknown"], ["end", 1]],
        [{"end": 0}],
        [None, ["end", 1]],
        [b"", ["end", 1]],
        [b"{", ["end", 1]],
        [b"\xff\xfe", ["end", 1]],
        [b"[" * 60_000, ["end", 1]],
        [b"9" * 60_000, ["end", 1]],
        [finding(message="m" * 70_000), ["end", 1]],
        [["failed", "x\n" + QUOTED, "y"], ["end", 1]],
        [["failed", "x" * 300, "y"]],
    ],
    ids=repr,
)
def test_an_answer_that_cannot_be_true_is_an_error(rows: list[Any]) -> None:
    """A cut, a repetition, a unit that was not asked for, or a strange row fails it all."""
    with pytest.raises(AnalyzerError, match="acme:scan") as caught:
        read(*rows)

    assert QUOTED not in caught.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rule", ""),
        ("rule", "a b"),
        ("rule", 1),
        ("severity", "awful"),
        ("severity", None),
        ("category", "x"),
        ("title", ""),
        ("title", " "),
        ("message", [QUOTED]),
        ("side", "left"),
        ("line", 0),
        ("line", -1),
        ("line", True),
        ("line", 1.5),
        ("line", "1"),
        ("end_line", 0),
        ("column", 0),
        ("end_column", "x"),
        ("quote", ""),
        ("quote", 7),
        ("confidence", 1.1),
        ("confidence", -0.1),
        ("confidence", True),
        ("confidence", "1"),
        ("suggestion", QUOTED),
        ("suggestion", {"replacement": "x"}),
        ("suggestion", {"replacement": 1, "start_line": 1, "end_line": 1}),
        ("suggestion", {"replacement": "", "start_line": 2, "end_line": 1}),
        ("suggestion", {"replacement": "", "start_line": 0, "end_line": 1}),
        ("suggestion", {"replacement": "", "start_line": 1, "end_line": True}),
    ],
)
def test_a_wrong_field_is_named_and_not_quoted(name: str, value: Any) -> None:
    """A finding of another form than its type fails the answer."""
    with pytest.raises(AnalyzerError, match=rf"wrong fields: {name} \(row 1\)") as caught:
        read(finding(**{name: value}), ["end", 1])

    assert QUOTED not in caught.value.message


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_missing_field_is_named(name: str) -> None:
    """What has no default must be there."""
    fields = {key: value for key, value in FIELDS.items() if key != name}

    with pytest.raises(AnalyzerError, match=f"wrong fields: {name}"):
        read(["finding", 0, False, fields], ["end", 1])


@pytest.mark.parametrize("name", ["path", "surprise", QUOTED])
def test_an_unknown_field_is_not_taken_and_not_quoted(name: str) -> None:
    """A scan does not choose the path: that is its unit's."""
    with pytest.raises(AnalyzerError, match="wrong fields: an unknown one") as caught:
        read(finding(**{name: "x"}), ["end", 1])

    assert QUOTED not in caught.value.message


@pytest.mark.parametrize(
    "fields",
    [
        {"line": 3, "end_line": 2},
        {"end_line": 2, "column": 4, "end_column": 3},
    ],
)
def test_a_finding_that_ends_before_it_begins_is_an_error(fields: dict[str, int]) -> None:
    """Lines and columns are in their order."""
    with pytest.raises(AnalyzerError, match="ends before it begins"):
        read(finding(**fields), ["end", 1])


def test_a_failure_is_told_as_it_was_sent() -> None:
    """The type of the exception and its place are the scan's, and hold no text."""
    with pytest.raises(AnalyzerError, match=r"acme:scan failed: ValueError \(at acme\.x:7\)"):
        read(["examined", 0, 1], ["failed", "ValueError", "acme.x:7"])


@pytest.mark.parametrize(
    ("whole", "status"), [(False, "exit status 0"), (True, "exit status 1"), (True, "SIGKILL")]
)
def test_an_answer_counts_only_when_its_process_ended_well(*, whole: bool, status: str) -> None:
    """A last row is not enough where bytes follow or the process died."""
    with pytest.raises(AnalyzerError, match=f"before its answer was complete .{status}"):
        read(["examined", 0, 3], ["end", 1], whole=whole, status=status)


def test_nothing_at_all_is_never_an_empty_report() -> None:
    """Silence is a failure, also where nothing was asked for."""
    empty = Diff.parse("")
    analysis = Analysis(
        change=Change.from_diff(empty), units=(), read_files=unread, cache=MemoryCache()
    )

    with pytest.raises(AnalyzerError, match="complete"):
        ReportReader("acme:scan", analysis).finish(whole=True, status="exit status 0")
