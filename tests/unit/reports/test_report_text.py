"""The text report tells how a review ended, first and last, and shows every finding."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import SEVERITIES, entry, finding, review, reviews

from codeflow_engine.errors import SerializationError
from codeflow_engine.reports.cells import width
from codeflow_engine.reports.style import Style
from codeflow_engine.reports.text import coverage_line, headline, render

WIDE = Style(width=None)
styles = st.builds(
    Style,
    color=st.booleans(),
    width=st.none() | st.integers(20, 200),
    encoding=st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
COLOR = re.compile(r"\x1b\[[0-9;]+m")


def test_a_clean_review_reads_like_this() -> None:
    """The whole text of a complete review without findings."""
    assert render(review()) == (
        "Review complete: no findings\n"
        "change: Add totals\n"
        "        1a2b3c4d5e1a -> :worktree, 1 file\n"
        "\n"
        "findings: 0 critical, 0 high, 0 medium, 0 low, 0 info\n"
        "\n"
        "reviewed: 1 of 1 unit (1 hunk in 1 file), 0 excluded, 0 skipped, 0 failed; "
        "isolation unshare; 0.42 s\n"
    )


def test_a_finding_reads_like_this() -> None:
    """The whole text of a finding with code, suggestion and sources."""
    text = "    token = env()\n    check(token)"
    edit = {"replacement": text, "start_line": 12, "end_line": 12, "verified": True}
    made = finding(suggestion=edit, confidence=0.9, sources=["openai:gpt-5.1", "secrets"])
    lines = render(review(made)).split("\n")

    assert lines[4:-3] == [
        "src/cart.py (1 finding)",
        "",
        "  HIGH secrets/github-token: GitHub token in the code",
        "  src/cart.py:12:13",
        "",
        "    Revoke it.",
        "",
        "    11 | def total():",
        '  > 12 |     token = "ghp_****"',
        "       |             ^^^^^^^^^^",
        "    13 |     return 1",
        "",
        "  suggestion: replace line 12",
        '  - 12 |     token = "ghp_****"',
        "  + 12 |     token = env()",
        "  + 13 |     check(token)",
        "",
        "  security, confidence 0.90, found by openai:gpt-5.1, secrets; fingerprint f00d",
        "",
        "findings: 0 critical, 1 high, 0 medium, 0 low, 0 info",
    ]


def test_an_empty_change_says_so() -> None:
    """A change without units is complete, and nobody takes it for a clean one."""
    text = render(review(entries=[]))

    assert text.startswith("Review complete: the change is empty, there was nothing to review\n")
    assert "reviewed: 0 of 0 units (0 hunks in 0 files)" in text


@pytest.mark.parametrize(
    ("entries", "outcome", "missing"),
    [
        ([entry(), entry("b", "failed")], "partial", "1 of 2 units"),
        ([entry("b", "failed")], "failed", "1 of 1 unit"),
        ([entry("b", "skipped"), entry("c", "excluded")], "skipped", "1 of 2 units"),
    ],
)
@pytest.mark.parametrize("findings", [(), (finding(),)])
def test_an_incomplete_review_cannot_be_taken_for_a_clean_one(
    entries: list[dict[str, Any]], outcome: str, missing: str, findings: tuple[Any, ...]
) -> None:
    """Its first and its last line say that it is not complete, with and without findings."""
    lines = render(review(*findings, entries=entries)).splitlines()

    assert lines[0].startswith(f"REVIEW NOT COMPLETE ({outcome}): {missing} not covered; ")
    assert lines[-1].startswith(f"NOT COMPLETE ({outcome}), reviewed: ")
    assert "no findings" not in "\n".join(lines)
    assert lines[0].endswith("1 finding (1 high)" if findings else "does not mean that it is clean")


def test_what_is_not_covered_is_listed_by_reason() -> None:
    """Failed units stand before skipped ones; a file is named once with its units."""
    entries = [
        entry("a.py"),
        entry("logo.png", "skipped", hunk=None, reason="nobody reads\nimages"),
        entry("b.py", "failed", hunk=0, reason="bandit: timed out"),
        entry("b.py", "failed", hunk=1, reason="bandit: timed out", by=["secrets"]),
        entry("c.py", "failed", reason="ruff: crashed"),
        entry("vendor/x.js", "excluded", reason="path vendor/**"),
    ]
    text = render(review(entries=entries))

    assert (
        "not covered: 4 of 6 units\n"
        "  failed, 2 units: bandit: timed out\n"
        "    b.py (2 units)\n"
        "  failed, 1 unit: ruff: crashed\n"
        "    c.py (1 unit)\n"
        "  skipped, 1 unit: nobody reads images\n"
        "    logo.png (1 unit)\n"
        "\n"
        "excluded by policy: 1 unit\n"
        "  excluded, 1 unit: path vendor/**\n"
        "    vendor/x.js (1 unit)\n"
    ) in text


def test_lists_of_what_is_not_covered_are_bounded_and_say_so() -> None:
    """Ten paths a reason and ten reasons are shown; the rest is counted."""
    many = [entry(f"{i}.py", "failed", reason="one") for i in range(15)]
    reasons = [entry("x", "skipped", reason=f"reason {i:02}") for i in range(12)]
    text = render(review(entries=many + reasons))

    assert "    9.py (1 unit)\n    and 5 more files (5 units)\n" in text
    assert "  skipped, 2 units: 2 more reasons\n" in text
    assert len(text.splitlines()) < 50


def test_files_stand_worst_first_and_so_do_findings() -> None:
    """The file with the worst finding leads; in a file the worst leads, then the first line."""
    made = review(
        finding(path="a.py", severity="low", rule="r1"),
        finding(path="b.py", severity="info", rule="r5"),
        finding(path="b.py", severity="critical", line=90, rule="r4"),
        finding(path="b.py", severity="critical", line=8, rule="r3"),
        finding(path="A.py", severity="low", line=None, rule="r2", evidence=None),
    )
    text = render(made)

    assert re.findall(r"^\S+ \(\d findings?\)$", text, re.MULTILINE) == [
        "b.py (3 findings)",
        "A.py (1 finding)",
        "a.py (1 finding)",
    ]
    assert re.findall(r"r\d", text) == ["r3", "r4", "r5", "r2", "r1"]


def test_counts_tell_severities_dropped_findings_and_models() -> None:
    """The summary counts live findings, what was dropped and why, and what models took."""
    usage = {
        "calls": 2,
        "input_tokens": 1200,
        "output_tokens": 90,
        "cached_tokens": 400,
        "cost_usd": "0.0421",
    }
    text = render(
        review(
            finding(severity="critical"),
            finding(severity="low", state="open"),
            dropped={"quote not in the change": 2, "other": 1, "none": 0},
            usage=usage,
        )
    )

    assert "findings: 1 critical, 0 high, 0 medium, 1 low, 0 info\n" in text
    assert "dropped: 1 other; 2 quote not in the change\n" in text
    assert "models: 2 calls, 1200 tokens in (400 cached), 90 out, 0.0421 USD\n" in text
    assert "cost not known" in render(review(usage=usage | {"cost_usd": None}))


def test_a_change_that_is_excluded_as_a_whole_is_not_told_as_clean() -> None:
    """It is complete, and its first line says that nobody has looked at anything."""
    skimmed = [entry("a", "excluded"), entry("b", "excluded")]
    first = render(review(entries=skimmed)).partition("\n")[0]
    partly = render(review(entries=[*skimmed, entry("c")]))

    assert first == ("Review complete: everything is excluded by policy, nobody examined anything")
    assert partly.startswith("Review complete: no findings\n")


def test_settled_findings_are_shown_and_count_nowhere() -> None:
    """A dismissed or resolved finding is named, and the review still has no findings."""
    made = review(finding(state="dismissed"), finding(state="resolved", side="old"))
    text = render(made)

    assert text.startswith("Review complete: no findings\n")
    assert (
        "resolved or dismissed: 2 findings\n"
        "  src/cart.py:12:13\n"
        "    dismissed: high secrets/github-token: GitHub token in the code\n"
        "  src/cart.py:12:13 (before the change)\n"
        "    resolved: high secrets/github-token"
    ) in text
    assert "findings: 0 critical, 0 high" in text


def test_a_finding_known_from_before_says_so() -> None:
    """An open finding is told apart from a new one."""
    assert "found by secrets, known from before" in render(review(finding(state="open")))


def test_a_finding_without_evidence_stands_without_code() -> None:
    """One on a whole file has its path alone for a place; one on a line has no column."""
    whole = render(review(finding(line=None, evidence=None, message="", sources=[])))
    lines = render(review(finding(evidence=None)))

    assert "code\n  src/cart.py\n\n  security; fingerprint f00d\n\n" in whole
    assert "\n  src/cart.py:12\n" in lines


def test_s8_a_file_name_cannot_write_lines_or_commands() -> None:
    """Line feeds, ANSI and OSC sequences of a name are escapes; the name stays on its line."""
    path = "a\n\x1b]52;c;aGk=\x07\x9b2J.py"
    text = render(review(finding(path=path), entries=[entry(path, "failed")]))

    assert text.count(r"a\n\x1b]52;c;aGk=\x07\x9b2J.py") == 3


def test_s8_a_message_cannot_forge_the_coverage_line() -> None:
    """What a message imitates is indented, and the real line comes last."""
    forged = "reviewed: 9 of 9 units"
    text = render(
        review(
            finding(message=f"x\n\n{forged}", title=f"x\n{forged}", rule=f"\n{forged}"),
            entries=[entry("a", "failed", reason=f"x\n{forged}")],
            dropped={f"\n{forged}": 1},
            change={"title": f"\n{forged}", "base": f"\n{forged}", "head": None, "files": 1},
        )
    )

    assert not re.search(rf"^{forged}", text, re.MULTILINE)


def test_s4_lookalike_letters_in_a_path_are_escaped() -> None:
    """A Cyrillic letter in a Latin word is shown as its escape, a Russian word as it is."""
    text = render(review(finding(path="src/p\u0430y/данные.py")))

    assert r"src/p\u0430y/данные.py:12:13" in text


@given(reviews(), styles)
@settings(deadline=None, max_examples=80)
def test_s8_no_hidden_character_ever_comes_out(made: dict[str, Any], style: Style) -> None:
    """Besides line feeds and our own colours, each character of the text shows a glyph."""
    text = render(made, style=style)
    plain = COLOR.sub("", text) if style.color else text

    assert not {unicodedata.category(c) for c in plain.replace("\n", "")} & {
        *("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    }
    text.encode(style.encoding)


@given(reviews(), styles)
@settings(deadline=None, max_examples=50)
def test_the_coverage_line_is_last_and_the_headline_first(
    made: dict[str, Any], style: Style
) -> None:
    """Whatever the review holds, one line each frames it, with the outcome in both."""
    lines = COLOR.sub("", render(made, style=style)).split("\n")

    assert lines[0] == headline(made)
    assert lines[-2:] == [coverage_line(made), ""]
    complete = made["outcome"] == "reviewed"
    assert ("NOT COMPLETE" not in lines[0]) is complete
    assert ("NOT COMPLETE" not in lines[-2]) is complete


@given(reviews(), styles)
@settings(deadline=None, max_examples=50)
def test_every_finding_appears(made: dict[str, Any], style: Style) -> None:
    """Each finding has its place in the text, once."""
    for number, one in enumerate(made["findings"]):
        one |= {"path": f"path-{number}-", "title": "t", "rule": "r", "message": "m"}
    text = render(made, style=style)

    for number, one in enumerate(made["findings"]):
        place = rf"^  path-{number}-(:{one['line']}\b|$| \(before)"
        assert len(re.findall(place, text, re.MULTILINE)) == 1


@given(reviews(), st.integers(40, 200))
@settings(deadline=None, max_examples=50)
def test_prose_and_code_keep_to_the_width(made: dict[str, Any], limit: int) -> None:
    """Only lines that are never wrapped (headline, ends, paths, coverage) may be longer."""
    places = {"path": "p", "line": 1, "side": "new", "state": "new"}
    short = [one | places for one in made["findings"]]
    change = made["change"] | {"base": None, "head": None}
    kept = {"change": change, "dropped": made["dropped"], "usage": made["usage"]}
    text = render(review(*short, entries=[], **kept), style=Style(width=limit))

    assert all(width(line) <= limit for line in text.splitlines()[1:-1])


@given(reviews())
@settings(deadline=None, max_examples=50)
def test_colour_changes_nothing_but_colour(made: dict[str, Any]) -> None:
    """Without its colours, a coloured report is the plain one; the same review, the same text."""
    plain = render(made)

    assert COLOR.sub("", render(made, style=Style(color=True))) == plain
    assert render(made) == plain


def test_colours_mark_severity_and_an_incomplete_review() -> None:
    """Each severity has a look of its own, and an alarm frames what is not complete."""
    style = Style(color=True)
    looks = {
        re.search(
            rf"  (\x1b\[[0-9;]+m){name.upper()}",
            render(review(finding(severity=name)), style=style),
        )[1]
        for name in SEVERITIES
    }
    lines = render(review(entries=[entry("a", "failed")]), style=style).splitlines()

    assert len(looks) == len(SEVERITIES)
    assert lines[0].startswith("\x1b[1;37;41mREVIEW NOT COMPLETE")
    assert lines[-1].startswith("\x1b[1;37;41mNOT COMPLETE")
    assert render(review(), style=style).startswith("\x1b[32mReview complete")


def test_another_form_is_refused() -> None:
    """A report of something that is not a review is an error, never an empty text."""
    with pytest.raises(SerializationError, match="not a review"):
        render({})


def test_paragraphs_are_kept_apart() -> None:
    """Lists and indented code of a message keep their form, also where lines are narrow."""
    message = "First.\n\n\n- one item that is long enough to be wrapped\n    code()\n\n"
    text = render(review(finding(message=message)), style=Style(width=40))

    assert (
        "\n    First.\n"
        "\n"
        "    - one item that is long enough to be\n"
        "      wrapped\n"
        "        code()\n"
        "\n    11 |"
    ) in text


def test_blocks_stand_one_line_apart() -> None:
    """No two empty lines follow each other."""
    lines = render(review(finding(), finding(message="\n\n"))).split("\n")

    assert not any(one == two == "" for one, two in pairwise(lines))
