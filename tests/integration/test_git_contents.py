"""Contents of a working tree as blobs: line ends, keywords, LFS, filters, and large files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from git_trees import Tree, fetch, paths, read

from codeflow_engine.domain.change import WORKTREE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a repository with a few files."""
    tree = Tree.make(tmp_path_factory.mktemp("made") / "repository")
    tree.link("link", "src/f0.py")
    tree.commit({"src/f0.py": "x = 0\n", "empty": ""})
    return tree


@pytest.fixture
def tree(made: Tree, tmp_path: Path) -> Tree:
    """Give the test a copy of its own, with an index that knows its files."""
    return made.copy(tmp_path / "repository").refresh()


async def test_no_attribute_hides_a_change(tree: Tree) -> None:
    """A change cannot declare its own files binary, or give them a driver."""
    tree.write({".gitattributes": "*.py -diff\n* binary\n*.txt diff=mine\n", "src/f0.py": "no\n"})
    for name in ("a.txt", "sub/b.py"):
        tree.write({name: "shown\n"})
    (tree.path / ".git" / "info" / "attributes").write_text("* -diff\n")

    for change in (await fetch(tree.path), await fetch(tree.path, head=tree.commit())):
        assert len(change.diff.files) == 4
        assert all(file.hunks for file in change.diff.files)


@pytest.mark.parametrize(
    ("attributes", "config"),
    [
        ("* text=auto\n", None),
        ("*.txt text\n", None),
        ("*.txt eol=crlf\n", None),
        ("*.txt text=auto eol=crlf\n", None),
        ("*.txt -text\n", "true"),
        ("*.txt text=input\n", None),
        ("", "true"),
        ("", "input"),
        ("", None),
        ("* binary\n", "true"),
    ],
)
async def test_line_ends(tree: Tree, attributes: str, config: str | None) -> None:
    """CRLF is turned into LF where git would, and nowhere else."""
    if config:
        tree.git("config", "core.autocrlf", config)
    contents: dict[str, str | bytes] = {
        "new.txt": "a\r\nb\r\n",
        "mixed.txt": "a\r\nb\n",
        "lone.txt": "a\rb\r\n",
        "binary.txt": b"a\0\r\n",
        "odd.txt": b"\1\2\3\r\n",
        "eof.txt": b"a\r\n\x1a",
        "other.dat": "a\r\n",
    }
    tree.write({".gitattributes": "", "had.txt": "a\r\n", "lf.txt": "a\n"})
    tree.git("-c", "core.autocrlf=false", "add", "--all")
    tree.git("commit", "--quiet", "--message", "Before")
    tree.write(
        {".gitattributes": attributes, "had.txt": "a\r\nb\r\n", "lf.txt": "a\r\nb\r\n", **contents}
    )

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    named = [file.path for file in change.diff.files if file.new_path]
    files = await read(change, *named)
    assert all(files[name].content is not None for name in named)


async def test_line_ends_alone_are_no_change(tree: Tree) -> None:
    """A text file checked out with CRLF is the blob that it came from."""
    tree.commit({".gitattributes": "* text=auto\n", "a.txt": "a\nb\n"})
    tree.write({"a.txt": "a\r\nb\r\n"})

    assert (await fetch(tree.path)).diff.units == ()


async def test_attributes_of_every_level(tree: Tree) -> None:
    """Attributes come from nested files, macros, `info/attributes`, and the index."""
    tree.commit({"sub/.gitattributes": "*.txt text\n", "sub/f.txt": "", "away/f.txt": "a\n"})
    tree.remove("sub/.gitattributes")
    (tree.path / ".git" / "info").mkdir(exist_ok=True)
    (tree.path / ".git" / "info" / "attributes").write_text(
        "[attr]windows text eol=crlf\naway/* windows\n"
    )
    tree.write({"sub/f.txt": "a\r\n", "away/f.txt": "b\r\n", "f.txt": "c\r\n"})
    tree.git("update-index", "--skip-worktree", "sub/.gitattributes")

    change = await fetch(tree.path)

    assert b"+a\n" in change.diff.render()
    assert b"+b\n" in change.diff.render()
    assert b"+c\r\n" in change.diff.render()


async def test_ident(tree: Tree) -> None:
    """A keyword that git has expanded is taken for what it was."""
    tree.commit({".gitattributes": "*.c ident\n", "a.c": "/* $Id$ */\n", "b.c": "/* $Id$ */\n"})
    tree.write({"a.c": "/* $Id: 0123 $ */\n", "b.c": "/* $Id: 0123 $ */\nint b;\n"})

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    assert paths(change) == {"b.c": "modified"}
    assert (await read(change, "b.c"))["b.c"].content == b"/* $Id$ */\nint b;\n"


async def test_files_of_lfs(tree: Tree) -> None:
    """A file of Git LFS is its pointer, worked out here; the filter is not needed."""
    head = "version https://git-lfs.github.com/spec/v1\noid sha256:"
    pointer = f"{head}{'0' * 64}\nsize 1\n"
    tree.commit({".gitattributes": "*.bin filter=lfs diff=lfs -text\n"})
    tree.commit({"same.bin": pointer, "new.bin": pointer})
    tree.write({"new.bin": "payload\n", "none.bin": b""})

    change = await fetch(tree.path)
    files = await read(change, "new.bin", "none.bin", "same.bin")

    assert paths(change) == {"new.bin": "modified", "none.bin": "added"}
    digest = hashlib.sha256(b"payload\n").hexdigest()
    assert files["new.bin"].content == f"{head}{digest}\nsize 8\n".encode()
    assert files["none.bin"].content == b""
    assert files["same.bin"].content == pointer.encode()


async def test_unknown_filters_and_encodings(tree: Tree) -> None:
    """A file that only a foreign program could read is named as changed, without content."""
    tree.commit({"a.secret": "cipher", "b.utf16": "x", "same.secret": "cipher"})
    rules = "*.secret filter=crypt\n*.utf16 working-tree-encoding=UTF-16\n"
    tree.write({".gitattributes": rules})
    tree.git("add", ".gitattributes")
    tree.git("commit", "--quiet", "--message", "Rules")
    tree.write({"a.secret": "plain text of a secret\n", "b.utf16": "x\n".encode("utf-16")})
    tree.write({"new.secret": "another plain text\n"})
    os.utime(tree.path / "same.secret", (1, 1))

    change = await fetch(tree.path)

    assert b"plain text" not in change.diff.render()
    assert paths(change) == {"a.secret": "modified", "b.utf16": "modified", "new.secret": "added"}
    assert all(file.is_binary and not file.hunks for file in change.diff.files)
    files = await read(change, "a.secret", "new.secret")
    assert files["a.secret"].content is None
    assert files["a.secret"].reason == "its content is no part of the change"


async def test_s20_files_beyond_the_cap_appear_without_content(tree: Tree) -> None:
    """A file too large to compare is an entry that says so, with its true id."""
    tree.write({"grown.txt": "short\n", "same.txt": "long " * 300, "mode.txt": "long " * 300})
    tree.commit({"was-link": "x"})
    tree.write({"grown.txt": "long " * 300, "new.txt": "long " * 400})
    (tree.path / "mode.txt").chmod(0o755)
    (tree.path / "new.txt").chmod(0o755)
    os.utime(tree.path / "same.txt", (1, 1))
    tree.link("grown-link", "x")

    change = await fetch(tree.path, max_file_bytes=1000)

    files = {file.path: file for file in change.diff.files}
    assert set(files) == {"grown.txt", "new.txt", "mode.txt", "grown-link"}
    assert files["grown.txt"].is_binary
    assert files["grown.txt"].new_id == tree.git("hash-object", "grown.txt")
    assert (files["new.txt"].status, files["new.txt"].new_mode) == ("added", "100755")
    assert files["mode.txt"].status == "mode_changed"
    read_back = await read(change, "grown.txt", "new.txt")
    assert read_back["grown.txt"].content == b"long " * 300
    small = await read(change, "grown.txt", limit=100)
    assert small["grown.txt"].reason == "larger than 100 bytes"


async def test_s20_a_large_file_in_place_of_something_else(tree: Tree) -> None:
    """Where a link, a directory or another revision's file was, the entry is still right."""
    tree.commit({"dir/a.py": "a = 1\n", "plain": "x\n"})
    tree.link("was-link", "x")
    start = tree.commit()
    tree.remove("dir")
    tree.write({"dir": "y" * 2000, "was-link": "z" * 2000, "plain": "p" * 2000})
    tree.commit()
    tree.write({"plain": "q" * 2000})

    change = await fetch(tree.path, base=start, head=WORKTREE, max_file_bytes=1000)

    assert sorted((file.path, file.status.value) for file in change.diff.files) == [
        ("dir", "added"),
        ("dir/a.py", "deleted"),
        ("plain", "modified"),
        ("was-link", "added"),
        ("was-link", "deleted"),
    ]


async def test_s20_a_large_file_that_is_again_what_the_base_has(tree: Tree) -> None:
    """A large file that differs from HEAD and not from the base is no change."""
    start = tree.commit({"big.txt": "a" * 2000})
    tree.commit({"big.txt": "b" * 2000})
    tree.write({"big.txt": "a" * 2000})

    change = await fetch(tree.path, base=start, head=WORKTREE, max_file_bytes=1000)

    assert change.diff.units == ()


async def test_s20_large_files_of_lfs_and_of_commits(tree: Tree) -> None:
    """LFS needs no cap, since a pointer is small; committed blobs have the same cap."""
    tree.commit({".gitattributes": "*.bin filter=lfs\n"})
    tree.git("config", "filter.lfs.clean", "cat")
    tree.write({"media.bin": b"m" * 5000, "text.txt": "t" * 5000})
    worktree = await fetch(tree.path, max_file_bytes=1000)
    files = await read(worktree, "media.bin", limit=2000)
    committed = await fetch(tree.path, head=tree.commit(), max_file_bytes=1000)

    assert b"+size 5000" in worktree.diff.render()
    assert (files["media.bin"].content or b"").endswith(b"size 5000\n")
    assert all(file.is_binary for file in committed.diff.files)
