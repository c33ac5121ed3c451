"""The SARIF report is valid, is read alike by foreign readers, and is never falsely clean."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import SEVERITIES, entry, finding, review, reviews
from sarif_readers import read, schema

from codeflow_engine.reports.sarif import render
from codeflow_engine.reports.sarif.location import uri_of

LINE = '    token = "ghp_****"'


def run_of(*findings: dict[str, Any], **fields: Any) -> dict[str, Any]:
    log, _, _ = read(render(review(*findings, **fields)))
    (run,) = log["runs"]
    return dict(run)


def result_of(**fields: Any) -> dict[str, Any]:
    (result,) = run_of(finding(**fields))["results"]
    return dict(result)


def physical(result: dict[str, Any]) -> dict[str, Any]:
    (location,) = result["locations"]
    return dict(location["physicalLocation"])


def evidence(line: str, **columns: int | None) -> dict[str, Any]:
    return {"start_line": 12, "lines": [line], "column": 5, "end_column": 10} | columns


def test_the_schema_refuses_what_is_no_sarif() -> None:
    """The check that the other tests rest on can fail."""
    log = json.loads(render(review(finding())))
    log["runs"][0]["results"][0]["level"] = "awful"

    assert list(schema().iter_errors(log))


@given(reviews())
@settings(deadline=None, max_examples=60)
def test_any_review_is_valid_and_read_by_both_readers(made: dict[str, Any]) -> None:
    """Whatever stands in it, each standing finding is one result for each reader."""
    log, simple, typed = read(render(made))
    standing = [one for one in made["findings"] if one["state"] != "resolved"]
    results = log["runs"][0]["results"]
    missing = [one for one in results if one["ruleId"] == "codeflow-engine/not-covered"]

    assert len(results) == len(standing) + len(missing)
    assert bool(missing) == (made["outcome"] != "reviewed")
    assert simple.get_result_count() == len(results)
    assert len(simple.get_records()) == len(results)
    assert typed.runs[0].results is not None
    assert len(typed.runs[0].results) == len(results)


@given(reviews())
@settings(deadline=None, max_examples=40)
def test_any_review_keeps_the_rules_that_no_schema_holds(made: dict[str, Any]) -> None:
    """Rules are found by index, and what one result says of its state, all say."""
    (run,) = json.loads(render(made))["runs"]
    rules = run["tool"]["driver"]["rules"]

    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["baselineState"] in {"new", "unchanged"}
        assert "suppressions" in result
        assert result["message"]["text"].strip()
        region = physical(result).get("region")
        if region is not None:
            assert region["endLine"] >= region["startLine"]
        if region is not None and "endColumn" in region:
            assert region["endLine"] == region["startLine"]
            assert region["endColumn"] > region["startColumn"]
        context = physical(result).get("contextRegion")
        if context is not None:
            assert context["startLine"] <= region["startLine"] <= region["endLine"]
            assert region["endLine"] <= context["endLine"]


def test_the_same_review_is_the_same_text() -> None:
    """Nothing of the moment of writing is in it."""
    made = review(finding(), finding(rule="ruff/F401", sources=["ruff"]))

    assert render(made) == render(json.loads(json.dumps(made)))
    assert render(made).endswith("}\n")


def test_s8_hidden_characters_are_escapes() -> None:
    """Nothing that a terminal obeys or an eye cannot see is written as it is."""
    text = render(review(finding(title="a\x1b[2J\u202eb", path="\u202e.py")))

    assert text.replace("\n", "").isprintable()
    render(review(finding(title="Schl\u00fcssel")), encoding="ascii").encode("ascii")


@pytest.mark.parametrize(
    ("severity", "level", "score", "rank"),
    [
        ("critical", "error", "9.5", 100.0),
        ("high", "error", "8.0", 80.0),
        ("medium", "warning", "5.5", 60.0),
        ("low", "note", "2.0", 40.0),
        ("info", "note", None, 20.0),
    ],
)
def test_severities_are_levels_and_scores(
    severity: str, level: str, score: str | None, rank: float
) -> None:
    """A security finding has a score in the band that a reader shows under the same word."""
    run = run_of(finding(severity=severity))
    (result,), (rule,) = run["results"], run["tool"]["driver"]["rules"]

    assert result["level"] == rule["defaultConfiguration"]["level"] == level
    assert result["properties"].get("security-severity") == score
    assert rule["properties"].get("security-severity") == score
    assert result["rank"] == rank


def test_only_security_findings_have_a_score() -> None:
    """A score would make a reader show a question of style as a security problem."""
    run = run_of(finding(category="style"))

    assert "security-severity" not in run["results"][0]["properties"]
    assert "security-severity" not in run["tool"]["driver"]["rules"][0]["properties"]


def test_a_rule_is_described_by_all_its_findings() -> None:
    """It is as bad as the worst and as sure as the least sure of them."""
    run = run_of(
        finding(severity="low", confidence=0.5),
        finding(severity="critical", category="correctness", sources=["panel"]),
        finding(rule="a/first", title="One"),
        finding(rule="a/first", title="Other"),
    )
    first, second = run["tool"]["driver"]["rules"]

    assert (first["id"], first["shortDescription"]["text"]) == ("a/first", "a/first")
    assert (second["id"], second["name"]) == ("secrets/github-token", "github-token")
    assert second["shortDescription"] == {"text": "GitHub token in the code"}
    assert second["defaultConfiguration"] == {"level": "error"}
    assert second["properties"] == {
        "precision": "medium",
        "problem.severity": "error",
        "tags": ["correctness", "security"],
        "security-severity": "2.0",
    }
    assert "Reported by panel, secrets." in second["help"]["text"]
    assert run["tool"]["extensions"] == [{"name": "panel"}, {"name": "secrets"}]


def test_a_finding_stands_at_its_columns() -> None:
    """Columns count characters, as the run declares, and the code around is there."""
    run = run_of(finding())
    place = physical(run["results"][0])

    assert run["columnKind"] == "unicodeCodePoints"
    assert place["region"] == {
        "startLine": 12,
        "startColumn": 13,
        "endLine": 12,
        "endColumn": 23,
    }
    assert place["contextRegion"]["startLine"] == 11
    assert place["contextRegion"]["snippet"]["text"].split("\n")[1] == LINE


@pytest.mark.parametrize(
    ("line", "columns", "expected"),
    [
        ("    token = 1", {}, {"startColumn": 5, "endColumn": 10}),
        ("    token = 1", {"end_column": None}, {"startColumn": 5}),
        ("    token = 1", {"column": None}, {}),
        ("    token = 1", {"column": 99}, {}),
        ("    token = 1", {"end_column": 99}, {"startColumn": 5}),
        ("    [redacted:a-b] = 1", {"end_column": 19}, {"startColumn": 5}),
        ("[redacted:a-b] = token", {"column": 18, "end_column": 23}, {}),
        ("    token = [redacted:a-b]", {}, {"startColumn": 5, "endColumn": 10}),
        ("\u2026    token = 1", {}, {}),
        ("    token\u2026", {"end_column": 11}, {"startColumn": 5}),
        (r"\xe4   token = 1", {"column": 8, "end_column": 13}, {}),
    ],
)
def test_a_column_that_may_be_wrong_is_left_out(
    line: str, columns: dict[str, Any], expected: dict[str, int]
) -> None:
    """Where the text before it is redacted, cut or escaped, it would point elsewhere."""
    region = physical(result_of(evidence=evidence(line, **columns)))["region"]

    assert region == {"startLine": 12, "endLine": 12} | expected


def test_a_finding_over_several_lines_ends_with_its_last_line() -> None:
    """The last column of the evidence is one of the first line, so it says nothing here."""
    region = physical(result_of(end_line=14))["region"]

    assert region == {"startLine": 12, "startColumn": 13, "endLine": 14}


def test_code_that_is_not_whole_is_not_given_as_the_code_around() -> None:
    """A line that was cut is no part of the file; a secret that is redacted is declared."""
    cut = result_of(evidence=evidence("    token = 1\u2026"))
    run = run_of(finding(evidence=evidence("    token = [redacted:github-token]")))

    assert "contextRegion" not in physical(cut)
    assert "snippet" in physical(run["results"][0])["contextRegion"]
    assert run["redactionTokens"] == ["[redacted:github-token]"]


def test_lines_before_the_change_are_not_lines_of_the_new_file() -> None:
    """A finding on the old side names its file, and its line in words alone."""
    result = result_of(side="old")

    assert physical(result) == {
        "artifactLocation": {"uri": "src/cart.py", "uriBaseId": "%SRCROOT%"}
    }
    assert result["message"]["text"].endswith("line 12 as it was before the change.")
    assert result["properties"]["oldLine"] == 12


def test_a_finding_on_a_whole_file_has_no_region() -> None:
    """The place is the file (3.29.4: without a region, all of the artifact)."""
    assert "region" not in physical(result_of(line=None, evidence=None))


def test_states_are_baseline_states_and_suppressions() -> None:
    """New, known, dismissed and accepted; what is resolved is counted, and no result."""
    run = run_of(*(finding(state=name) for name in ("new", "open", "dismissed", "resolved")))

    told = [(one["baselineState"], one["suppressions"]) for one in run["results"]]
    assert told == [
        ("new", []),
        ("unchanged", []),
        ("unchanged", [{"kind": "external", "status": "accepted"}]),
    ]
    assert run["properties"]["resolved"] == 1


def test_fingerprints_keep_the_identity_of_a_finding() -> None:
    """A reader can tell the same finding in the next log."""
    assert result_of()["partialFingerprints"] == {"codeflowFingerprint/v1": "f00d"}


def test_a_suggestion_is_a_fix() -> None:
    """Whole lines are replaced, or deleted with their line ends."""
    edit = {"replacement": "a\nb", "start_line": 12, "end_line": 13}
    (fix,) = result_of(suggestion=edit)["fixes"]
    (gone,) = result_of(suggestion=edit | {"replacement": ""})["fixes"]

    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "src/cart.py"
    assert change["replacements"] == [
        {"deletedRegion": {"startLine": 12, "endLine": 13}, "insertedContent": {"text": "a\nb"}}
    ]
    assert gone["artifactChanges"][0]["replacements"] == [
        {"deletedRegion": {"startLine": 12, "startColumn": 1, "endLine": 14, "endColumn": 1}}
    ]


@pytest.mark.parametrize("text", ["key = [redacted:github-token]", r"name = '\xe4'"])
def test_a_suggestion_that_would_write_other_text_is_no_fix(text: str) -> None:
    """What is redacted or escaped cannot be put into a file."""
    assert "fixes" not in result_of(
        suggestion={"replacement": text, "start_line": 12, "end_line": 12}
    )


def test_a_partial_review_is_no_clean_log() -> None:
    """The run has failed, each reason is an error notification, and an error result too."""
    entries = [
        entry(),
        entry("b.py", "failed", reason="timeout"),
        entry("c.py", "failed", reason="timeout"),
        entry("d.py", "skipped", reason="binary"),
    ]
    log, simple, _ = read(render(review(entries=entries)))
    run = log["runs"][0]
    (invocation,) = run["invocations"]
    notes = invocation["toolExecutionNotifications"]

    assert invocation["executionSuccessful"] is False
    assert [note["level"] for note in notes] == ["error", "error"]
    assert [len(note["locations"]) for note in notes] == [2, 1]
    assert "timeout" in notes[0]["message"]["text"]
    assert [one["level"] for one in run["results"]] == ["error", "error"]
    assert run["results"][0]["message"]["text"].startswith("REVIEW NOT COMPLETE (partial)")
    assert simple.get_report().get_issue_count_for_severity("error") == 2


def test_a_complete_review_has_run_well() -> None:
    """The times are those of the run, in UTC."""
    made = review(timing={"started_at": "2026-11-23T06:00:00+01:00", "seconds": 1.5})
    (invocation,) = json.loads(render(made))["runs"][0]["invocations"]

    assert invocation == {
        "executionSuccessful": True,
        "startTimeUtc": "2026-11-23T05:00:00.000Z",
        "endTimeUtc": "2026-11-23T05:00:01.500Z",
        "toolExecutionNotifications": [],
    }


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-11-23T05:00:00"])
def test_a_time_that_is_none_is_left_out(moment: str) -> None:
    """The schema of a review does not check it, and a log without it is valid."""
    run = run_of(timing={"started_at": moment, "seconds": 1.0})

    assert "startTimeUtc" not in run["invocations"][0]


def test_s7_text_of_others_is_no_link() -> None:
    """What a viewer would take for an embedded link (3.11.6) is none."""
    link = "[this](http://evil.example)"
    run = run_of(finding(title=f"See {link}.", message=f"Or {link}.", sources=[link], rule=link))
    (rule,) = run["tool"]["driver"]["rules"]

    texts = [run["results"][0]["message"]["text"]]
    texts += [rule[name]["text"] for name in ("shortDescription", "fullDescription", "help")]
    assert all("evil.example" in text and "](" not in text for text in texts)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("src/a b.py", "src/a%20b.py"),
        ("\u00e9%#?.py", "%C3%A9%25%23%3F.py"),
        ("c:/a.py", "c%3A/a.py"),
        (r"\xff.py", "%FF.py"),
        ("/etc/passwd", "%2Fetc/passwd"),
        ("//host/share", "%2F/host/share"),
    ],
)
def test_a_path_is_a_relative_reference(path: str, uri: str) -> None:
    """Bytes are percent-encoded, and nothing in a path makes it the address of a host."""
    assert uri_of(path) == uri


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda p: "\\x" not in p)
)
@settings(deadline=None)
def test_any_path_comes_back_from_its_reference(path: str) -> None:
    """RFC 3986: neither scheme, nor host, nor query, and the same bytes."""
    parts = urlsplit(uri_of(path))

    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert unquote_to_bytes(parts.path) == path.encode()


def test_the_worst_of_all_severities_is_told_by_both_readers() -> None:
    """sarif-tools and sarif-pydantic count the levels as we mean them."""
    _, simple, typed = read(render(review(*(finding(severity=name) for name in SEVERITIES))))
    report = simple.get_report()

    counts = {name: report.get_issue_count_for_severity(name) for name in ("error", "warning")}
    assert counts == {"error": 2, "warning": 1}
    results = typed.runs[0].results
    assert results is not None
    assert [one.level.value if one.level else None for one in results] == [
        *("error", "error", "warning", "note", "note")
    ]
