"""Reports of other tools, taken apart in processes of their own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine.contracts.analyzer import Analysis, AnalyzerReport
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.finding import Category, RawFinding, Severity, Suggestion
from codeflow_engine.errors import AnalyzerError
from codeflow_engine.providers.analyzer.imported import ImportedAnalyzer, ImportedSettings
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.storage.memory import MemoryCache

DIFF = (
    "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,3 @@\n"
    " one = 1\n+tw\U0001f600o = 2; three\n four = 4\n"
    "--- a/b \u00e9.py\n+++ b/b \u00e9.py\n@@ -1 +1 @@\n-x\n+y\n"
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


def analysis(target: str = "/srv/shop") -> Analysis:
    async def unread(*_: Any) -> Any:
        raise AssertionError("no file is read")

    diff = Diff.parse(DIFF)
    change = Change(provider="git", target=target, diff=diff)
    return Analysis(change=change, units=diff.units, read_files=unread, cache=MemoryCache())


async def imported(
    tmp_path: Path, sandbox: Sandbox, report: Any, **settings: Any
) -> AnalyzerReport:
    path = tmp_path / "report"
    path.write_text(report if isinstance(report, str) else json.dumps(report), "utf-8")
    given = ImportedSettings(reports=(str(path),), **settings)
    return await ImportedAnalyzer(given).analyze(analysis(), sandbox)


def result(uri: str = "src/a.py", line: int = 2, **fields: Any) -> dict[str, Any]:
    region = fields.pop("region", {"startLine": line})
    place = {"artifactLocation": {"uri": uri, **fields.pop("file", {})}, "region": region}
    return {
        "ruleId": "R1",
        "message": {"text": "It is wrong. Very."},
        "locations": [{"physicalLocation": place}],
        **fields,
    }


def sarif(*results: dict[str, Any], rules: list[Any] | None = None, **run: Any) -> dict[str, Any]:
    driver = {"name": "Acme Lint", "rules": rules or []}
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": list(results), **run}],
    }


async def test_a_sarif_result_becomes_a_finding(tmp_path: Path, sandbox: Sandbox) -> None:
    """Tool and rule name it; columns in UTF-16 become columns of characters."""
    region = {"startLine": 2, "startColumn": 6, "endLine": 2, "endColumn": 10}
    report = await imported(tmp_path, sandbox, sarif(result(region=region, level="error")))

    assert report.findings == (
        RawFinding(
            rule="Acme-Lint/R1",
            severity=Severity.HIGH,
            category=Category.CORRECTNESS,
            title="It is wrong",
            message="It is wrong. Very.",
            path="src/a.py",
            line=2,
            end_line=2,
            column=5,
            end_column=9,
        ),
    )
    assert {reason for _, reason in report.declined} == {
        "an imported report does not say what was examined"
    }
    assert len(report.declined) == 2
    assert report.examined == ()


LEVELS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({}, {}, "medium", "maintainability"),
    ({}, {"level": "note"}, "low", "maintainability"),
    ({}, {"level": "none"}, "info", "maintainability"),
    ({}, {"kind": "informational"}, "info", "maintainability"),
    ({"defaultConfiguration": {"level": "error"}}, {}, "high", "correctness"),
    ({"defaultConfiguration": {"level": "error"}}, {"level": "note"}, "low", "maintainability"),
    ({"properties": {"security-severity": "9.8"}}, {"level": "note"}, "critical", "security"),
    ({"properties": {"security-severity": 7}}, {}, "high", "security"),
    ({"properties": {"security-severity": "4.0"}}, {}, "medium", "security"),
    ({"properties": {"security-severity": "0.1"}}, {}, "low", "security"),
    ({"properties": {"security-severity": "0.0"}}, {"level": "error"}, "high", "correctness"),
    ({"properties": {"tags": ["x", "Security"]}}, {}, "medium", "security"),
    ({"properties": {"tags": ["performance"]}}, {}, "medium", "performance"),
    ({}, {"rank": 85.5}, "high", "correctness"),
    ({}, {"rank": 20}, "low", "maintainability"),
    ({}, {"rank": 1, "level": "error"}, "high", "correctness"),
]


async def test_sarif_levels_become_severities(tmp_path: Path, sandbox: Sandbox) -> None:
    """A score of security wins over a level, a result over its rule, a level over a rank."""
    rules = [{"id": f"R{at:02}", **rule} for at, (rule, *_) in enumerate(LEVELS)]
    results = [result(ruleId=f"R{at:02}", **row[1]) for at, row in enumerate(LEVELS)]

    report = await imported(tmp_path, sandbox, sarif(*results, rules=rules))

    told = [(one.severity.value, one.category.value) for one in report.findings]
    assert told == [row[2:] for row in LEVELS]


STANDING: list[tuple[dict[str, Any], int]] = [
    ({"suppressions": []}, 1),
    ({"suppressions": [{"kind": "inSource"}]}, 0),
    ({"suppressions": [{"kind": "external", "status": "accepted"}]}, 0),
    ({"suppressions": [{"kind": "external", "status": "rejected"}]}, 1),
    ({"baselineState": "absent"}, 0),
    ({"baselineState": "unchanged"}, 1),
    ({"baselineState": "new"}, 1),
    ({"kind": "pass"}, 0),
    ({"kind": "notApplicable"}, 0),
    ({"kind": "open"}, 1),
]


async def test_only_results_that_stand_are_told(tmp_path: Path, sandbox: Sandbox) -> None:
    """Suppressed, vanished and passed results are none."""
    results = [result(ruleId=f"R{at:02}", **fields) for at, (fields, _) in enumerate(STANDING)]

    report = await imported(tmp_path, sandbox, sarif(*results))

    told = [f"Acme-Lint/R{at:02}" for at, (_, stands) in enumerate(STANDING) if stands]
    assert [one.rule for one in report.findings] == told


BASES = {
    "SRC": {"uri": "src/", "uriBaseId": "TOP"},
    "TOP": {"uri": "file:///srv/shop"},
    "%SRCROOT%": {"uri": "file:///build/elsewhere/"},
    "FAR": {"uri": "file:///far/"},
    "LOOP": {"uri": "x/", "uriBaseId": "LOOP"},
    "BARE": {},
}


PLACES = [
    ("src/a.py", None, "src/a.py"),
    ("./src/a.py", None, "src/a.py"),
    ("b%20%C3%A9.py", None, "b \u00e9.py"),
    ("file:///srv/shop/src/a.py", None, "src/a.py"),
    ("file://localhost/srv/shop/src/a.py", None, "src/a.py"),
    ("file:///container/src/a.py", None, "src/a.py"),
    ("a.py", "SRC", "src/a.py"),
    ("src/a.py", "TOP", "src/a.py"),
    ("src/a.py", "%SRCROOT%", "src/a.py"),
    ("src/a.py", "BARE", "src/a.py"),
    ("src/a.py", "UNKNOWN", "src/a.py"),
    ("src/a.py", "FAR", None),
    ("a.py", "LOOP", None),
    ("a.py", None, None),
    ("../shop/src/a.py", None, None),
    ("src/../src/a.py", None, None),
    ("src//a.py", None, None),
    ("SRC/A.PY", None, None),
    ("/etc/passwd", None, None),
    ("file:///etc/passwd", None, None),
    ("file:///other/src/a.py", None, None),
    ("file://evil.example.org/srv/shop/src/a.py", None, None),
    ("https://example.org/src/a.py", None, None),
    ("C:\\src\\a.py", None, None),
    ("src/a.py%00", None, None),
    ("src/a.py?x", None, None),
    ("b e\u0301.py", None, None),
    ("file://[", None, None),
    ("", None, None),
]


async def test_s9_a_place_is_a_path_of_the_change_or_nothing(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """A name is decoded and freed of known roots; then it equals a path, or is left out."""
    results = [
        result(uri, 1, ruleId=f"R{at:02}", file={} if base is None else {"uriBaseId": base})
        for at, (uri, base, _) in enumerate(PLACES)
    ]

    told = sarif(*results, originalUriBaseIds=BASES)
    report = await imported(tmp_path, sandbox, told, roots=("/container/",))

    found = {one.rule.removeprefix("Acme-Lint/"): one.path for one in report.findings}
    assert [found.get(f"R{at:02}") for at in range(len(PLACES))] == [path for *_, path in PLACES]


async def test_a_fix_becomes_a_suggestion_of_whole_lines(tmp_path: Path, sandbox: Sandbox) -> None:
    """Columns are undone, other files' edits and edits outside of a hunk are not offered."""

    def fix(uri: str, region: dict[str, int], text: str) -> dict[str, Any]:
        change = {
            "artifactLocation": {"uri": uri},
            "replacements": [{"deletedRegion": region, "insertedContent": {"text": text}}],
        }
        return {"fixes": [{"artifactChanges": [change]}]}

    region = {"startLine": 2, "startColumn": 6, "endColumn": 10}
    report = await imported(
        tmp_path,
        sandbox,
        sarif(
            result(message={"text": "1"}, **fix("src/a.py", region, "= 3")),
            result(message={"text": "2"}, **fix("b%20%C3%A9.py", region, "no")),
            result(message={"text": "3"}, **fix("src/a.py", {"startLine": 9}, "no")),
            result(message={"text": "4"}, **fix("src/a.py", {**region, "startColumn": 4}, "no")),
            result(
                message={"text": "5"},
                **fix("src/a.py", {"startLine": 2, "endLine": 3, "endColumn": 1}, ""),
            ),
        ),
    )

    assert [one.suggestion for one in report.findings] == [
        Suggestion(replacement="tw\U0001f600o= 3; three", start_line=2, end_line=2),
        None,
        None,
        None,
        Suggestion(replacement="", start_line=2, end_line=2),
    ]


RDF = {
    "source": {"name": "linty"},
    "severity": "WARNING",
    "diagnostics": [
        {
            "message": "Wrong",
            "location": {
                "path": "/srv/shop/src/a.py",
                "range": {"start": {"line": 2, "column": 8}, "end": {"line": 2, "column": 12}},
            },
            "code": {"value": "L 1"},
            "suggestions": [
                {"range": {"start": {"line": 2}, "end": {"line": 2}}, "text": "two = 2\n"}
            ],
        },
        {
            "message": "Bad",
            "location": {"path": "b \u00e9.py"},
            "severity": "ERROR",
            "source": {"name": "other"},
        },
    ],
}


@pytest.mark.parametrize("form", ["rdjson", "rdjsonl"])
async def test_rdf_is_read_in_both_forms(tmp_path: Path, sandbox: Sandbox, form: str) -> None:
    """Columns are bytes of UTF-8; severity and source of the document hold for what lacks one."""
    text = json.dumps(RDF)
    if form == "rdjsonl":
        rows = [{"source": {"name": "linty"}, **row} for row in RDF["diagnostics"]]
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
    report = await imported(tmp_path, sandbox, text)

    bad, wrong = report.findings
    assert (wrong.rule, wrong.severity, wrong.path) == ("linty/L-1", Severity.MEDIUM, "src/a.py")
    assert (wrong.line, wrong.column, wrong.end_column) == (2, 5, 9)
    assert wrong.suggestion == Suggestion(replacement="two = 2", start_line=2, end_line=2)
    assert (bad.rule, bad.severity, bad.line) == ("other/unnamed", Severity.HIGH, None)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("report", "told"),
    [
        ("", "the report is empty, as a tool leaves it that has crashed"),
        ("[]", "report is no object"),
        ("{}", "the report is neither SARIF nor RDF"),
        ('{"runs"', "the report is no JSON"),
        ("[" * 100_000, "the report is nested too deeply"),
        ('{"version": "2.1.0", "runs": NaN}', "a number of the document is not finite"),
        ('{"version": "2.1.0", "version": "2.1.0"}', "an object of the document has a key twice"),
        ({"version": "2.0.0", "runs": []}, "the version is not 2.1.0"),
        ({"version": "2.1.0", "runs": {}}, "report.runs is no list"),
        (
            sarif({**result(), "message": {"text": 5}}),
            "report.runs[0].results[0].message.text is no text",
        ),
        (sarif({**result(), "message": {}}), "report.runs[0].results[0].message has no text"),
        (sarif(result(region={"startLine": "2"})), "startLine is no whole number"),
        (sarif(result(level="awful")), "report.runs[0].results[0].level is none of the known ones"),
        (sarif(result(), invocations=[{"executionSuccessful": False}]), "the tool has failed"),
        ({"diagnostics": [{"message": "m", "location": {}}]}, "location.path has no text"),
        (
            {"diagnostics": [{"message": "m", "location": {"path": "a"}, "severity": []}]},
            "severity is none",
        ),
        ('{"message": "m", "location": {"path": "a"}}\n{"message": \n', "line 2 is no JSON"),
        (sarif(*[result()] * 20_001), "the report has more than 20000 results"),
    ],
    ids=range(18),
)
async def test_a_report_that_is_not_of_its_form_is_an_error(
    tmp_path: Path, sandbox: Sandbox, report: Any, told: str
) -> None:
    """The place is named, and nothing is taken over from a part that can be read."""
    with pytest.raises(AnalyzerError) as caught:
        await imported(tmp_path, sandbox, report)

    assert told in caught.value.message
    assert caught.value.message.startswith("the report 'report': ")


async def test_s8_texts_of_a_report_are_made_harmless(tmp_path: Path, sandbox: Sandbox) -> None:
    """Control characters of a message, a title and a rule are shown, never sent."""
    evil = "x\x1b]52;c;cm0=\x07\u202e"
    report = await imported(
        tmp_path, sandbox, sarif(result(message={"text": f"{evil}\nnext"}, ruleId=evil))
    )

    (finding,) = report.findings
    assert finding.message == "x\\x1b]52;c;cm0=\\x07\\u202e\nnext"
    assert finding.title == "x\\x1b]52;c;cm0=\\x07\\u202e"
    assert finding.rule == "Acme-Lint/x-52-c-cm0"


async def test_a_report_that_cannot_be_read_is_an_error(tmp_path: Path, sandbox: Sandbox) -> None:
    """A report that is absent, no file, or too large fails the units; it is no empty one."""
    (tmp_path / "large").write_bytes(b" " * 11)
    for name, told in (("absent", "No such file"), (".", "no regular file"), ("large", "larger")):
        settings = ImportedSettings(reports=(str(tmp_path / name),), max_report_bytes=10)
        with pytest.raises(AnalyzerError, match=told):
            await ImportedAnalyzer(settings).analyze(analysis(), sandbox)


async def test_without_a_report_every_unit_is_declined(sandbox: Sandbox) -> None:
    """An engine that was told of no report asks the analyzer without harm."""
    report = await ImportedAnalyzer().analyze(analysis(), sandbox)

    assert [reason for _, reason in report.declined] == ["no report was named"] * 2
