from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff, Side, Unit
from codeflow_engine.domain.finding import Category, Finding, RawFinding, Severity
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.anchor import Anchored, anchor

PATCH = """\
diff --git a/app.py b/app.py
--- a/app.py
+++ b/app.py
@@ -1,3 +1,4 @@
 first
-old second
+new second
+added third
 fourth
@@ -20,2 +21,3 @@ def later():
 twenty-one
+same line
 twenty-three
@@ -40,2 +42,3 @@ def last():
 forty-two
+same line
 forty-four
diff --git a/gone.py b/gone.py
deleted file mode 100644
--- a/gone.py
+++ /dev/null
@@ -1,2 +0,0 @@
-removed one
-removed two
diff --git a/logo.png b/logo.png
new file mode 100644
index 0000000..1234567
Binary files /dev/null and b/logo.png differ
"""

type MakeRaw = Callable[..., RawFinding]


@pytest.fixture
def change() -> Change:
    return Change.from_diff(Diff.parse(PATCH))


def resolve(change: Change, *raws: RawFinding, units: tuple[Unit, ...] | None = None) -> Anchored:
    report = SourceReport(source="tool", findings=raws)
    to_review = change.diff.units if units is None else units
    return anchor(change, to_review, (report,), Redactor())


def only(anchored: Anchored) -> Finding:
    (finding,) = anchored.findings
    assert not anchored.dropped
    return finding


def test_a_line_of_the_new_side_is_anchored_with_the_code_around_it(
    change: Change, raw: MakeRaw
) -> None:
    """Evidence holds the line of the finding and two lines on each side of it."""
    finding = only(resolve(change, raw(line=3)))
    assert (finding.line, finding.end_line, finding.side) == (3, 3, Side.NEW)
    assert finding.evidence is not None
    assert finding.evidence.start_line == 1
    assert finding.evidence.lines == ("first", "new second", "added third", "fourth")
    assert finding.rule == "tool/r"
    assert finding.sources == ("tool",)


def test_a_line_of_the_old_side_is_anchored_there(change: Change, raw: MakeRaw) -> None:
    """A finding about removed code stands on the old side, under the old path."""
    finding = only(resolve(change, raw(path="gone.py", side=Side.OLD, line=2)))
    assert finding.evidence is not None
    assert finding.evidence.lines == ("removed one", "removed two")


def test_a_quote_alone_finds_its_line(change: Change, raw: MakeRaw) -> None:
    """The engine finds the lines from quoted code, also across lines."""
    finding = only(resolve(change, raw(quote="second\nadded third")))
    assert (finding.line, finding.end_line) == (2, 3)


def test_a_finding_about_a_whole_file_needs_no_line(change: Change, raw: MakeRaw) -> None:
    """An entry without hunks can have findings, without evidence."""
    finding = only(resolve(change, raw(path="logo.png")))
    assert finding.line is None
    assert finding.evidence is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"path": "other.py", "line": 1}, "the path is not in the change"),
        ({"path": "../app.py", "line": 1}, "the path is not in the change"),
        ({"path": "gone.py", "line": 9, "side": Side.NEW}, "the line is not in the change"),
        ({"path": "logo.png", "side": Side.OLD}, "the path is not in the change"),
        ({"line": 10}, "the line is not in the change"),
        ({"line": 0}, "the line is not in the change"),
        ({"line": -3}, "the line is not in the change"),
        ({"line": 10**12}, "the line is not in the change"),
        ({"line": 3, "end_line": 2}, "the lines do not stand in one hunk"),
        ({"line": 3, "end_line": 22}, "the lines do not stand in one hunk"),
        ({"line": 3, "quote": "new second"}, "the quote does not stand at the line"),
        ({"quote": "never written"}, "the quote is not in the change"),
        ({"quote": "same line"}, "the quote stands at several places"),
        ({"quote": " \n"}, "the quote is empty"),
    ],
)
def test_s10_what_stands_nowhere_is_dropped_and_counted(
    change: Change, raw: MakeRaw, fields: dict[str, object], reason: str
) -> None:
    """A wrong path, line, range or quote never becomes a finding, and is never silent."""
    anchored = resolve(change, raw(**fields), raw(**fields))
    assert anchored.findings == ()
    assert anchored.dropped == {f"tool: {reason}": 2}


def test_a_finding_outside_of_what_is_under_review_is_dropped(change: Change, raw: MakeRaw) -> None:
    """Excluded units give no findings, for lines as for whole files."""
    first = Unit(file=0, hunk=0)
    anchored = resolve(change, raw(line=3), raw(line=22), raw(path="logo.png"), units=(first,))
    assert [finding.line for finding in anchored.findings] == [3]
    assert anchored.dropped == {
        "tool: the file is not under review": 1,
        "tool: the hunk is not under review": 1,
    }


def test_evidence_shows_no_secret_and_the_caret_stands_under_its_placeholder(
    raw: MakeRaw,
) -> None:
    """Columns of the source become columns of the redacted line."""
    secret = "ghp_" + "x7Kq9ZrT2mWv5LpB8nYc3HdF6jGs1QaE4uR0"
    line = f'a = "{secret}"; b = eval(x)'
    change = patch_of(line)
    at = line.index("eval") + 1
    begin = line.index(secret) + 1
    inside = raw(path="f", line=1, column=begin, end_column=begin + len(secret))
    after = raw(path="f", line=1, column=at, end_column=at + 4)
    findings = resolve(change, inside, after).findings
    marked = [
        finding.evidence.lines[0][
            (finding.evidence.column or 0) - 1 : (finding.evidence.end_column or 0) - 1
        ]
        for finding in findings
        if finding.evidence
    ]
    assert marked == ["[redacted:github-token]", "eval"]
    assert secret[8:20] not in repr(findings)


def test_a_long_line_is_cut_around_the_finding(raw: MakeRaw) -> None:
    """A line of 100,000 characters is shown where the finding is, and columns follow."""
    line = "a" * 50_000 + "HERE" + "b" * 50_000
    finding = only(resolve(patch_of(line), raw(path="f", line=1, column=50_001, end_column=50_005)))
    assert finding.evidence is not None
    (shown,) = finding.evidence.lines
    assert len(shown) < 500
    column, end = finding.evidence.column, finding.evidence.end_column
    assert column is not None
    assert end is not None
    assert shown[column - 1 : end - 1] == "HERE"


def test_many_lines_of_evidence_are_bounded(raw: MakeRaw) -> None:
    """A finding over hundreds of lines shows the first of them."""
    change = patch_of(*(f"line {number}" for number in range(300)))
    finding = only(resolve(change, raw(path="f", line=1, end_line=300)))
    assert finding.evidence is not None
    assert len(finding.evidence.lines) == 12
    assert finding.end_line == 300


def test_the_fingerprint_survives_a_shift_and_tells_equal_lines_apart(raw: MakeRaw) -> None:
    """Identity follows rule, path and code; the second of two equal lines is another one."""
    early = resolve(patch_of("x = eval(y)", "x = eval(y)"), raw(path="f", line=1))
    both = (raw(path="f", line=3), raw(path="f", line=4))
    late = resolve(patch_of("new", "new", "x =  eval(y)", "x = eval(y)"), *both)
    other = resolve(patch_of("x = eval(z)"), raw(path="f", line=1))
    first, second = (finding.fingerprint for finding in late.findings)
    assert first == only(early).fingerprint
    assert second != first
    assert only(other).fingerprint != first


@given(
    line=st.none() | st.integers(-5, 60),
    end_line=st.none() | st.integers(-5, 60),
    column=st.none() | st.integers(-5, 60),
    end_column=st.none() | st.integers(-5, 60),
    side=st.sampled_from(Side),
    path=st.sampled_from(["app.py", "gone.py", "logo.png", "nope"]),
    quote=st.none() | st.sampled_from(["same line", "new second", "forty", "x"]),
)
def test_every_anchor_exists_in_the_change(  # noqa: PLR0917 - one parameter per field
    line: int | None,
    end_line: int | None,
    column: int | None,
    end_column: int | None,
    side: Side,
    path: str,
    quote: str | None,
) -> None:
    """Whatever a source reports, a kept finding stands on lines that one hunk shows."""
    change = Change.from_diff(Diff.parse(PATCH))
    finding = RawFinding(
        rule="r",
        severity=Severity.LOW,
        category=Category.STYLE,
        title="t",
        message="m",
        path=path,
        side=side,
        line=line,
        end_line=end_line,
        column=column,
        end_column=end_column,
        quote=quote,
    )
    anchored = resolve(change, finding)
    assert len(anchored.findings) + sum(anchored.dropped.values()) == 1
    for kept in anchored.findings:
        if kept.line is None:
            continue
        hunks = [
            hunk
            for file in change.diff.files
            if kept.path in {file.old_path, file.new_path}
            for hunk in file.hunks
        ]
        assert any(
            hunk.covers(side, kept.line) and hunk.covers(side, kept.end_line or 0) for hunk in hunks
        )
        evidence = kept.evidence
        assert evidence is not None
        if evidence.column is not None and evidence.end_column is not None:
            marked = evidence.lines[kept.line - evidence.start_line]
            assert 1 <= evidence.column <= evidence.end_column <= len(marked) + 2


def patch_of(*lines: str) -> Change:
    added = "".join(f"+{line}\n" for line in lines)
    head = "diff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n+++ b/f\n"
    head += f"@@ -0,0 +1,{len(lines)} @@\n"
    return Change.from_diff(Diff.parse(head + added))


def read(change: Change, *raws: RawFinding, whole: dict[str, bytes] | None = None) -> Anchored:
    """Anchor the findings of a source that reads whole files."""
    report = SourceReport(source="linter", reads_files=True, findings=raws)
    return anchor(change, change.diff.units, (report,), Redactor(), whole)


@pytest.mark.parametrize("line", [1, 4, 21, 23, 500])
def test_a_linter_is_heard_on_touched_lines_alone(change: Change, raw: MakeRaw, line: int) -> None:
    """What stood in the file before the change is not this change's matter, and is counted."""
    anchored = read(change, raw(path="app.py", line=line))

    assert anchored.findings == ()
    assert anchored.dropped == {"linter: on lines that the change does not touch": 1}


@pytest.mark.parametrize(
    ("lines", "shown"), [((2, 2), (2, 2)), ((1, 90), (1, 4)), ((10, 24), (21, 23))]
)
def test_the_part_of_a_range_that_the_change_touches_is_its_place(
    change: Change, raw: MakeRaw, lines: tuple[int, int], shown: tuple[int, int]
) -> None:
    """A finding about a whole function stands on what the change shows of it."""
    finding = only(read(change, raw(path="app.py", line=lines[0], end_line=lines[1])))

    assert (finding.line, finding.end_line) == shown


FILE = b"".join(b"line %d\n" % number for number in range(1, 61))


def test_with_whole_files_a_linter_is_heard_everywhere(change: Change, raw: MakeRaw) -> None:
    """In the wide scope a line outside of every hunk is an anchor, with its code around it."""
    finding = only(read(change, raw(path="app.py", line=30), whole={"app.py": FILE}))

    assert (finding.line, finding.end_line) == (30, 30)
    assert finding.evidence is not None
    assert finding.evidence.lines == ("line 28", "line 29", "line 30", "line 31", "line 32")
    assert finding.evidence.start_line == 28


@pytest.mark.parametrize(
    ("path", "line", "reason"),
    [
        ("app.py", 61, "the line is not in the file"),
        ("app.py", 0, "the line is not in the file"),
        ("other.py", 3, "the path is not in the change"),
        ("gone.py", 30, "the file around the change cannot be read"),
    ],
)
def test_s10_a_line_that_no_file_has_is_dropped(
    change: Change, raw: MakeRaw, path: str, line: int, reason: str
) -> None:
    """The wide scope is as wide as the files of the change, and no wider."""
    anchored = read(change, raw(path=path, line=line), whole={"app.py": FILE})

    assert anchored.findings == ()
    assert anchored.dropped == {f"linter: {reason}": 1}


def test_whole_files_widen_nothing_for_other_sources(change: Change, raw: MakeRaw) -> None:
    """A source that was shown the diff alone cannot know of other lines."""
    report = SourceReport(source="tool", findings=(raw(path="app.py", line=30),))

    anchored = anchor(change, change.diff.units, (report,), Redactor(), {"app.py": FILE})

    assert anchored.dropped == {"tool: the line is not in the change": 1}


def test_a_secret_outside_of_the_hunks_is_redacted(change: Change, raw: MakeRaw) -> None:
    """Evidence from whole files passes the same redaction."""
    value = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    file = FILE.replace(b"line 31", f"token = '{value}'".encode())

    finding = only(read(change, raw(path="app.py", line=30), whole={"app.py": file}))

    assert value not in repr(finding)
