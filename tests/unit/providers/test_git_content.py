"""What a file would be as a blob: line ends, keywords, pointers."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.providers.vcs.git.content import (
    blob_id,
    canonical,
    forms,
    has_crlf,
    is_opaque,
    keeps_crlf,
    lfs_pointer,
)
from codeflow_engine.providers.vcs.git.rules import Attributes

TEXT = Attributes(text=b"set")
AUTO = Attributes(text=b"auto")


def turn(content: bytes, attributes: Attributes, *, recorded: bool = False) -> bytes:
    return canonical(content, attributes, autocrlf="false", crlf_recorded=recorded)


def test_the_id_of_a_blob() -> None:
    """Ids are those that git gives, of either hash, whatever the pieces."""
    assert blob_id("sha1", 0, []) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_id("sha1", 6, [b"he", b"llo\n"]) == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert blob_id("sha256", 0, []).startswith("473a0f4c3be8a93681a267e3b1e9a7dc")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"a\nb\r\n", b"a\nb\n"),
        (b"a\rb\r\n", b"a\rb\r\n"),  # a lone CR: binary
        (b"a\0\r\n", b"a\0\r\n"),
        (b"\1\2\r\n", b"\1\2\r\n"),  # too little of it is printable
        (b"x" * 200 + b"\1\r\n", b"x" * 200 + b"\1\n"),
        (b"\x1b\t\f\b a\r\n", b"\x1b\t\f\b a\n"),
        (b"a\r\n\x1a", b"a\n\x1a"),  # the end mark of old systems
        (b"\xff\xfe\r\n", b"\xff\xfe\n"),
    ],
)
def test_automatic_line_ends(content: bytes, expected: bytes) -> None:
    """`auto` turns CRLF into LF in what looks like text, by git's own measure."""
    assert turn(content, AUTO) == expected


def test_automatic_line_ends_leave_recorded_ones_alone() -> None:
    """Where the recorded blob has CRLF, CRLF is meant."""
    assert turn(b"a\r\n", AUTO, recorded=True) == b"a\r\n"
    assert turn(b"a\r\n", TEXT, recorded=True) == b"a\n"


def test_declared_text_is_turned_whatever_it_looks_like() -> None:
    """`text` is the author's word; a CR alone still stays."""
    assert turn(b"\0a\r\nb\rc\n", TEXT) == b"\0a\nb\rc\n"


@pytest.mark.parametrize("autocrlf", ["true", "input", "false"])
def test_the_setting_counts_only_where_no_attribute_does(autocrlf: str) -> None:
    """Attributes win over `core.autocrlf`, and `eol` makes a file text."""
    cases = {
        Attributes(): "auto" if autocrlf != "false" else "binary",
        Attributes(text=b"unset"): "binary",
        Attributes(eol=b"crlf"): "text",
        Attributes(text=b"unset", eol=b"lf"): "binary",
        Attributes(text=b"auto", eol=b"lf"): "auto",
    }
    for attributes, how in cases.items():
        assert keeps_crlf(attributes, autocrlf) == (how == "auto")
        found = canonical(b"a\r\n", attributes, autocrlf=autocrlf, crlf_recorded=False)
        assert found == (b"a\r\n" if how == "binary" else b"a\n")


def test_keywords() -> None:
    """An expanded keyword is collapsed; what only resembles one is left."""
    about = Attributes(ident=b"set")

    assert turn(b"$Id: x $ $Id$ $Id:\n$ $Id: a\nb$", about) == b"$Id$ $Id$ $Id:\n$ $Id: a\nb$"


def test_pointers() -> None:
    """A content becomes its pointer, a pointer stays one, and nothing stays nothing."""
    about = Attributes(filter=b"lfs")
    digest = hashlib.sha256(b"data").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 4\n".encode()

    assert turn(b"data", about) == pointer
    assert turn(pointer, about) == pointer
    assert turn(b"", about) == b""
    assert lfs_pointer(4, [b"da", b"ta"]) == pointer


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (Attributes(), False),
        (Attributes(filter=b"lfs"), False),
        (Attributes(filter=b"unset"), False),
        (Attributes(filter=b"git-crypt"), True),
        (Attributes(filter=b"set"), True),
        (Attributes(encoding=b"utf-8"), False),
        (Attributes(encoding=b"UTF-16LE-BOM"), True),
    ],
)
def test_what_only_a_foreign_program_can_read(
    attributes: Attributes,
    expected: bool,  # noqa: FBT001 - a value under test
) -> None:
    """Any filter but that of LFS, and any encoding but UTF-8, is foreign."""
    assert is_opaque(attributes) is expected


def test_recorded_line_ends() -> None:
    """Only a text's CRLF counts as recorded."""
    assert has_crlf(b"a\r\n")
    assert not has_crlf(b"a\n")
    assert not has_crlf(b"\0\r\n")


@given(
    st.lists(st.sampled_from([b"a", b"\r\n", b"\n", b"$Id: x $", b"\0"]), max_size=8).map(b"".join),
    st.sampled_from([b"set", b"unset", b"auto", b"unspecified"]),
    st.sampled_from([b"set", b"unspecified"]),
    st.sampled_from([b"lfs", b"unspecified"]),
    st.booleans(),
)
def test_every_result_is_among_the_forms(
    content: bytes,
    text: bytes,
    ident: bytes,
    name: bytes,
    recorded: bool,  # noqa: FBT001 - a value under test
) -> None:
    """A file can be recognized later without its attributes."""
    about = Attributes(text=text, ident=ident, filter=name)

    assert turn(content, about, recorded=recorded) in list(forms(content))
