"""What a host can set about scans, and the small tables that they share."""

from __future__ import annotations

from typing import Any

import pytest
from analyzer_patches import change, new_file

from codeflow_engine.domain.diff import Diff, Side
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.providers.analyzer.checks.hygiene_settings import HygieneSettings
from codeflow_engine.providers.analyzer.checks.kinds import (
    is_code,
    is_foreign,
    is_lock,
    is_prose,
    is_test,
    language,
    suffix,
)
from codeflow_engine.providers.analyzer.checks.sides import SideText, Walk, is_long_line
from codeflow_engine.providers.analyzer.scan import ScanLimits


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (HygieneSettings, "max_added_lines", 0),
        (HygieneSettings, "max_binary_bytes", -1),
        (ScanLimits, "timeout", 0),
        (ScanLimits, "max_findings", -5),
    ],
)
def test_a_limit_that_cannot_work_is_refused(kind: Any, name: str, value: int) -> None:
    """The error names the setting and its value."""
    with pytest.raises(ConfigurationError, match=rf"{kind.__name__}\.{name}.*{value}"):
        kind(**{name: value})


def test_s20_limits_grow_with_the_diff() -> None:
    """A large diff gets more time and memory, a small one no more than it needs."""
    limits = ScanLimits(timeout=10, timeout_per_mb=2, memory_bytes=100, memory_per_byte=3)

    small, large = limits.of(0), limits.of(5_000_000)

    assert (small.timeout, large.timeout) == (10, 20)
    assert (small.memory_bytes, large.memory_bytes) == (100, 15_000_100)
    assert large.cpu_seconds == 21


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a/b.PY", "py"), ("a.b/c", ""), (".env", ""), ("a.tar.gz", "gz"), ("x.", "")],
)
def test_a_suffix_is_what_follows_the_last_dot(path: str, expected: str) -> None:
    """A name that begins with a dot has none."""
    assert suffix(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.tsx", "javascript"), ("Dockerfile", "shell"), ("x/Gemfile", "ruby"), ("a.txt", None)],
)
def test_the_language_follows_the_name(path: str, expected: str | None) -> None:
    """By its suffix, or by the name itself."""
    assert language(path) == expected


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("a.py", True),
        ("a.yaml", True),
        ("bin/run", True),
        ("a.md", False),
        ("LICENSE", False),
        ("locale/de/a.py", False),
        ("a.png", False),
    ],
)
def test_code_and_texts_for_people_are_told_apart(*, path: str, code: bool) -> None:
    """A file without a suffix is taken for code, unless it is a well-known text."""
    assert is_code(path) is code
    assert not (is_code(path) and is_prose(path))


def test_tests_foreign_files_and_lock_files_are_known_by_their_paths() -> None:
    """By directories and by forms of names."""
    assert all(
        map(is_test, ["tests/a.py", "x/test_a.py", "a.spec.ts", "a_test.go", "ATest.java", "a.md"])
    )
    assert not any(map(is_test, ["latest/a.py", "contest.py", "src/attest.go"]))
    assert all(map(is_foreign, ["vendor/a.js", "x/node_modules/y/z.js", "a.min.js"]))
    assert not any(map(is_foreign, ["src/vendors.py", "distance/a.js"]))
    assert is_lock("a/Cargo.lock")
    assert not is_lock("a/lock.py")


def side(text: str | bytes, which: Side = Side.NEW) -> SideText:
    (file,) = Diff.parse(text).files
    return SideText.of(file.hunks[0], which)


@pytest.mark.parametrize("which", list(Side))
@pytest.mark.parametrize(
    "text",
    [
        change("a", [" a", "-b", "+c", "+d", " e"]),
        new_file("a", "x", "", "\r", "\x0cy\u2028z"),
        new_file("a", "x") + "\\ No newline at end of file\n",
        change("a", [" a", "+b"]).encode().replace(b"+b", b"+\xff\xfe\xc3"),
        change("a", [" a", "+b", " ", "-c"]).replace("\n \n", "\n\n"),
        change("a", ["-a", "+b"])[:-1],
    ],
)
def test_a_side_is_what_the_hunk_says_it_is(text: str | bytes, which: Side) -> None:
    """Lines, numbers and marks agree with the lines that the diff itself gives."""
    (file,) = Diff.parse(text).files
    lines = file.hunks[0].side(which)

    read = side(text, which)

    assert read.text.split("\n") == [line.text for line in lines] or not lines
    assert list(read.touched) == [line.kind.value != "context" for line in lines]
    assert read.first == file.hunks[0].numbers(which).start
    assert [line for line, _ in read.lines()] == [line.text for line in lines]


def test_a_walk_gives_the_place_of_each_offset() -> None:
    """Lines count from the hunk's first, columns from 1."""
    walk = Walk(side(change("a", [" ab", "+cd", " ef"])))

    places = [walk.to(offset) for offset in (0, 1, 3, 4, 4, 6)]

    assert [(place.line, place.column, place.touched) for place in places] == [
        (1, 1, False),
        (1, 2, False),
        (2, 1, True),
        (2, 2, True),
        (2, 2, True),
        (3, 1, False),
    ]


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("x" * 1001, 0, True),
        ("x" * 1000, 0, False),
        ("x" * 5000, 4999, True),
        ("a\n" + "x" * 900 + "\nb", 500, False),
        ("a\n" + "x" * 2000 + "\nb", 2001, True),
    ],
)
def test_a_line_of_more_than_a_thousand_characters_is_long(
    *, text: str, offset: int, expected: bool
) -> None:
    """Wherever in it the offset stands."""
    assert is_long_line(text, offset) is expected
