from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from shown_changes import CHANGES, TOKEN, edit, loading, pieces, redactor, shown

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.domain.source import SourceReport
from codeflow_engine.review.anchor import anchor
from codeflow_engine.review.locate import QuoteIndex, locate
from codeflow_engine.review.piece import Piece, ShownLine
from codeflow_engine.review.readable import readable
from codeflow_engine.testing.examples import EXAMPLES, Example, named

type MakeRaw = Callable[..., RawFinding]


def place(found: RawFinding) -> tuple[Side, int | None, int | None]:
    assert (found.line is None) is (found.quote is not None)
    return found.side, found.line, found.end_line


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("quote", "lines"),
    [
        ("    if not data:", (5, 5)),
        ("if not data:", (5, 5)),
        ("\tif  not data:   \n", (5, 5)),
        ("+    if not data:", (5, 5)),
        ("if not", (5, 5)),
        ("+if not", (5, 5)),
        ("    if not data:\n        return None", (5, 6)),
        ("if not data:\nreturn None", (5, 6)),
        ("not data:\n        return", (5, 6)),
        ("+    if not data:\n+        return None", (5, 6)),
        ("\n\n    check(path)\n    return data\n\n", (7, 8)),
        ("+    check(path)\n     return data", (7, 8)),
        ("def load(path):\n    data = read( path )", (3, 4)),
        (" def load(path):\n-    data = read(path)\n+    data = read( path )", (3, 4)),
        ("    return data\n\ndef same(path):", (8, 10)),
        ("if not data:\r\n        return None\r\n", (5, 6)),
        ("if not\u200b data:", (5, 5)),
    ],
)
def test_a_quote_is_found_as_models_give_it(
    raw: MakeRaw, quote: str, lines: tuple[int, int]
) -> None:
    """Blanks, marks and a missing rest of a line do not hide what was quoted."""
    found = locate(raw(quote=quote, part=1), loading())
    assert place(found) == (Side.NEW, *lines)
    assert (found.part, found.replacement, found.suggestion) == (None, None, None)


@pytest.mark.parametrize(
    "quote",
    [
        "",
        " \n\t\n",
        "+",
        ")",
        "```\n    if not data:\n```",
        "    if not data:\n    ...",
        "if not data:\n        return 0",
        "if not data:\n    check(path)",
        "IF NOT DATA:",
        "    data = read(path)\n    if not data:",
        'file "app.py"',
        "hunk:",
    ],
)
def test_a_quote_that_was_not_shown_is_not_found(raw: MakeRaw, quote: str) -> None:
    """What is no text of one side of the change leads nowhere."""
    assert locate(raw(quote=quote, part=1), loading()) == raw(quote=quote, part=1)


def test_a_removed_line_is_found_on_the_old_side(raw: MakeRaw) -> None:
    """The side that is named comes first, and then the other."""
    for side in Side:
        assert place(locate(raw(quote="data = read(path)", side=side), loading())) == (
            Side.OLD,
            4,
            4,
        )
    assert place(locate(raw(quote="-    data = read(path)"), loading())) == (Side.OLD, 4, 4)
    assert place(locate(raw(quote="return data", side=Side.OLD), loading())) == (Side.OLD, 5, 5)
    assert place(locate(raw(quote="return data"), loading())) == (Side.NEW, 8, 8)


def test_of_several_places_it_is_the_one_that_the_change_touches(raw: MakeRaw) -> None:
    """A line that stands twice is the added one, and none where neither or both are."""
    assert place(locate(raw(quote="check(path)"), loading())) == (Side.NEW, 7, 7)
    assert locate(raw(quote="path", part=1), loading()).line is None
    twice = pieces("", "x = 1\ny = 2\nx = 1\n")
    assert locate(raw(quote="x = 1"), twice).line is None


def test_indentation_tells_places_apart_where_it_is_given(raw: MakeRaw) -> None:
    """A quote without indentation may be any of the lines, and one with it is one of them."""
    shown_pieces = pieces("", "return x\nif y:\n    return x\n")
    assert place(locate(raw(quote="    return x"), shown_pieces)) == (Side.NEW, 3, 3)
    assert locate(raw(quote="return x"), shown_pieces).line is None


def test_a_whole_line_goes_before_a_part_of_one(raw: MakeRaw) -> None:
    """A short line is not taken for the beginning of a longer one."""
    assert locate(raw(quote="return x"), pieces("", "return x + 1\nreturn x\n")).line == 2


def test_lines_that_are_no_neighbours_make_no_quote(raw: MakeRaw) -> None:
    """What stands on both sides of lines that are left out is not consecutive."""
    old = "".join(f"line {number}\n" for number in range(60))
    removed = pieces(old, None)
    assert locate(raw(quote="line 6\nline 7", side=Side.OLD), removed).line == 7
    assert locate(raw(quote="line 7\nline 52", side=Side.OLD), removed).line is None
    assert locate(raw(quote="-line 7\n-line 52", side=Side.OLD), removed).line is None


def parts(*texts: str, path: str = "app.py") -> tuple[Piece, ...]:
    """Make the parts of a chunk that show hunks of one file, a thousand lines apart."""
    made = []
    for number, text in enumerate(texts):
        (piece,) = pieces("", text)
        lines = tuple(
            replace(line, new_number=(line.new_number or 0) + 1000 * number) for line in piece.lines
        )
        made.append(replace(piece, path=path, paths=(path,), names=(path,), lines=lines))
    return tuple(made)


def test_the_named_part_goes_before_the_others(raw: MakeRaw) -> None:
    """A quote that stands in several parts is in the one that was named."""
    chunk = parts("same\none\n", "same\ntwo\n", "three\n")
    assert locate(raw(quote="same", part=2), chunk).line == 1001
    assert locate(raw(quote="three", part=2), chunk).line == 2001
    assert locate(raw(quote="one", part=99), chunk).line == 2
    assert locate(raw(quote="three"), chunk).line == 2001
    assert locate(raw(quote="same"), chunk).line is None
    assert locate(raw(quote="same", part=3), chunk).line is None


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\app.py",
        "app.py\0",
        "./app.py",
        "APP.PY",
        "a\u0440p.py",
        "other.py",
        "",
        "x" * 5_000_000,
    ],
)
def test_s9_a_path_that_is_not_the_parts_leads_nowhere(raw: MakeRaw, path: str) -> None:
    """A model cannot name another file than the one that it was shown there."""
    chunk = (*parts("value = 1\n"), *parts("value = 2\n", path="other.py"))
    given = raw(quote="value = 1", part=1, path=path)
    assert locate(given, chunk) == given


def test_s9_a_finding_without_a_quote_names_a_file_of_the_chunk(raw: MakeRaw) -> None:
    """A finding about another file as a whole gets a quote that stands nowhere."""
    change = edit("", "x\n", "secret.py")
    found = locate(raw(path="secret.py", part=1), parts("value = 1\n"))
    assert found.quote == ""
    report = SourceReport(source="model", findings=(found,))
    assert not anchor(change, change.diff.units, (report,), redactor()).findings


def test_s9_a_name_is_taken_as_it_was_shown(raw: MakeRaw) -> None:
    """A path with hidden characters is named by its escapes, and stays what it is."""
    path = 'a\u202e"b.py'
    (piece,) = shown(edit("", "value\n", path)).pieces
    for name in (path, *piece.names, 'a\\u202e"b.py'):
        found = locate(raw(path=name, quote="value"), [piece])
        assert (found.path, found.line) == (path, 1)


def test_the_old_side_of_a_renamed_file_has_its_old_path(raw: MakeRaw) -> None:
    """An anchor on the old side names the file as it was."""
    chunk = [piece for piece in shown(named("rename").change()).pieces if piece.lines]
    for path in ("new/edited.py", "old/edited.py"):
        old = locate(raw(path=path, quote="return 4", side=Side.OLD), chunk)
        new = locate(raw(path=path, quote="return 44"), chunk)
        assert (old.path, old.side, new.path, new.side) == (
            *("old/edited.py", Side.OLD),
            *("new/edited.py", Side.NEW),
        )


@pytest.mark.parametrize("line", [-1, 0, 1, 10**9, 2**70])
def test_s10_a_number_that_a_model_gives_is_worth_nothing(raw: MakeRaw, line: int) -> None:
    """Lines come from the quote alone."""
    assert locate(raw(line=line, end_line=line, quote="if not data:"), loading()).line == 5
    lost = locate(raw(line=line, end_line=line, column=line, quote="nowhere"), loading())
    assert (lost.line, lost.end_line, lost.column, lost.quote) == (None, None, None, "nowhere")


def test_a_part_without_lines_is_spoken_of_as_a_whole(raw: MakeRaw) -> None:
    """What became of a file has no line that could be quoted."""
    chunk = shown(named("mode").change()).pieces
    (number,) = (n for n, piece in enumerate(chunk, 1) if piece.path == "run.sh")
    found = locate(raw(path="run.sh", part=number, quote="mode changed", replacement="x"), chunk)
    assert found == raw(path="run.sh")


def test_a_quote_of_a_redacted_line_is_found(raw: MakeRaw) -> None:
    """Placeholders stand in the quote as they stood in what was shown."""
    chunk = pieces("", f"a = '{TOKEN}'; b = '{TOKEN}'\nc = d\n")
    assert locate(raw(quote=chunk[0].lines[0].text), chunk).line == 1
    assert locate(raw(quote="c = d"), chunk).line == 2


@st.composite
def quotes(draw: st.DrawFn, lines: list[ShownLine]) -> tuple[int, int, str]:
    """Draw lines in a row, and a way in which a model may quote them."""
    first = draw(st.integers(0, len(lines) - 1))
    last = draw(st.integers(first, min(first + 4, len(lines) - 1)))
    texts = [line.text for line in lines[first : last + 1]]
    write = draw(
        st.sampled_from(
            [
                str,
                str.strip,
                lambda text: text + " \t",
                lambda text: "\t" + text.strip(),
                lambda text: text + "\r",
            ]
        )
    )
    return first, last, "\n".join(map(write, texts))


@settings(suppress_health_check=[HealthCheck.filter_too_much], max_examples=200)
@given(st.data(), CHANGES, st.sampled_from(Side), st.integers(200, 600))
def test_what_is_found_is_what_was_quoted(
    data: st.DataObject, pair: tuple[bytes, bytes], side: Side, most: int
) -> None:
    """An anchor is what was quoted, and a quote that stands at one place is found there."""
    change = edit(*pair)
    (file,) = change.diff.files
    chunk = shown(change, most=most).pieces
    assume(chunk)
    number = data.draw(st.integers(0, len(chunk) - 1))
    lines = [line for line in chunk[number].lines if number_on(line, side) is not None]
    assume(lines)
    first, last, quote = data.draw(quotes(lines))
    found = locate(finding(file.path, quote, side, number + 1), chunk)

    wanted = [squeezed(line) for line in readable(quote).strip().split("\n")]
    assume(any(wanted))
    if found.line is not None and found.end_line is not None:
        under = [
            line
            for piece in chunk
            for line in piece.lines
            if found.line <= (number_on(line, found.side) or 0) <= found.end_line
        ]
        got = [squeezed(line.text) for line in under]
        assert len(got) == len(wanted) == found.end_line - found.line + 1
        assert wanted[0] in got[0]
        assert "\n".join(wanted) in "\n".join(got)
        for line in under:
            source = file.line_at(found.side, number_on(line, found.side) or 0)
            assert source is not None
            assert "[redacted:" in line.text or readable(source.text) == line.text
    texts = [squeezed(line.text) for line in lines]
    places = [at for at in range(len(texts)) if texts[at : at + len(wanted)] == wanted]
    is_apart = (number_on(lines[last], side) or 0) - (number_on(lines[first], side) or 0) == (
        last - first
    )
    if len(places) == 1 and is_apart:
        assert found.side is side
        assert found.line == number_on(lines[places[0]], side)


def number_on(line: ShownLine, side: Side) -> int | None:
    return line.new_number if side is Side.NEW else line.old_number


def finding(path: str, quote: str, side: Side = Side.NEW, part: int | None = None) -> RawFinding:
    return RawFinding(
        rule="r",
        severity=Severity.LOW,
        category=Category.CORRECTNESS,
        title="t",
        message="m",
        path=path,
        side=side,
        quote=quote,
        part=part,
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_each_line_of_an_example_is_found_in_the_change(example: Example) -> None:
    """Every line that is quoted has an anchor, unless it stands at several places."""
    change = example.change()
    chunk = shown(change).pieces
    index = QuoteIndex(chunk)
    raws = [
        index.locate(finding(piece.path, line.text, side, number))
        for number, piece in enumerate(chunk, 1)
        for line in piece.lines[:200]
        for side in Side
        if number_on(line, side) is not None
    ]
    placed = [raw for raw in raws if raw.line is not None]
    anchored = anchor(
        change,
        change.diff.units,
        (SourceReport(source="model", findings=tuple(placed)),),
        redactor(),
    )
    assert not anchored.dropped
    assert len(anchored.findings) == len(placed)
    assert bool(placed) is any(piece.lines for piece in chunk)


def test_a_huge_quote_is_bounded(raw: MakeRaw) -> None:
    """A quote of megabytes is neither looked for nor kept, and stands nowhere."""
    found = locate(raw(quote="if not data:" + " " * 5_000_000), loading())
    assert found.line is None
    assert found.quote is not None
    assert len(found.quote) == 10_001


@pytest.mark.parametrize("quote", ["\0", "if not data:\0", "\x1b[2J", "\ud800", "\n" * 9_000])
def test_a_quote_of_control_characters_is_found_nowhere(raw: MakeRaw, quote: str) -> None:
    """Characters that were never shown are no quote."""
    assert locate(raw(quote=quote), loading()).line is None


def seconds(size: int) -> float:
    """Give the processor time that findings take which are hard to find, the best of two."""
    text = "}\n" * size + "".join(f"value_{number} = {number}\n" for number in range(size))
    index = QuoteIndex(pieces("", text))
    quotes = ("}\n" * 50, "}\n" * 50 + "x", f"value_{size - 1} = {size - 1}", "ue_", "nowhere")
    taken = []
    for _ in range(2):
        start = time.thread_time()
        for quote in quotes * 40:
            index.locate(finding("app.py", quote))
        taken.append(time.thread_time() - start)
    return min(taken)


def test_time_to_find_a_quote_grows_with_the_chunk_and_no_faster() -> None:
    """Four times as many lines cost about four times as much, not sixteen."""
    small, large = seconds(1_000), seconds(4_000)

    # 20 ms for what a shared machine adds to either.
    assert large <= 8 * small + 0.02


def test_a_quote_that_stands_nearly_everywhere_is_found_nowhere(raw: MakeRaw) -> None:
    """Where not all places are looked at, none of them is chosen."""
    for count in (10, 100):
        old = "".join(f"x = {number}\nsame\n" for number in range(count))
        patch = old.replace("x = ", " x = ").replace("same", " same")
        diff = (
            f"--- a/app.py\n+++ b/app.py\n@@ -1,{2 * count} +1,{2 * count + 1} @@\n+same\n{patch}"
        )
        chunk = shown(Change.from_diff(Diff.parse(diff))).pieces
        assert locate(raw(quote="same"), chunk).line == (1 if count == 10 else None)


def test_an_escaped_line_of_dashes_is_found(raw: MakeRaw) -> None:
    """What a fence puts in front of a line is no part of it."""
    chunk = pieces("-----BEGIN\n", "x\n")
    for quote in ("\\------BEGIN", "------BEGIN", "-----BEGIN"):
        assert locate(raw(quote=quote), chunk).line == 1


def test_a_quote_is_found_below_secrets_that_change_their_length(raw: MakeRaw) -> None:
    """Placeholders that are longer or shorter than their secrets move no line."""
    secrets = "".join(f"t{number} = '{TOKEN * (number % 3 + 1)}'\n" for number in range(9))
    change = Change.from_diff(Diff.parse(edit("", f"{secrets}last = bad()\n").diff.data))
    found = locate(raw(quote="last = bad()"), shown(change).pieces)
    assert change.diff.files[0].line_at(Side.NEW, found.line or 0).text == "last = bad()"  # type: ignore[union-attr]
