"""Entries as git writes them: names, modes, ids, and what happened to the file."""

from __future__ import annotations

import pytest
from diff_reading import only, refusal

from codeflow_engine.domain.diff import FileStatus

BODY = b"@@ -1 +1 @@\n-a\n+b\n"
EMPTY_ID = b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_a_modified_file_has_paths_mode_and_ids() -> None:
    """The header of a modified file gives path, mode and blob ids of both sides."""
    file = only(
        b"diff --git a/src/x.py b/src/x.py\nindex 1a2b3c4..5d6e7f8 100755\n"
        b"--- a/src/x.py\n+++ b/src/x.py\n" + BODY
    )

    assert (file.old_path, file.new_path, file.path) == ("src/x.py",) * 3
    assert (file.old_mode, file.new_mode) == ("100755", "100755")
    assert (file.old_id, file.new_id) == ("1a2b3c4", "5d6e7f8")
    assert file.status is FileStatus.MODIFIED
    assert (file.added, file.deleted) == (1, 1)
    assert file.unsupported is None
    assert not any((file.is_binary, file.is_submodule, file.is_symlink))


def test_an_added_file_has_no_old_side() -> None:
    """A new file has neither an old path nor an old mode nor an old id."""
    file = only(
        b"diff --git a/x b/x\nnew file mode 100644\nindex 0000000..5d6e7f8\n"
        b"--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n"
    )

    assert (file.old_path, file.old_mode, file.old_id) == (None, None, None)
    assert (file.new_path, file.new_mode, file.new_id) == ("x", "100644", "5d6e7f8")
    assert file.status is FileStatus.ADDED


def test_a_missing_side_may_have_any_number() -> None:
    """A side without lines is no line of a missing file, whatever its number."""
    file = only(b"--- /dev/null\n+++ b/x\n@@ -1,0 +1 @@\n+a\n")

    assert (file.status, file.added) == (FileStatus.ADDED, 1)


def test_a_deleted_file_has_no_new_side() -> None:
    """A deleted file has no new side, and its path is the old one."""
    file = only(
        b"diff --git a/x b/x\ndeleted file mode 100644\nindex 5d6e7f8..0000000\n"
        b"--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n"
    )

    assert (file.new_path, file.new_mode, file.new_id) == (None, None, None)
    assert (file.old_path, file.old_mode, file.old_id) == ("x", "100644", "5d6e7f8")
    assert (file.status, file.path) == (FileStatus.DELETED, "x")


@pytest.mark.parametrize("verb", [b"rename", b"copy"])
def test_a_move_with_hunks_names_both_paths(verb: bytes) -> None:
    """A renamed or copied file with changes has both paths, similarity and hunks."""
    file = only(
        b"diff --git a/one b/sub/two\nsimilarity index 83%\n"
        + verb
        + b" from one\n"
        + verb
        + b" to sub/two\nindex 1111111..2222222 100644\n--- a/one\n+++ b/sub/two\n"
        + BODY
    )

    status = FileStatus.RENAMED if verb == b"rename" else FileStatus.COPIED
    assert (file.old_path, file.new_path, file.status) == ("one", "sub/two", status)
    assert (file.similarity, len(file.hunks), file.unsupported) == (83, 1, None)


def test_a_pure_rename_is_complete_without_hunks() -> None:
    """A rename of the same content needs no hunk and no index line."""
    file = only(b"diff --git a/one b/two\nsimilarity index 100%\nrename from one\nrename to two\n")

    assert (file.status, file.similarity, len(file.hunks)) == (FileStatus.RENAMED, 100, 0)
    assert file.unsupported is None


def test_a_move_between_names_with_spaces_is_read_from_its_lines() -> None:
    """The rename lines, not the first line, say where names with spaces part."""
    file = only(
        b"diff --git a/a b/c d b/e b/f\nsimilarity index 100%\n"
        b"rename from a b/c d\nrename to e b/f\n"
    )

    assert (file.old_path, file.new_path) == ("a b/c d", "e b/f")


def test_a_mode_change_alone_is_complete() -> None:
    """A change of the mode alone is a status of its own, with both modes."""
    file = only(b"diff --git a/x b/x\nold mode 100644\nnew mode 100755\n")

    assert file.status is FileStatus.MODE_CHANGED
    assert (file.old_mode, file.new_mode, file.unsupported) == ("100644", "100755", None)


def test_a_mode_change_with_content_is_a_modification() -> None:
    """A change of mode and content is `modified`, with the two modes."""
    file = only(
        b"diff --git a/x b/x\nold mode 100644\nnew mode 100755\nindex 1111111..2222222\n"
        b"--- a/x\n+++ b/x\n" + BODY
    )

    assert (file.status, file.old_mode, file.new_mode) == (
        FileStatus.MODIFIED,
        "100644",
        "100755",
    )


@pytest.mark.parametrize(
    "header",
    [
        b"new file mode 100644\nindex 0000000.." + EMPTY_ID[:7] + b"\n",
        b"new file mode 100644\nindex " + b"0" * 40 + b".." + EMPTY_ID + b"\n",
        b"new file mode 100644\n",
        b"deleted file mode 100644\nindex " + EMPTY_ID[:7] + b"..0000000\n",
        b"new file mode 100644\nindex 0000000..473A0F4C3BE8\n",
    ],
)
def test_an_empty_file_is_complete_without_hunks(header: bytes) -> None:
    """A file that is added or deleted empty has nothing to show, in SHA-1 and SHA-256."""
    file = only(b"diff --git a/x b/x\n" + header)

    assert (len(file.hunks), file.unsupported) == (0, None)


@pytest.mark.parametrize(
    "header",
    [
        b"index 1111111..2222222 100644\n",
        b"old mode 100644\nnew mode 100755\nindex 1111111..2222222\n",
        b"similarity index 90%\nrename from x\nrename to x\n",
        b"similarity index 90%\ncopy from x\ncopy to x\nindex 1111111..2222222 100644\n",
        b"new file mode 100644\nindex 0000000..1234567\n",
        b"deleted file mode 100644\nindex 1234567..0000000\n",
        b"new file mode 100644\nindex 0000000..0000000\n",
        b"",
    ],
)
def test_a_change_that_is_not_shown_is_told(header: bytes) -> None:
    """A header that promises other content without hunks (`-w`, cut off) says so."""
    file = only(b"diff --git a/x b/x\n" + header)

    assert file.unsupported == "the diff names a change of content without showing it"


@pytest.mark.parametrize("mode", [b"120000", b"160000"])
def test_links_and_submodules_are_told_by_their_mode(mode: bytes) -> None:
    """A symbolic link and a submodule are hunks like others, with a flag."""
    file = only(
        b"diff --git a/x b/x\nindex 1111111..2222222 " + mode + b"\n--- a/x\n+++ b/x\n" + BODY
    )

    assert (file.is_symlink, file.is_submodule) == (mode == b"120000", mode == b"160000")
    assert len(file.hunks) == 1


def test_a_binary_notice_is_an_entry_without_hunks() -> None:
    """`Binary files ... differ` ends the header and marks the entry."""
    file = only(
        b"diff --git a/x y b/x y\nindex 1111111..2222222 100644\n"
        b"Binary files a/x y and b/x y differ\n"
    )

    assert (file.is_binary, file.path, len(file.hunks), file.unsupported) == (True, "x y", 0, None)


def test_a_binary_notice_may_follow_the_marks() -> None:
    """Some tools write `---` and `+++` lines above the notice."""
    file = only(
        b"diff --git a/x b/x\nindex 1111111..2222222 100644\n"
        b"--- a/x\n+++ b/x\nBinary files differ\n"
    )

    assert file.is_binary


PATCH = b"GIT binary patch\nliteral 5\nMcmZQzU|?i`00aO4\n\ndelta 7\nOcmZQ#U|?W@\n\n"


@pytest.mark.parametrize("patch", [PATCH, PATCH[:-1], PATCH[: PATCH.index(b"delta")]])
def test_a_binary_patch_is_stepped_over(patch: bytes) -> None:
    """A base85 block belongs to its entry; the last empty line may have been stripped."""
    file = only(b"diff --git a/x b/x\nnew file mode 100644\nindex 0000000..2222222\n" + patch)

    assert (file.is_binary, file.status, file.path) == (True, FileStatus.ADDED, "x")


@pytest.mark.parametrize(
    "patch",
    [
        PATCH[: PATCH.index(b"\n\n")],
        PATCH[: PATCH.index(b"literal")],
        PATCH.replace(b"literal 5", b"literal x"),
        b"GIT binary patch\nliteral 5\nnot base 85\n\n",
    ],
)
def test_a_broken_binary_patch_is_refused(patch: bytes) -> None:
    """A binary patch that is cut off or has other lines is an error at its first line."""
    error = refusal(b"diff --git a/x b/x\nindex 1111111..2222222 100644\n" + patch)

    assert (error.line, "binary patch" in error.message) == (3, True)


def test_a_header_with_carriage_returns_is_read() -> None:
    """A diff whose every line end was rewritten keeps its carriage returns in the text."""
    file = only(
        b"diff --git a/x b/x\r\nindex 1111111..2222222 100644\r\n--- a/x\r\n+++ b/x\r\n"
        b"@@ -1 +1 @@ here\r\n-a\r\n+b\r\n"
    )

    assert (file.path, file.old_mode) == ("x", "100644")
    assert file.hunks[0].section == "here"
    assert [line.text for line in file.hunks[0].lines] == ["a\r", "b\r"]


def test_a_hunk_may_follow_the_index_line() -> None:
    """Hunks without `---` and `+++` lines belong to the header above them."""
    file = only(b"diff --git a/x b/x\nindex 1111111..2222222 100644\n" + BODY)

    assert (file.path, len(file.hunks)) == ("x", 1)


@pytest.mark.parametrize(
    ("header", "line", "word"),
    [
        (b"index 1111111..222222z 100644\n", 2, "malformed header line"),
        (b"old mode 100644\nnew mode 10064\n", 3, "malformed header line"),
        (b"similarity index 101%\n", 2, "malformed header line"),
        (b"rename from \n", 2, "malformed header line"),
        (b"old mode 100644\nold mode 100644\n", 3, "second 'old mode'"),
        (b"new file mode 100644\ndeleted file mode 100644\n", 1, "added and deleted"),
        (b"rename from x\nrename to x\nnew file mode 100644\n", 1, "added and renamed"),
        (b"rename from x\n", 1, "partner"),
        (b"copy to x\n", 1, "partner"),
        (b"--- a/x\n", 3, "not followed by a '+++' line"),
        (b"--- a/x\n-- b/x\n", 3, "not followed by a '+++' line"),
        (b"--- a/x\n+++ b/x\n", 4, "not followed by a hunk"),
        (b"--- a/x\n+++ b/x\nfree text\n", 4, "not followed by a hunk"),
        (b"--- a/y\n+++ b/y\n" + BODY, 1, "contradict"),
        (b"--- a/x\n+++ b/y\n" + BODY, 1, "contradict"),
        (b"--- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+a\n", 1, "contradict"),
        (b"--- a/y\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", 1, "contradict"),
        (b"--- /dev/null\n+++ /dev/null\n" + BODY, 2, "/dev/null"),
        (b"rename from y\nrename to z\n", 1, "contradicts"),
        (b"new file mode 100644\n--- a/x\n+++ b/x\n" + BODY, 5, "does not exist"),
        (b"deleted file mode 100644\n--- a/x\n+++ /dev/null\n" + BODY, 5, "does not exist"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(header: bytes, line: int, word: str) -> None:
    """A malformed or contradictory header is an error with the number of its line."""
    error = refusal(b"diff --git a/x b/x\n" + header)

    assert error.line == line
    assert word in error.message


def test_the_message_never_shows_lines_of_a_hunk() -> None:
    """What an error quotes is a header line, cut short, never the content of a file."""
    error = refusal(b"--- a/x\n+++ b/x\n@@ broken\n-secret\n+secret\n")

    assert "'@@ broken'" in error.message
    assert "secret" not in error.message
