"""The Markdown report tells all, lets nobody else speak through it, and fits where it goes."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import SEVERITIES, entry, finding, findings, review, reviews
from test_report_inert import hostile

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.reports.markdown import LEAST_LIMIT, LIMIT, render
from markdown_reader import active, headings, tokens

hostile_findings = st.builds(
    finding,
    path=hostile,
    rule=hostile,
    title=hostile,
    message=hostile,
    sources=st.lists(hostile, max_size=2),
    fingerprint=hostile,
    evidence=st.builds(
        lambda lines: {"start_line": 11, "lines": lines, "column": None, "end_column": None},
        st.lists(hostile, max_size=3),
    ),
    suggestion=st.none()
    | st.builds(lambda text: {"replacement": text, "start_line": 11, "end_line": 12}, hostile),
    state=st.sampled_from(["new", "open", "resolved"]),
)


@st.composite
def hostile_reviews(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a review whose every text is written to be rendered."""
    reasons = hostile.filter(str.strip)
    return review(
        *draw(st.lists(hostile_findings, max_size=3)),
        entries=[
            entry(draw(hostile)),
            entry(draw(hostile), "failed", reason=draw(reasons)),
            entry(draw(hostile), "excluded", reason=draw(reasons)),
        ],
        reason=draw(hostile),
        change={"title": draw(hostile), "base": draw(hostile), "head": None, "files": 3},
        dropped={draw(hostile): 1},
    )


@given(hostile_reviews())
@settings(deadline=None, max_examples=150)
def test_s7_nothing_of_others_does_anything(made: dict[str, Any]) -> None:
    """No link, image, HTML, mention, reference, command or heading comes out of any text."""
    text = render(made)
    live = {one["path"] for one in made["findings"] if one["state"] != "resolved"}

    assert not active(text)
    assert len(headings(text)) == 2 + len(live)
    assert not {unicodedata.category(c) for c in text.replace("\n", "")} & {
        *("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    } - ({"Cc"} if "\t" in text else set())


@given(hostile_reviews())
@settings(deadline=None, max_examples=100)
def test_s7_tables_and_fences_are_ours_alone(made: dict[str, Any]) -> None:
    """There is one table, of numbers, and a fence for each code that is shown."""
    parsed = list(tokens(render(made)))
    live = [one for one in made["findings"] if one["state"] != "resolved"]
    shown = sum(bool(one["evidence"]["lines"]) for one in live)

    assert sum(token.type == "table_open" for token in parsed) == 1
    assert sum(token.type == "fence" and token.info == "text" for token in parsed) == shown
    assert {token.info for token in parsed if token.type == "fence"} <= {"text", "diff"}
    assert not any(token.type in {"code_block", "hr"} for token in parsed)


@given(reviews())
@settings(deadline=None, max_examples=60)
def test_any_review_begins_and_ends_with_how_it_ended(made: dict[str, Any]) -> None:
    """Neither the head nor the tail of an incomplete review reads as clean."""
    lines = render(made).splitlines()
    complete = made["outcome"] == "reviewed"

    assert lines[0].startswith("## Review complete" if complete else "## REVIEW NOT COMPLETE")
    assert ("NOT COMPLETE" in lines[-1]) != complete
    assert lines[-1].startswith("**Coverage:** ")
    assert ("> [!WARNING]" in lines) != complete
    assert not active("\n".join(lines).replace("[!WARNING]", ""))


def test_a_finding_is_told_with_place_code_and_origin() -> None:
    """The report of one finding, word for word."""
    made = finding(confidence=0.75, state="open", message="Revoke it.\nThen rotate `it`.")
    text = render(review(made))

    assert text == (
        "## Review complete: 1 finding (1 high)\n\n"
        "**Change:** Add totals, `1a2b3c4d5e1a` -> `:worktree`, 1 file\n\n"
        "| critical | high | medium | low | info |\n"
        "| ---: | ---: | ---: | ---: | ---: |\n"
        "| 0 | 1 | 0 | 0 | 0 |\n\n"
        "### `src/cart.py` (1 finding)\n\n"
        "**HIGH** `secrets/github-token`, line 12: GitHub token in the code\n\n"
        "Revoke it.\\\nThen rotate `it`.\n\n"
        "<details><summary>Code, lines 11-13</summary>\n\n"
        "```text\n"
        "  11 | def total():\n"
        '> 12 |     token = "ghp_****"\n'
        "  13 |     return 1\n"
        "```\n\n"
        "</details>\n\n"
        "Security, confidence 0.75, found by `secrets`, known from before; "
        "fingerprint `f00d`.\n\n"
        "**Coverage:** reviewed: 1 of 1 unit (1 hunk in 1 file), 0 excluded, 0 skipped, "
        "0 failed; isolation unshare; 0.42 s\n"
    )


def test_a_suggestion_is_a_diff() -> None:
    """Old lines come from the evidence; new ones from the suggestion."""
    edit = {"replacement": "a\nb", "start_line": 12, "end_line": 13}
    text = render(review(finding(suggestion=edit)))

    assert (
        "Suggestion: replace lines 12-13 (not checked)\n\n"
        '```diff\n-    token = "ghp_****"\n-    return 1\n+a\n+b\n```\n'
    ) in text


def test_a_deletion_is_a_diff_of_old_lines() -> None:
    """There are no new lines; where the old ones are not shown, words are enough."""
    edit = {"replacement": "", "start_line": 13, "end_line": 13, "verified": True}
    shown = render(review(finding(suggestion=edit)))
    hidden = render(review(finding(suggestion=edit, evidence=None)))

    assert "Suggestion: delete line 13\n\n```diff\n-    return 1\n```\n" in shown
    assert "Suggestion: delete line 13\n\nSecurity" in hidden


def test_lines_before_the_change_are_called_so() -> None:
    """Their numbers are not those of the new file."""
    text = render(review(finding(side="old", end_line=13)))

    assert ", lines 12-13 before the change: " in text
    assert "<summary>Code, lines 11-13 before the change</summary>" in text


def test_what_is_not_covered_is_told_by_reason() -> None:
    """The reasons stand above the findings, what policy leaves out below them."""
    entries = [
        entry(),
        entry("b.py", "failed", reason="out of time"),
        entry("c.py", "skipped", reason="too large"),
        entry("d.lock", "excluded", reason="a lock file"),
    ]
    text = render(review(finding(), entries=entries))

    assert "### Not covered\n\n- failed, 1 unit: out of time\n  - `b.py` (1 unit)\n" in text
    assert "- skipped, 1 unit: too large\n  - `c.py` (1 unit)\n" in text
    assert text.index("### Not covered") < text.index("### `src/cart.py`")
    assert "- excluded, 1 unit: a lock file\n  - `d.lock` (1 unit)\n" in text


def test_settled_findings_and_numbers_are_told() -> None:
    """Resolved and dismissed ones are folded away and count nowhere."""
    usage = {"calls": 2, "input_tokens": 9, "output_tokens": 3, "cached_tokens": 1}
    made = review(
        finding(state="resolved"),
        finding(state="dismissed"),
        dropped={"wrong anchor": 2, "none": 0},
        usage=usage | {"cost_usd": "0.25"},
    )
    text = render(made)

    assert text.startswith("## Review complete: no findings\n")
    assert "<summary>Resolved or dismissed: 2 findings</summary>" in text
    assert "- dismissed: `src/cart.py`, **HIGH** `secrets/github-token`, line 12: " in text
    assert "Dropped: 2 wrong anchor" in text
    assert "Models: 2 calls, 9 tokens in (1 cached), 3 out, 0.25 USD" in text


@pytest.mark.parametrize("limit", [0, LEAST_LIMIT - 1])
def test_a_limit_that_is_too_small_is_refused(limit: int) -> None:
    """A report that cannot say what it leaves out is none."""
    with pytest.raises(ConfigurationError, match="less than 4096 characters"):
        render(review(), limit=limit)


@given(
    st.one_of(
        reviews(),
        hostile_reviews(),
        st.lists(findings, max_size=3).flatmap(
            lambda some: st.integers(1, 40).map(lambda times: review(*(some * times)))
        ),
    ),
    st.integers(LEAST_LIMIT, LEAST_LIMIT + 3000),
    st.integers(1, 300),
)
@settings(deadline=None, max_examples=100)
def test_no_report_is_longer_than_its_limit(made: dict[str, Any], limit: int, times: int) -> None:
    """However long the texts are, and whatever stands in them."""
    change = made["change"] | {"title": made["change"]["title"] * times}
    longer = made | {"change": change, "reason": (made["reason"] or "") * times}

    assert len(render(longer, limit=limit)) <= limit


def test_the_longest_verdict_fits_the_least_limit() -> None:
    """Backticks are what grows most when it is made harmless."""
    for text in ("`" * 500, "` " * 500, "\U000e0041" * 500, "@a " * 500):
        made = review(
            finding(severity="critical"),
            entries=[entry(text, "failed", reason=text)],
            reason=text,
            change={"title": text, "base": text, "head": text, "files": 2**53 - 1},
        )
        shown = render(made, limit=LEAST_LIMIT)
        assert len(shown) <= LEAST_LIMIT
        assert shown.splitlines()[0].startswith("## REVIEW NOT COMPLETE")


def test_the_worst_findings_are_the_last_to_be_left_out() -> None:
    """First texts go, then findings from the least severe on; a line counts both."""
    made = review(
        *(finding(severity=name, title=f"{name} {n}") for name in SEVERITIES for n in range(40))
    )
    shown = render(made, limit=9_000)
    (told,) = re.findall(r"\*\*Left out to stay within 9000 characters:\*\* (.*)\.\n", shown)
    counts = {name: shown.count(f": {name} ") for name in SEVERITIES}
    left_out = {name: 40 - number for name, number in counts.items() if number < 40}

    assert counts["critical"] == counts["high"] == 40
    assert counts["info"] == 0
    assert ", ".join(f"{number} {name}" for name, number in left_out.items()) in told
    assert f"{sum(left_out.values())} findings (" in told
    assert re.search(r"the text of [0-9]+ more findings", told)
    assert shown.index("Left out") < shown.index("### ")


def test_critical_findings_are_never_left_out_silently() -> None:
    """Where even they do not fit, the line says how many there are."""
    made = review(*(finding(severity="critical", path=f"{n:0300}.py") for n in range(200)))
    shown = render(made, limit=LEAST_LIMIT)
    told = re.search(r":\*\* ([0-9]+) findings \(([0-9]+) critical\)", shown)

    assert told is not None
    assert told[1] == told[2] == str(200 - shown.count("**CRITICAL**"))


def test_the_default_limit_is_that_of_a_comment_on_github() -> None:
    """Without a limit all is told."""
    made = review(*(finding(message="word " * 200 + "The end.") for _ in range(100)))

    assert len(render(made)) <= LIMIT == 65_536
    assert "Left out" in render(made)
    whole = render(made, limit=None)
    assert whole.count("The end.") == 100
    assert "Left out" not in whole


def test_the_same_review_is_the_same_text_in_any_encoding() -> None:
    """What the encoding does not have is escaped."""
    made = review(finding(title="Schl\u00fcssel", path="\u6f22.py"))

    assert render(made) == render(made)
    assert r"Schl\xfcssel" in render(made, encoding="ascii")
    render(made, encoding="ascii").encode("ascii")


def test_long_code_is_shown_around_the_finding() -> None:
    """The line that it speaks of is there, and what is left out is counted on both sides."""
    lines = [f"line {number}" for number in range(1, 41)]
    evidence = {"start_line": 1, "lines": lines, "column": None, "end_column": None}
    text = render(review(finding(line=30, evidence=evidence)))

    assert "Code, lines 25-40<" in text
    assert "\n     : 24 more lines\n  25 | line 25\n" in text
    assert "\n> 30 | line 30\n" in text
