"""What one review says: beside the code where it can, in its body otherwise, and nothing lost."""

from __future__ import annotations

import time
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.finding import Severity
from codeflow_engine.domain.marker import Marker
from codeflow_engine.providers.vcs.github.anchors import Anchors
from codeflow_engine.providers.vcs.github.bodies import BUDGET, LIMIT, end_marker, measure
from codeflow_engine.providers.vcs.github.posting.drafts import Draft, draft
from codeflow_engine.providers.vcs.github.posting.payloads import Inline, ReviewPayload

KEY = "5" * 64
LINES = 400
PATCH = f"@@ -0,0 +1,{LINES} @@\n" + "\n".join(f"+line {n}" for n in range(LINES))
ANCHORS = Anchors([{"filename": "a.py", "patch": PATCH}])


def inline(number: int = 1, **over: object) -> Inline:
    """Make a comment on a line that the diff shows."""
    made = Inline(
        fingerprint=f"f{number}",
        path="a.py",
        side=Side.NEW,
        line=number,
        end_line=number,
        severity=Severity.MEDIUM,
        body=f"Finding {number}.",
    )
    return replace(made, **over)  # type: ignore[arg-type]


def write(
    *comments: Inline, body: str = "What was found.", anchors: Anchors | None = ANCHORS
) -> Draft:
    return draft(ReviewPayload(body=body, comments=comments), comments, KEY, anchors)


def test_g28_the_body_and_each_comment_end_with_their_markers() -> None:
    """Each comment names its finding, and the review that it belongs to."""
    made = write(inline(1), inline(2))

    assert end_marker(made.body) == Marker(kind="review", key=KEY)
    assert [end_marker(one["body"]) for one in made.comments] == [
        Marker(kind="comment", key=KEY, finding=f"f{number}") for number in (1, 2)
    ]


def test_a_suggestion_stands_in_the_comment_on_the_lines_that_it_replaces() -> None:
    """Only there: on the old side there is nothing to replace, and in the body no lines."""
    made = write(
        inline(1, suggestion="a = 1"),
        inline(2, suggestion="b = 1", path="elsewhere.py"),
    )

    assert "```suggestion\na = 1\n```" in made.comments[0]["body"]
    assert "```suggestion" not in made.body
    assert "```\nb = 1\n```" in made.body


def test_g15_a_suggestion_for_the_old_side_is_no_block_that_replaces() -> None:
    """GitHub would put it over lines of the new side."""
    anchors = Anchors([{"filename": "a.py", "patch": "@@ -1 +1 @@\n-x\n+y"}])

    made = write(inline(1, side=Side.OLD, suggestion="x = 1"), anchors=anchors)

    assert "suggestion" not in made.comments[0]["body"]


def test_g16_what_has_no_place_stands_in_the_body_with_path_lines_and_text() -> None:
    """The worst of it first."""
    made = write(
        inline(1),
        inline(2, path="b.py", body="Small."),
        inline(3, path="c.py", end_line=9, severity=Severity.CRITICAL, body="Bad."),
        inline(4, line=LINES + 1, end_line=LINES + 1, side=Side.OLD, body="Old."),
    )

    assert [one["line"] for one in made.comments] == [1]
    assert "**`c.py`, lines 3-9** (critical)\n\nBad." in made.body
    assert "**`b.py`, line 2** (medium)\n\nSmall." in made.body
    assert f"**`a.py`, line {LINES + 1} before the change** (medium)\n\nOld." in made.body
    assert made.body.index("Bad.") < made.body.index("Small.")


def test_of_too_many_comments_the_least_severe_go_into_the_body() -> None:
    """One request holds a hundred; the others are told as text, in one review all the same."""
    small = [inline(n, severity=Severity.LOW) for n in range(1, 103)]
    bad = [inline(n, severity=Severity.HIGH) for n in range(103, 106)]

    made = write(*small, *bad)

    assert len(made.comments) == 100
    assert {f"f{n}" for n in range(103, 106)} <= made.fingerprints
    assert made.body.count("(low)") == 5


def test_of_too_much_text_the_least_severe_goes_into_the_body() -> None:
    """No request grows without end."""
    long = [inline(n, body="x" * 50_000) for n in range(1, 31)]

    made = write(*long, inline(31, severity=Severity.HIGH, body="y" * 50_000))

    assert sum(len(one["body"]) for one in made.comments) <= 1_000_000
    assert "f31" in made.fingerprints


def test_g20_the_least_severe_lose_their_texts_first_and_are_counted_then() -> None:
    """What is critical keeps all of its text."""
    left = [
        *(inline(n, path="b.py", severity=Severity.LOW, body="l" * 900) for n in range(500)),
        *(inline(n, path="b.py", severity=Severity.HIGH, body="h" * 9_000) for n in range(5)),
        *(inline(n, path="b.py", severity=Severity.CRITICAL, body="c" * 9_000) for n in range(3)),
    ]

    body = write(*left).body

    assert measure(body) <= BUDGET
    assert body.count("c" * 9_000) == 3
    assert body.count("(critical)") == 3
    assert body.count("(high)") == 5
    told = body.count("(low)")
    assert "l" * 900 not in body
    assert f"*And {500 - told} more, for which there is no room here.*" in body


def test_g20_what_is_critical_is_told_in_place_of_what_the_review_says_as_a_whole() -> None:
    """The body's own text is cut for it, at a section, and no critical text is."""
    left = [inline(n, path="b.py", severity=Severity.CRITICAL, body="c" * 11_000) for n in range(5)]
    text = "\n\n".join(f"## Part {n}\n\n" + "t" * 500 for n in range(60))

    body = write(*left, body=text).body

    assert measure(body) <= LIMIT
    assert body.count("c" * 11_000) == 5
    assert body.startswith("## Part 0")
    assert "left out here" in body


def test_s20_thousands_of_findings_are_told_in_no_time() -> None:
    """Their sizes are added up, and not their texts, again and again."""
    left = [
        inline(n, path="b.py", severity=severity, body="word " * 2_000)
        for n in range(1_500)
        for severity in (Severity.CRITICAL, Severity.LOW)
    ]
    started = time.process_time()

    body = write(*left).body

    assert time.process_time() - started < 5
    assert measure(body) <= LIMIT


severities = st.sampled_from(Severity)
remarks = st.builds(
    inline,
    st.integers(1, LINES),
    path=st.sampled_from(["a.py", "b.py", "\n`c`.py"]),
    severity=severities,
    body=st.builds(
        lambda text, times: text * times,
        st.sampled_from(["word ", "```\n", "\U0001f600", "## T\n\n", "<details>"]),
        st.integers(0, 5_000),
    ),
    suggestion=st.none() | st.sampled_from(["", "```", "x\n" * 40_000]),
)


@given(st.lists(remarks, max_size=30), st.sampled_from(["", "ok\n", "## Part\n\ntext\n\n" * 5_000]))
def test_g20_whatever_is_found_fits_and_is_told_or_counted(found: list[Inline], text: str) -> None:
    """No body is longer than GitHub takes, all end with their markers, and nothing vanishes."""
    made = write(*found, body=text)

    for body in (made.body, *(one["body"] for one in made.comments)):
        assert measure(body) <= LIMIT
        assert end_marker(body) is not None
        body.encode("utf-8")
    told = made.body.count("** (")
    counted = 0
    if "for which there is no room" in made.body:
        counted = int(made.body.rpartition("*And ")[2].split()[0].rstrip(","))
    assert len(made.comments) + told + counted == len(found)
