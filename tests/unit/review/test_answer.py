"""Quotes of an answer: the lines that they are given stand in the change, or they are dropped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.domain.reading import Quote
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.answer import Answered, choose, note, read_answer
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.show import show

LINE = st.text("ab =()\t", min_size=1, max_size=12)


def shown(files: list[tuple[list[str], list[str]]], redactor: Redactor) -> tuple[Piece, ...]:
    """Show a change in which lines of files were replaced by others."""
    text = "".join(
        f"--- a/f{number}\n+++ b/f{number}\n@@ -1,{len(old)} +1,{len(new)} @@\n"
        + "".join(f"-{line}\n" for line in old)
        + "".join(f"+{line}\n" for line in new)
        for number, (old, new) in enumerate(files)
    )
    change = Change.from_diff(Diff.parse(text))
    return show(change, change.diff.units, redactor, most=10_000, tokens=len).pieces


@given(data=st.data())
def test_every_quote_that_is_kept_stands_where_it_says(data: st.DataObject) -> None:
    """Whatever a model quotes, of whatever file and side: number and code are those of a line."""
    lines = st.lists(LINE, min_size=1, max_size=6)
    files = data.draw(st.lists(st.tuples(lines, lines), min_size=1, max_size=3))
    pieces = shown(files, Redactor())
    number = data.draw(st.integers(0, len(files) - 1))
    old, new = files[number]
    side = data.draw(st.sampled_from(["old", "new", "NEW", "both"]))
    real = data.draw(st.sampled_from(old + new))
    said = data.draw(st.one_of(st.just(real), LINE, st.just("\n".join(new))))
    asked = {"part": number + 1, "path": f"f{number}", "quote": said, "side": side}

    found = read_answer({"answer": "", "quotes": [asked]}, pieces, Redactor())

    assert len(found.quotes) + sum(found.dropped.values()) == 1
    for quote in found.quotes:
        source = new if quote.side is Side.NEW else old
        assert quote.line is not None
        assert quote.end_line is not None
        # What no reader sees of a line, such as blanks at its end, does not count.
        there = [line.rstrip() for line in source[quote.line - 1 : quote.end_line]]
        assert [line.rstrip() for line in quote.code.split("\n")] == there
        assert "".join(said.split()) in "".join("".join(there).split())


def test_a_whole_file_without_lines_may_be_quoted() -> None:
    """A pure rename has no line, and an answer may rest on it all the same."""
    text = "diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n"
    change = Change.from_diff(Diff.parse(text))
    pieces = show(change, change.diff.units, Redactor(), most=1_000, tokens=len).pieces
    asked = {"part": 1, "path": "b", "quote": "renamed from a", "side": "new"}

    found = read_answer({"answer": "It moved.", "quotes": [asked]}, pieces, Redactor())

    assert found.quotes == (Quote(path="b", side=Side.NEW, line=None, end_line=None, code=""),)


def test_notes_number_their_quotes_from_the_first_one() -> None:
    """Whoever joins notes chooses by these numbers, and gets exactly those."""
    quotes = [Quote(path=f"f{n}", side=Side.NEW, line=n, end_line=n, code="x") for n in (1, 2, 3)]
    text = note(Answered(text="So.", quotes=tuple(quotes)), 5)
    told = {"answer": "All.", "quotes": [7, 5, 5, 4, -1]}

    chosen = choose(told, dict(enumerate(quotes, 5)), Redactor())

    assert text == "So.\nquote 5, f1:\n    x\nquote 6, f2:\n    x\nquote 7, f3:\n    x\n"
    assert chosen.quotes == (quotes[2], quotes[0])
    assert chosen.dropped == {"number of a quote that is in no note": 2}
