from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.finding import Category, Finding, Severity, Suggestion
from codeflow_engine.review.fuse import fuse
from codeflow_engine.review.verify import verify

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
        lambda path, line, severity, title, source, confidence: replace(
            FINDING,
            fingerprint=f"{path}{line}{title}{source}",
            path=path,
            line=line,
            end_line=line,
            severity=severity,
            title=title,
            rule=f"{source}/r",
            confidence=confidence,
            sources=(source,),
        ),
        st.sampled_from("ab"),
        st.none() | st.integers(1, 3),
        st.sampled_from(Severity),
        st.sampled_from(["T", "t", "u"]),
        st.sampled_from("xyz"),
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
    """Every source of every finding is named by one that remains at its place."""
    fused = fuse(tuple(rows))
    for row in rows:
        assert any(
            (one.path, one.line, one.title.casefold()) == (row.path, row.line, row.title.casefold())
            and set(row.sources) <= set(one.sources)
            for one in fused
        )
    assert fuse(fused) == fused


def test_a_suggestion_stays_only_inside_of_one_hunk() -> None:
    """An edit of lines that the change does not show is dropped and counted."""
    text = "--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n-x\n+y\n+z\n@@ -9 +10 @@\n-x\n+y\n"
    change = Change.from_diff(Diff.parse(text))
    edits = [(1, 2), (2, 1), (2, 10), (3, 3), (10, 10)]
    given = tuple(
        replace(FINDING, suggestion=Suggestion(replacement="", start_line=a, end_line=b))
        for a, b in edits
    )
    verified = verify(change, given)
    kept = [bool(finding.suggestion) for finding in verified.findings]
    assert kept == [True, False, False, False, True]
    assert sum(verified.dropped.values()) == 3
