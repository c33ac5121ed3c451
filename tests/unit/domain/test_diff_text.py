"""Free text around the entries of a diff: messages, mails, and inputs that hold no diff."""

from __future__ import annotations

import pytest

from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import DiffError

ENTRY = (
    b"diff --git a/x b/x\nindex 1111111..2222222 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
)
PLAIN = b"--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n"
MAIL = (
    b"From 8e3817eea50160f6118ca9f19eb6fecc52aca324 Mon Sep 17 00:00:00 2001\n"
    b"From: A <a@example.org>\nSubject: [PATCH] x\n\n"
)


@pytest.mark.parametrize("blank", [b"", b"\n", b" \t\r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_blank_input_is_an_empty_diff(blank: bytes) -> None:
    """An input without text has no entries, and is no error."""
    diff = Diff.parse(blank)

    assert (len(diff.files), diff.units, diff.render()) == (0, (), blank)


@pytest.mark.parametrize(
    "text",
    [
        b"# A README\n\nNothing of a diff here.\n",
        b"x",
        b" x | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n",
        b":100644 100644 1234567 89abcde M\tx\n",
        b"\x1b[1mdiff --git a/x b/x\x1b[m\n",
        b"| diff --git a/x b/x\n",
        ENTRY.decode().encode("utf-16"),
        b"--- a/x\n",
        b"diff -u a/x b/x\n",
        b"diff --git\n",
    ],
)
def test_a_text_without_an_entry_is_refused(text: bytes) -> None:
    """A file that is no diff must not read as a change without content."""
    with pytest.raises(DiffError, match="holds no file entry") as caught:
        Diff.parse(text)

    assert caught.value.line == 1


def test_a_byte_order_mark_is_stepped_over() -> None:
    """The first entry is found behind a byte order mark, which is kept."""
    diff = Diff.parse(b"\xef\xbb\xbf" + ENTRY)

    assert diff.files[0].old_mode == "100644"
    assert diff.files[0].span.start == 3
    assert diff.render() == b"\xef\xbb\xbf" + ENTRY


def test_text_belongs_to_no_entry() -> None:
    """Messages before, between and behind the entries are kept, outside of every span."""
    message = b"commit 1234\nAuthor: A\n\n    --- a/x\n    +++ b/x\n    @@ -1 +1 @@\n\n"
    data = message + ENTRY + b"\n" + message + ENTRY + PLAIN + b"\nthe end\n"

    diff = Diff.parse(data)

    assert [file.path for file in diff.files] == ["x", "x", "y"]
    assert [file.render() for file in diff.files] == [ENTRY, ENTRY, PLAIN]
    assert [data[file.span.start : file.span.end] for file in diff.files] == [ENTRY, ENTRY, PLAIN]
    assert diff.render() == data


@pytest.mark.parametrize("line", [b"one more commit", b"8e3817eea50160f6118c", b"\0commit 1"])
def test_text_may_follow_a_hunk_at_once(line: bytes) -> None:
    """`git log -p --format=%s` puts no empty line below a diff."""
    assert len(Diff.parse(ENTRY + line + b"\n\n" + ENTRY).files) == 2


@pytest.mark.parametrize(
    "signature", [b"-- \n2.39.5\n\n", b"--\nA\n", b"-- \r\n2.39.5\r\n", b"-- "]
)
def test_a_mail_signature_ends_the_patch(signature: bytes) -> None:
    """The `-- ` line below the last hunk is no deleted line."""
    data = MAIL + b"---\n x | 2 +-\n\n" + ENTRY + signature

    (file,) = Diff.parse(data).files

    assert file.render() == ENTRY


def test_several_mails_are_one_diff() -> None:
    """An mbox of patches has the entries of all its mails."""
    mail = MAIL + b"---\n x | 2 +-\n\n" + ENTRY + b"-- \n2.39.5\n\n"

    assert [file.path for file in Diff.parse(mail * 3).files] == ["x", "x", "x"]


def test_a_mail_with_boundaries_is_read() -> None:
    """`git format-patch --attach` puts an empty line above its boundary."""
    data = MAIL + b"---\n\n" + ENTRY + b"\n--------------2.39.5--\n\n"

    assert Diff.parse(data).files[0].render() == ENTRY


@pytest.mark.parametrize("mails", [1, 2])
@pytest.mark.parametrize("end", [b"---\n x | 2 +-\n\n", b"\n"])
def test_a_message_may_quote_hunks(mails: int, end: bytes) -> None:
    """In the message of a mail, above the patch, a hunk is a quotation."""
    quotation = b"It said\n@@ -1 +1 @@\n-a\n+b\n@@@ -1 -1 +1 @@@\nat first.\n"
    mail = MAIL + quotation + end + ENTRY + b"-- \n2.39.5\n\n"

    assert len(Diff.parse(mail * mails).files) == mails


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"@@ -1 +1 @@\n-a\n+b\n", 1),
        (b"@@@ -1 -1 +1 @@@\n", 1),
        (b"text\n@@ -1 +1 @@\n-a\n+b\n" + ENTRY, 2),
        (b"+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", 2),
        (b"--- a/x\n\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", 4),
        (ENTRY + b"\n@@ -5 +5 @@\n-a\n+b\n", 9),
        (b"Binary files a/x and b/x differ\n@@ -1 +1 @@\n-a\n+b\n", 2),
        (b"From A to B\n\n@@ -1 +1 @@\n---\n" + ENTRY, 3),
        (MAIL.replace(b"From 8", b"From x") + b"@@ -1 +1 @@\n---\n" + ENTRY, 5),
        (MAIL + b"@@ -1 +1 @@\n", 5),
        (MAIL + b"---\n@@ -1 +1 @@\n" + ENTRY, 6),
        (MAIL + b"@@ -1 +1 @@\n---\n@@ -1 +1 @@\n" + ENTRY, 7),
    ],
)
def test_a_hunk_without_a_file_header_is_refused(text: bytes, line: int) -> None:
    """A hunk whose file is not named is an error, never free text."""
    with pytest.raises(DiffError, match="without a file header") as caught:
        Diff.parse(text)

    assert caught.value.line == line


@pytest.mark.parametrize("text", [b"@@ is a word\n", b"@@@\n", b"@@ -x +y @@\n"])
def test_two_at_signs_alone_are_free_text(text: bytes) -> None:
    """Away from any header, only a well-formed hunk header is taken for one."""
    assert len(Diff.parse(b"text\n" + text + ENTRY).files) == 1


def test_marks_without_a_hunk_are_refused() -> None:
    """A plain file header that is cut off before its first hunk is an error."""
    with pytest.raises(DiffError, match="not followed by a hunk") as caught:
        Diff.parse(PLAIN + b"--- a/z\n+++ b/z\n")

    assert caught.value.line == 8


def test_git_and_plain_entries_may_follow_each_other() -> None:
    """Concatenated diffs of several tools are read one after the other."""
    hunkless = b"diff --git a/m b/m\nold mode 100644\nnew mode 100755\n"
    data = ENTRY + PLAIN + hunkless + ENTRY + hunkless + b"\n" + PLAIN + PLAIN

    paths = [file.path for file in Diff.parse(data).files]

    assert paths == ["x", "y", "m", "x", "m", "y", "y"]
