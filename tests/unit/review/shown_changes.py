"""Changes of one file, shown as models see them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Unit
from codeflow_engine.redaction import Redactor
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.show import Shown, show
from codeflow_engine.testing.examples import Example, ExampleFile

CONFIGURED = "correct-horse-battery-staple"
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
KEY_LINES = tuple(
    f"{number}MIIEpAIBAAKCAQEA7bq0QZ1dX2cV5nM8kLpOiUyTrEwQaSdFgHjKlZxCvBnM{number:02}"
    for number in range(4)
)
PRIVATE_KEY = "\n".join(
    ("-----BEGIN RSA PRIVATE KEY-----", *KEY_LINES, "-----END RSA PRIVATE KEY-----")
)
HIDDEN = ("\u202e", "\u2066", "\u200b", "\U000e0041", "\ufe0f", "\u00ad", "\u3164")

LOADING = """\
import os

def load(path):
    data = read(path)
    return data

def same(path):
    check(path)
    return path
"""
LOADING_CHECKED = """\
import os

def load(path):
    data = read( path )
    if not data:
        return None
    check(path)
    return data

def same(path):
    check(path)
    return path
"""

LINES = st.one_of(
    st.sampled_from(
        [
            b"",
            b"    ",
            b"}",
            b"\treturn 1",
            b"    return 1",
            b"return 1  ",
            b"value = 1\r",
            b"-----",
            b"----- end of change",
            b"+plus",
            b"-minus",
            b"\xff\xfe caf\xe9",
            "zero\u200bwidth \u202e bidi".encode(),
            f"token = '{TOKEN}'".encode(),
            f"call({CONFIGURED!r}, {TOKEN!r})".encode(),
            PRIVATE_KEY.encode(),
            b"\f",
            "nbsp\u00a0here\u2028".encode(),
        ]
    ),
    st.text("ab() ", max_size=6).map(str.encode),
)
CONTENTS = st.builds(
    lambda lines, ended: b"\n".join(lines) + (b"\n" if ended and lines else b""),
    st.lists(LINES, max_size=25),
    st.booleans(),
)
CHANGES = st.tuples(CONTENTS, CONTENTS).filter(lambda pair: pair[0] != pair[1])


def edit(old: bytes | str | None, new: bytes | str | None, path: str = "app.py") -> Change:
    """Make the change of one file; None where a side has none."""
    trees = [
        {}
        if content is None
        else {
            path: ExampleFile(content=content if isinstance(content, bytes) else content.encode())
        }
        for content in (old, new)
    ]
    return Example(name="edit", base=trees[0], head=trees[1]).change()


def redactor() -> Redactor:
    """Make a redactor that knows a configured value."""
    return Redactor(secrets=[CONFIGURED])


def shown(
    change: Change, *, most: int = 100_000, around: Mapping[Unit, str] | None = None
) -> Shown:
    """Show all of a change, with a token for each character."""
    return show(change, change.diff.units, redactor(), around=around or {}, most=most, tokens=len)


def pieces(
    old: bytes | str | None, new: bytes | str | None, *, most: int = 100_000
) -> tuple[Piece, ...]:
    """Show the change of one file."""
    return shown(edit(old, new), most=most).pieces


def loading() -> tuple[Piece, ...]:
    """Show a change of a few functions, with lines that stand on both sides, and several times."""
    return pieces(LOADING, LOADING_CHECKED)
