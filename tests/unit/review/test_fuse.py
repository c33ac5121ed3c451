from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Category, Finding, Severity, Suggestion
from codeflow_engine.review.fuse import fuse

FINDING = Finding(
    fingerprint="f",
    path="a.py",
    line=1,
    end_line=1,
    severity=Severity.LOW,
    category=Category.SECURITY,
    rule="x/r",
    title="Title",
    message="m",
    sources=("x",),
)

findings = st.lists(
    st.builds(
        lambda path, line, more, severity, title, message, source, confidence: replace(
            FINDING,
            fingerprint=f"{path}{line}{more}{title}{message}{source}",
            path=path,
            line=line,
            end_line=None if line is None else line + more,
            severity=severity,
            title=title,
            message=message,
            rule=f"{source}/r",
            confidence=confidence,
            sources=(source,),
        ),
        st.sampled_from("ab"),
        st.none() | st.integers(1, 3),
        st.integers(0, 2),
        st.sampled_from(Severity),
        st.sampled_from(["T", "t", "u"]),
        st.sampled_from(["weak digest md5", "the digest md5 is weak", "unused name here"]),
        st.sampled_from(["x", "y", "z", "model", "bot:b"]),
        st.sampled_from([0.5, 1.0]),
    ),
    max_size=12,
)


def test_the_same_finding_of_two_sources_becomes_one_with_both_names() -> None:
    """The worse severity and its text stay; provenance is kept."""
    worse = replace(FINDING, severity=Severity.HIGH, title="title", rule="y/r", sources=("y",))
    (merged,) = fuse((FINDING, worse))
    assert (merged.severity, merged.rule, merged.sources) == (Severity.HIGH, "y/r", ("x", "y"))


@given(st.permutations(range(8)), st.data())
def test_the_order_of_sources_does_not_matter(order: list[int], data: st.DataObject) -> None:
    """The list is the same for any order of input, worst first."""
    rows = data.draw(findings)
    shuffled = [rows[at] for at in order if at < len(rows)] + rows[8:]
    fused = fuse(tuple(rows))
    assert fused == fuse(tuple(shuffled))
    assert [one.severity.rank for one in fused] == sorted(one.severity.rank for one in fused)


@given(findings)
def test_no_finding_is_lost(rows: list[Finding]) -> None:
    """Every source of every finding is named by one that remains on some of its lines."""
    fused = fuse(tuple(rows))
    for row in rows:
        assert any(
            one.path == row.path
            and (one.line or 0) <= (row.end_line or 0)
            and (row.line or 0) <= (one.end_line or 0)
            and set(row.sources) <= set(one.sources)
            and (one.severity.at_least(row.severity) or row.sources == ("bot:b",))
            for one in fused
        )


def told(source: str, message: str, line: int = 7, **fields: Any) -> Finding:
    given: dict[str, Any] = {
        "fingerprint": f"{source}{message}{line}",
        "line": line,
        "end_line": line,
        "rule": f"{source}/1",
        "title": message,
        "message": message,
        "sources": (source,),
    }
    return replace(FINDING, **(given | fields))


SHELL = "`subprocess` call with `shell=True` identified, security issue"


def test_two_tools_that_say_about_the_same_of_a_line_are_heard_once() -> None:
    """A check that one tool took over from another one is one finding with both names."""
    other = "subprocess call with shell=True identified, security issue."
    third = told("imported", other, category=Category.MAINTAINABILITY)

    (one,) = fuse((told("ruff", SHELL), told("bandit", other, end_line=9), third))

    assert one.sources == ("bandit", "imported", "ruff")


@pytest.mark.parametrize(
    "other",
    [
        told("bandit", "Probable insecure usage of temp file or directory"),
        told("bandit", SHELL, line=8),
        told("bandit", SHELL, path="b.py"),
        told("bandit", SHELL, side=Side.OLD),
        told("ruff", f"{SHELL} in another call of the line"),
    ],
    ids=["other-words", "other-line", "other-file", "other-side", "same-tool"],
)
def test_what_differs_in_place_or_matter_stays_apart(other: Finding) -> None:
    """Two problems are never taken for one, nor two checks of one tool."""
    assert len(fuse((told("ruff", SHELL), other))) == 2


@pytest.mark.parametrize("source", ["model", "bandit"])
def test_what_a_model_says_in_other_words_of_the_same_lines_is_one_finding(source: str) -> None:
    """Two chunks may show a line, and a tool may have seen it: rule and words are others then."""
    first = told(source, SHELL, end_line=8)
    second = told("model", "Input of users becomes a command", severity=Severity.MEDIUM)

    (one,) = fuse((first, second))

    assert one.sources == tuple(sorted({source, "model"}))
    assert one.severity is Severity.MEDIUM
    assert one.title == (SHELL if source == "bandit" else second.title)


@pytest.mark.parametrize(
    "fields",
    [
        {"category": Category.CORRECTNESS},
        {"line": 8},
        {"end_line": 30},
        {"line": None, "end_line": None},
    ],
    ids=["other-category", "other-line", "whole-function", "whole-file"],
)
def test_what_a_model_says_of_other_lines_or_matters_stays_apart(fields: dict[str, Any]) -> None:
    """Lines are the same where at least half of them are."""
    other = told("model", "Input of users becomes a command", **fields)

    assert len(fuse((told("model", SHELL), other))) == 2


def test_two_checks_of_a_tool_stay_apart_where_a_model_speaks_of_the_line_too() -> None:
    """The model is heard as one of them."""
    checks = (told("bandit", SHELL), told("bandit", "Starting a process with a partial path"))

    fused = fuse((*checks, told("model", "Input of users becomes a command")))

    assert sorted(one.sources for one in fused) == [("bandit",), ("bandit", "model")]


def test_a_short_text_is_no_proof_that_two_are_one() -> None:
    """Two words in common are too few, unless the titles are equal."""
    assert len(fuse((told("x", "unused name"), told("y", "unused name there")))) == 2


def test_a_suggestion_is_taken_over_from_whom_has_one() -> None:
    """The worse text and the other one's edit become one finding."""
    edit = Suggestion(replacement="", start_line=7, end_line=7)
    worse = told("x", SHELL, severity=Severity.HIGH)

    (one,) = fuse((worse, told("y", SHELL, suggestion=edit)))

    assert (one.severity, one.suggestion) == (Severity.HIGH, edit)


@pytest.mark.parametrize("source", ["x", "model"])
def test_a_bot_that_says_the_same_adds_its_name_and_nothing_else(source: str) -> None:
    """Neither its words nor its severity count where a tool or a model has its own."""
    own = replace(FINDING, sources=(source,), confidence=0.3)
    loud = replace(
        FINDING, severity=Severity.CRITICAL, rule="bot:b/comment", sources=("bot:b",), message="!"
    )

    assert fuse((loud, own)) == (replace(own, sources=tuple(sorted(("bot:b", source)))),)


def test_what_bots_alone_say_is_as_bad_as_the_worst_of_them() -> None:
    """Among bots it is as among tools."""
    bots = [
        replace(FINDING, severity=severity, fingerprint=name, sources=(f"bot:{name}",))
        for name, severity in (("a", Severity.LOW), ("b", Severity.MEDIUM))
    ]

    (merged,) = fuse(tuple(bots))

    assert (merged.severity, merged.sources) == (Severity.MEDIUM, ("bot:a", "bot:b"))
