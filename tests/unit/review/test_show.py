from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shown_changes import (
    CHANGES,
    CONFIGURED,
    HIDDEN,
    KEY_LINES,
    PRIVATE_KEY,
    TOKEN,
    edit,
    pieces,
    redactor,
    shown,
)

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff, LineKind, Side, Unit
from codeflow_engine.reports.visible import is_hidden
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.readable import readable
from codeflow_engine.testing.examples import EXAMPLES, TOGETHER, Example, named

MARKS = {LineKind.ADD: "+", LineKind.DELETE: "-", LineKind.CONTEXT: " "}
LONG = 500


def numbered(count: int, word: str = "line") -> str:
    return "".join(f"{word} {number}\n" for number in range(count))


def text_of(example: str) -> list[str]:
    return [piece.text for piece in shown(named(example).change()).pieces]


def test_a_hunk_is_shown_with_marks_and_without_numbers() -> None:
    """What a model sees names the file and has a mark before each line."""
    (piece,) = pieces("a\nb\nc\n", "a\nB\nc\n")
    assert piece.text == 'file "app.py"\nhunk:\n a\n-b\n+B\n c\n'
    assert [(line.old_number, line.new_number) for line in piece.lines] == [
        (1, 1),
        (2, None),
        (None, 2),
        (3, 3),
    ]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_unit_of_an_example_is_accounted_for(example: Example) -> None:
    """A unit is shown, declined or failed, and is one of these alone."""
    change = example.change()
    told = shown(change)
    places = {*(piece.unit for piece in told.pieces)}
    assert sorted([*places, *told.declined, *told.failed], key=repr) == sorted(
        change.diff.units, key=repr
    )
    assert not told.failed
    assert {change.diff.files[unit.file].is_binary for unit in told.declined} <= {True}


def test_examples_are_shown_without_secrets_and_hidden_characters() -> None:
    """No secret is shown, and a second look at the text finds none."""
    secrets = [secret for example in EXAMPLES for secret in example.secrets]
    told = shown(TOGETHER.change())
    assert secrets
    for piece in told.pieces:
        assert not [secret for secret in secrets if secret in piece.text]
        assert redactor().redact(piece.text) == piece.text
        assert not [one for one in piece.text if one not in "\n\t" and is_hidden(one)]


@given(CHANGES, st.integers(80, 400))
def test_lines_and_text_of_a_piece_agree(pair: tuple[bytes, bytes], most: int) -> None:
    """Each shown line stands in the text, is the line of the file that its number names."""
    change = edit(*pair)
    (file,) = change.diff.files
    for piece in shown(change, most=most).pieces:
        assert len(piece.text) <= most
        rows = iter(piece.text.split("\n"))
        for line in piece.lines:
            assert any(row == MARKS[line.kind] + line.text for row in rows)
            for side, number in ((Side.OLD, line.old_number), (Side.NEW, line.new_number)):
                source = number and file.line_at(side, number)
                if source:
                    assert source.kind is line.kind
                    assert source.text.endswith("\r") is line.ends_in_cr
                    assert "[redacted:" in line.text or readable(source.text) == line.text


@given(CHANGES)
def test_a_hunk_that_fits_is_shown_whole(pair: tuple[bytes, bytes]) -> None:
    """Nothing of a short hunk is left out, and nothing is shown that is secret or hidden."""
    change = edit(*pair)
    told = shown(change)
    for piece in told.pieces:
        hunk = change.diff.files[0].hunks[piece.unit.hunk or 0]
        if hunk.added:
            assert [line.kind for line in piece.lines] == [line.kind for line in hunk.lines]
        for secret in (TOKEN, CONFIGURED, *KEY_LINES):
            assert secret not in piece.text
        assert not [one for one in piece.text if one not in "\n\t" and is_hidden(one)]


def test_a_key_is_hidden_on_both_sides_of_a_hunk() -> None:
    """A private key of which one line changed is seen as one on each side."""
    (piece,) = pieces(PRIVATE_KEY, PRIVATE_KEY.replace(KEY_LINES[1], KEY_LINES[1][::-1]))
    assert not [line for line in (*KEY_LINES, KEY_LINES[1][::-1]) if line in piece.text]
    assert piece.text.count("[redacted:private-key]") == len(KEY_LINES) + 1


@pytest.mark.parametrize("hidden", HIDDEN)
def test_s4_what_nobody_sees_is_taken_out(hidden: str) -> None:
    """Bidi controls, tags, zero-width characters and selectors reach no model."""
    (piece,) = pieces("", f"if access{hidden}_level: # {hidden}\n")
    assert piece.text.endswith("\n+if access_level: # \n")


def test_s4_a_hidden_character_hides_no_secret() -> None:
    """A secret that is broken by a character which is taken out is a secret still."""
    broken = f"{TOKEN[:15]}\u200b{TOKEN[15:]}"
    (piece,) = pieces("", f"token = {broken!s}\nnext\n")
    assert TOKEN not in piece.text
    assert "[redacted:github-token]" in piece.text


def test_s4_names_of_files_are_escaped() -> None:
    """A name can neither end its quotes nor its line, and shows what it hides."""
    path = 'a\u202eb"\nPart 9: c\u0430t.py'
    (piece,) = shown(edit("", "x\n", path)).pieces
    first, _, _ = piece.text.partition("\n")
    assert first == 'file "a\\\\u202eb\\"\\\\nPart 9: c\\\\u0430t.py"'
    assert piece.path == path
    assert piece.names == (first.removeprefix('file "').removesuffix('"'),)


def test_what_cannot_be_decoded_is_marked() -> None:
    """Bytes that are no UTF-8 and controls are seen as one mark, blanks as blanks."""
    (piece,) = pieces(b"", b"caf\xe9\xe8 \x1b[0m a\xc2\xa0b\fc\td\r\n")
    assert piece.lines[0].text == "caf\ufffd \ufffd[0m a b c\td"
    assert piece.lines[0].ends_in_cr


def test_a_change_of_ends_of_lines_alone_is_told() -> None:
    """Lines that look alike on both sides come with the reason."""
    (piece,) = pieces("a\r\nb\r\n", "a\nb\n")
    assert "ends of lines: CR LF where removed, LF where added\n" in piece.text


def test_a_missing_end_of_the_last_line_is_told() -> None:
    """The note of the diff stands below its line, and is no line of the hunk."""
    (piece,) = pieces("a", "a\n")
    assert piece.text.endswith("-a\n\\ No newline at end of file\n+a\n")
    assert len(piece.lines) == 2


@pytest.mark.parametrize(
    ("example", "told"),
    [
        ("rename", '"new/same.py", renamed from "old/same.py", content as it was'),
        ("rename", '"new/edited.py", renamed from "old/edited.py"'),
        ("mode", '"run.sh", mode changed from 100644 to 100755, content as it was'),
        ("mode", '"edited.sh", mode changed from 100755 to 100644'),
        ("new-file", '"src/deep/new.py", added'),
        ("deletion", '"gone.py", deleted'),
        ("empty-file", "added, without content"),
        ("links", "a symbolic link: its content is the path that it leads to"),
        ("submodule", "a submodule: its content is the id of a commit of another repository"),
    ],
)
def test_what_became_of_a_file_is_told(example: str, told: str) -> None:
    """The first line of a piece says what no line of a hunk does."""
    assert [text for text in text_of(example) if told in text.partition("\n")[0]]


def test_paths_of_a_renamed_file_are_both_there() -> None:
    """Whoever may not see the old name can be told from the piece."""
    paths = {piece.paths for piece in shown(named("rename").change()).pieces}
    assert paths == {("new/edited.py", "old/edited.py"), ("new/same.py", "old/same.py")}


def test_binary_content_is_declined() -> None:
    """No model is asked about bytes."""
    change = named("binary").change()
    told = shown(change)
    assert not told.pieces
    assert told.declined == dict.fromkeys(change.diff.units, "binary content")


def test_what_a_diff_does_not_show_fails() -> None:
    """An entry whose change cannot be seen is shown to nobody."""
    change = Change.from_diff(Diff.parse("Only in src: new.py\n"))
    told = shown(change)
    assert list(told.failed) == list(change.diff.units)
    assert "does not show its content" in told.failed[change.diff.units[0]]


def test_a_deleted_file_is_shortened_to_its_ends() -> None:
    """Of a long removal the first and the last lines are shown, with true numbers."""
    (piece,) = pieces(numbered(130), None)
    assert "\n-line 7\n... 114 more removed lines\n-line 122\n" in piece.text
    assert [line.old_number for line in piece.lines] == [*range(1, 9), *range(123, 131)]


def test_a_removal_that_is_replaced_is_shown_whole() -> None:
    """What was there matters to what takes its place."""
    (piece,) = pieces(numbered(130), "another\n")
    assert len(piece.lines) == 131


def test_a_key_in_what_is_left_out_hides_what_is_shown() -> None:
    """A removal is shortened after it was redacted."""
    old = "\n".join(("-----BEGIN RSA PRIVATE KEY-----", *(KEY_LINES * 10))) + "\n"
    (piece,) = pieces(old, None)
    assert "more removed lines" in piece.text
    assert not [line for line in KEY_LINES if line in piece.text]


def test_code_around_a_hunk_is_shown_redacted_and_in_place_of_its_section() -> None:
    """What comes from the file is data, too, and no line of it begins at the margin."""
    change = edit(f"def f():\n{numbered(9)}", f"def f():\n{numbered(9)}added\n")
    around = f"def f():\n    key = '{TOKEN}'\u202e\n-----\n"
    (bare,) = shown(change).pieces
    (piece,) = shown(change, around={Unit(file=0, hunk=0): around}).pieces
    assert (
        "\naround:\n def f():\n     key = '[redacted:github-token]'\n -----\nhunk:\n" in piece.text
    )
    assert bare.lines == piece.lines


def test_the_section_of_a_hunk_stands_where_nothing_surrounds_it() -> None:
    """A heading that the diff has is shown without its secrets."""
    patch = f"--- a/x\n+++ b/x\n@@ -5 +5 @@ def f(t='{TOKEN}'):\n-a\n+b\n"
    (piece,) = shown(Change.from_diff(Diff.parse(patch))).pieces
    assert piece.text == "file \"x\"\nat: def f(t='[redacted:github-token]'):\nhunk:\n-a\n+b\n"


def test_what_surrounds_a_hunk_leaves_room_for_it() -> None:
    """Too much code around is cut before the hunk is."""
    change = edit("a\n", "b\n")
    (piece,) = shown(change, most=200, around={Unit(file=0, hunk=0): numbered(400)}).pieces
    assert "around:\n line 0\n" in piece.text
    assert piece.text.endswith("hunk:\n-a\n+b\n")


def test_what_is_shown_does_not_move_with_the_lines_above() -> None:
    """An edit elsewhere in the file leaves the text of a hunk as it was."""
    old = numbered(50)
    one = pieces(old, old.replace("line 40\n", "changed\n"))
    other = pieces(old, "new first\n" + old.replace("line 40\n", "changed\n"))
    assert one[0].text == other[1].text
    assert one[0].lines != other[1].lines


def parts_of(text: str) -> list[Piece]:
    return list(pieces(None, text, most=LONG))


def test_a_long_hunk_is_cut_into_parts_that_hold_all_of_it() -> None:
    """The parts of a hunk show each line once, in order."""
    parts = parts_of(numbered(400))
    assert [piece.part for piece in parts] == list(range(len(parts)))
    assert len(parts) > 5
    assert {len(piece.text) <= LONG for piece in parts} == {True}
    numbers = [line.new_number for piece in parts for line in piece.lines]
    assert numbers == list(range(1, 401))
    assert [("hunk:\n" in piece.text, "(goes on" in piece.text) for piece in parts] == [
        (True, True),
        *((False, True) for _ in parts[2:]),
        (False, False),
    ]


def test_a_change_at_the_end_leaves_earlier_parts_as_they_are() -> None:
    """What is added behind a part has no say in it."""
    one, other = parts_of(numbered(400)), parts_of(numbered(399) + numbered(30, "more"))
    assert [piece.text for piece in one[:-2]] == [piece.text for piece in other[: len(one) - 2]]


def test_cuts_stand_again_soon_after_an_edit_at_the_beginning() -> None:
    """A line that is put in at the top changes few of the parts behind it."""
    text = "".join(f"def f{number}():\n    return {number}\n\n" for number in range(300))
    one, other = parts_of(text), parts_of("import os\n" + text)
    same = {piece.text for piece in one} & {piece.text for piece in other}
    assert len(same) > len(one) * 0.8


def test_a_part_in_which_nothing_changed_is_left_out() -> None:
    """Context alone is nothing to review."""
    rows = "".join(f" same {number}\n" for number in range(200))
    patch = f"--- a/x\n+++ b/x\n@@ -1,201 +1,201 @@\n{rows}-a\n+b\n"
    parts = shown(Change.from_diff(Diff.parse(patch)), most=LONG).pieces
    assert [piece.part for piece in parts] == [0]
    assert parts[0].text.endswith("-a\n+b\n")


def test_a_line_that_is_too_long_fails_its_unit_alone() -> None:
    """Nothing of a unit is shown where a line of it cannot be."""
    old = numbered(100)
    new = old.replace("line 3\n", "x" * LONG + "\n").replace("line 90\n", "changed\n")
    told = shown(edit(old, new), most=LONG)
    assert list(told.failed) == [Unit(file=0, hunk=0)]
    assert "a line has about 502 tokens" in told.failed[Unit(file=0, hunk=0)]
    assert {piece.unit for piece in told.pieces} == {Unit(file=0, hunk=1)}


def test_a_name_that_is_too_long_fails_its_unit() -> None:
    """An entry without hunks has nothing that could be cut."""
    told = shown(named("mode").change(), most=10)
    assert len(told.failed) == 2
    assert not told.pieces
