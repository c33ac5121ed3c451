"""A repository's configuration as data: the same values as git sees, and nothing obeyed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codeflow_engine.providers.vcs.git.configuration import parse, truth

TEXTS = [
    "[a]\nx = 1\n y=two\n\tz\n",
    '[a "Sub Section"]\nX = 1\n[a "q\\"uo\\\\te"]\nx = 2\n',
    '[A.B]\nx = 1 ; comment\ny = "1 ; no comment" # comment\n',
    '[a]\nx = "with  blanks  "   \ny = two  words\t\nz = a"b c"d\n',
    '[a]\nx = one \\\n  two\ny = "three \\\nfour"\n',
    '[a]\nx = \\t\\n\\b\\"\\\\\n',
    "[a] x = 1\n[b]y=2\n[c][d]z=3",
    "\ufeff[a]\r\nx = 1\r\ny = 2\r\n",
    "# only\n; comments\n\n",
    "[a]\nx = 1\nx = 2\n",
    "[include]\npath = /etc/passwd\n",
    "[a]\nx=\ny = \n",
    "x = 1\n",
    "[a]\nx = 1\\",
    "[a]\nx = 1 \\",
]
BROKEN = [
    *("[a\n", "[a]\nx y\n", '[a]\nx = "open\n', "[a]\nx = \\q\n", "[a]\n1x = 1\n"),
    *("[]\n", "[a]\n= 1\n", '[a "x]\n'),
]


def ask_git(path: Path) -> dict[str, str] | None:
    """Give what git reads from a file; None where it refuses."""
    ran = subprocess.run(
        ["git", "config", "--file", str(path), "--no-includes", "--list", "-z"],
        capture_output=True,
        check=False,
    )
    if ran.returncode:
        return None
    told = ran.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return {
        key: value if found else "true"
        for key, found, value in (one.partition("\n") for one in told)
    }


@pytest.mark.parametrize("text", TEXTS)
def test_values_are_those_that_git_reads(tmp_path: Path, text: str) -> None:
    """Quotes, escapes, comments, continuations and subsections mean what they mean to git."""
    path = tmp_path / "config"
    path.write_bytes(text.encode())

    assert parse(text.encode()) == ask_git(path)


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    """What git refuses is refused here, with the number of the line."""
    path = tmp_path / "config"
    path.write_bytes(text.encode())

    assert ask_git(path) is None
    with pytest.raises(ValueError, match=r"^[12]$"):
        parse(text.encode())


PIECES = [
    "[a]",
    '[b "c"]',
    "\n",
    " ",
    "x",
    "=",
    "1",
    '"',
    "\\",
    "\\\n",
    ";",
    "#",
    "\\n",
    "y z",
    "\t",
]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_text_means_what_it_means_to_git(tmp_path: Path, text: str) -> None:
    """Whatever git can read is read alike; nothing is read that git refuses."""
    path = tmp_path / "config"
    path.write_bytes(text.encode())
    expected = ask_git(path)

    try:
        found = parse(text.encode())
    except ValueError:
        found = None

    # Before 2.45, git read a tab within a value as a space.
    assert spaced(found) == spaced(expected)


def spaced(values: dict[str, str] | None) -> dict[str, str] | None:
    """Write tabs as spaces."""
    return values and {key: value.replace("\t", " ") for key, value in values.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("k", True), ("k = yes", True), ("k = ON", True), ("k = 1", True), ("k = true", True)),
        *(("k = no", False), ("k = off", False), ("k = 0", False), ("k =", False)),
        *(("other = 1", None), ("k = maybe", None)),
    ],
)
def test_booleans(text: str, expected: bool | None) -> None:  # noqa: FBT001 - a value under test
    """Booleans have git's spellings; what is none counts as the default."""
    values = parse(f"[s]\n{text}\n".encode())

    for default in (True, False):
        assert truth(values, "s.k", default=default) is (default if expected is None else expected)
