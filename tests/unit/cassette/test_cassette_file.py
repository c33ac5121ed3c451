"""The file of a cassette, and where two of them part."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine.cassette import Cassette, Entry, first_divergence
from codeflow_engine.cassette.entry import Call
from codeflow_engine.cassette.placing import placed
from codeflow_engine.domain.finding import Category, RawFinding, Severity
from codeflow_engine.errors import CassetteError
from codeflow_engine.redaction import Redactor

AT = datetime(2026, 1, 1, tzinfo=UTC)


def entry(method: str = "ask", *, asked: Any = None, about: str = "", **fields: Any) -> Entry:
    kind = fields.pop("kind", "llm")
    call = Call(kind=kind, name="", method=method, about=about, asked=asked)
    return Entry(call=call, **fields)


def cassette(path: Path, *entries: Entry, **fields: Any) -> Cassette:
    return Cassette(path=str(path), started_at=AT, entries=entries, **fields)


ENTRIES = (
    entry("isolation", kind="sandbox", value="none"),
    entry("fetch_change", kind="vcs", value={"diff": 5}, parts=(b"+a\n\xff", b"text\n")),
    entry(asked={"q": "one"}, value="yes"),
    entry(asked={"q": "one"}, value="no", number=1),
    entry(asked={"q": "two"}, failure='{"ours": "AnalyzerError", "args": ["broken"]}'),
)


def test_a_cassette_comes_back_as_it_was(tmp_path: Path) -> None:
    """Values, bytes that are no text, failures and settings are the same after reading."""
    path = tmp_path / "a.cassette"
    cassette(path, *ENTRIES, settings={"scope": "file"}).save()

    found = Cassette.load(path)

    assert found.entries == tuple(sorted(ENTRIES, key=lambda one: one.place))
    assert [one.line for one in found.entries] == [2, 3, 4, 5, 6]
    assert (found.started_at, found.settings) == (AT, {"scope": "file"})


def test_equal_recordings_give_equal_files(tmp_path: Path) -> None:
    """The order in which things happened is not in the file."""
    paths = [tmp_path / "a", tmp_path / "b"]
    cassette(paths[0], *ENTRIES).save()
    cassette(paths[1], *reversed(ENTRIES)).save()

    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def lines(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    return lambda text: "".join(f"{line}\n" for line in change(text.splitlines()))


def edit(line: int, **fields: Any) -> Callable[[str], str]:
    """Set keys of one line of a file; None removes a key."""

    def change(rows: list[str]) -> list[str]:
        plain = {**json.loads(rows[line - 1]), **fields}
        rows[line - 1] = json.dumps({k: v for k, v in plain.items() if v is not None})
        return rows

    return lines(change)


@pytest.mark.parametrize(
    ("damage", "line", "told"),
    [
        (lambda _: "", 1, "no JSON"),
        (lambda _: "[]\n", 1, "no object"),
        (lambda _: "{}\n", 1, "it is no cassette"),
        (edit(1, cassette=2), 1, "it is of form 2, and this version of the package reads form 1"),
        (edit(1, started_at="noon"), 1, "no head"),
        (edit(1, started_at="2026-01-01"), 1, "no head"),
        (edit(1, entries=None), 1, "no head"),
        (lines(lambda rows: rows[:-2]), 5, "cut off: 3 of 5 entries"),
        (lambda text: text[:-20], 6, "no JSON"),
        (lambda text: text[:-1], 6, "cut off"),
        (lambda text: text.replace('"method"', '"methud"', 1), 2, "no entry"),
        (edit(3, kind="weather"), 3, "no entry"),
        (edit(5, value=None), 5, "no entry"),
        (edit(4, value="yes"), 4, "no entry"),
        (edit(4, number="1"), 4, "no entry"),
        (edit(4, parts=[{"base64": "?"}]), 4, "no bytes"),
        (edit(4, parts=["x"]), 4, "no bytes"),
        (lines(lambda rows: [*rows[:-1], rows[-2]]), 6, "there twice"),
    ],
)
def test_damage_is_told_with_its_line(
    tmp_path: Path, damage: Callable[[str], str], line: int, told: str
) -> None:
    """What is cut off, changed, or of a later version is never read as something else."""
    path = tmp_path / "a.cassette"
    cassette(path, *ENTRIES).save()
    path.write_text(damage(path.read_text()))

    with pytest.raises(CassetteError, match=re.escape(told)) as raised:
        Cassette.load(path)

    assert (raised.value.path, raised.value.line) == (str(path), line)
    assert raised.value.message.startswith(f"cassette {path}, line {line}: ")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The error names the file, and has no line."""
    with pytest.raises(CassetteError, match="it cannot be read: No such file") as raised:
        Cassette.load(tmp_path / "none")

    assert raised.value.line is None


def test_equal_recordings_do_not_part(tmp_path: Path) -> None:
    """Clock readings, ids of runs and of responses differ in any two runs, and do not count."""
    one = cassette(
        tmp_path,
        entry("seen", kind="clock", asked="id of talk/1", value="1"),
        entry(asked="q", value={"run_id": "1", "response_id": "a", "text": "yes"}),
    )
    other = cassette(
        tmp_path,
        entry("seen", kind="clock", asked="id of talk/1", value="2"),
        entry(asked="q", value={"run_id": "2", "response_id": "b", "text": "yes"}),
    )

    assert first_divergence(one, other) is None


ASKED = {"messages": [{"text": "look\nat this"}]}


def base(path: Path) -> Cassette:
    diff = entry("fetch_change", kind="vcs", value={"diff": 6}, parts=(b"+a\n+b\n",))
    return cassette(path, diff, entry(asked=ASKED, about="inspect/1 a.py", value={"text": "fine"}))


def swapped(whole: Cassette, place: int, **fields: Any) -> Cassette:
    entries = [*whole.entries]
    call = entries[place].call
    asked = fields.pop("asked", call.asked)
    entries[place] = replace(entries[place], call=replace(call, asked=asked), **fields)
    return replace(whole, entries=tuple(entries))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda one: replace(one, settings={"scope": "file"}),
            'settings: scope: nothing -> "file"',
        ),
        (
            lambda one: swapped(one, 0, parts=(b"+a\n+c\n",)),
            'vcs fetch_change, answered: parts[0] line 2: "+b" -> "+c"',
        ),
        (
            lambda one: swapped(one, 1, value={"text": "bad"}),
            'llm ask (inspect/1 a.py), answered: value.text: "fine" -> "bad"',
        ),
        (
            lambda one: swapped(one, 1, value=None, failure='{"other": "x"}'),
            'llm ask (inspect/1 a.py), answered: failure: nothing -> {"other": "x"}',
        ),
        (
            lambda one: swapped(one, 1, asked={"messages": [{"text": "look\nat that"}]}),
            'llm ask (inspect/1 a.py), asked: messages[0].text line 2: "at this" -> "at that"',
        ),
        (
            lambda one: replace(one, entries=one.entries[:1]),
            f"llm ask (inspect/1 a.py), asked: {json.dumps(ASKED)} -> nothing",
        ),
    ],
)
def test_recordings_part_where_they_first_differ(
    tmp_path: Path, change: Callable[[Cassette], Cassette], told: str
) -> None:
    """Settings come first, then what was asked and answered; the place is exact, both ways."""
    one = base(tmp_path)
    other = change(one)

    there, back = one.first_divergence(other), other.first_divergence(one)

    assert there is not None
    assert back is not None
    assert str(there) == told
    assert (back.one, back.other, back.place) == (there.other, there.one, there.place)


def test_hostile_text_is_told_escaped(tmp_path: Path) -> None:
    """What stands in a recording comes from a change, and moves no cursor."""
    one = cassette(tmp_path, entry(asked="q", value="\x1b[2Jyes"))
    other = cassette(tmp_path, entry(asked="q", value="no\u202e"))

    told = str(first_divergence(one, other))

    assert "\x1b" not in told
    assert "\u202e" not in told


def finding(column: int, end: int | None) -> RawFinding:
    return RawFinding(
        rule="odd",
        severity=Severity.LOW,
        category=Category.SECURITY,
        title="odd",
        message="odd",
        path="a.py",
        line=1,
        column=column,
        end_column=end,
    )


@pytest.mark.parametrize(
    ("columns", "moved"),
    [
        ((1, 2), (1, 2)),
        ((5, 9), (5, 17)),
        ((6, 7), (5, 17)),
        ((10, 12), (18, 20)),
        ((12, None), (20, None)),
        ((12, 16), (20, 32)),
    ],
)
def test_columns_move_with_what_was_taken_out(
    columns: tuple[int, int | None], moved: tuple[int, int | None]
) -> None:
    """Columns inside of a secret become those of its mark, and later ones keep their text."""
    original, shown = "a = AAAA + BBBB", "a = [redacted:x] + [redacted:x]"

    found = placed(finding(*columns), shown=shown, original=original, redactor=Redactor())

    assert (found.column, found.end_column) == moved
