"""The working tree as the git backend sees it: every state of a file, rules, and caps."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from git_trees import Tree, fetch, paths, read

from codeflow_engine.domain.change import INDEX, WORKTREE
from codeflow_engine.errors import ChangeUnavailableError

ODD_NAMES: list[str] = [
    *("a b", "tab\there", "new\nline", 'quo"te', "back\\slash", "esc\x1b[31mape", "del\x7f"),
    *("-dash", "--output=x", ":(top)magic", ":!not", "*.py", "[x]", "#hash", "!bang"),
    *(" leading", "trailing ", "café", os.fsdecode(b"\xff\xfe"), "a:b", "dir/in ner/\u202efile"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Make a repository with a few files."""
    tree = Tree.make(tmp_path_factory.mktemp("made") / "repository")
    tree.write({f"src/f{number}.py": f"x = {number}\n" * 20 for number in range(6)})
    tree.link("link", "src/f0.py")
    tree.write({"tool.sh": "#!/bin/sh\n", "empty": "", "image.bin": b"\0\1\2" * 50})
    (tree.path / "tool.sh").chmod(0o755)
    tree.commit()
    return tree


@pytest.fixture
def tree(made: Tree, tmp_path: Path) -> Tree:
    """Give the test a copy of its own, with an index that knows its files."""
    tree = made.copy(tmp_path / "repository")
    tree.refresh()
    return tree


async def test_every_kind_of_change(tree: Tree) -> None:
    """Content, mode, rename, copy, link, type and binary changes are what git says of them."""
    tree.write({"src/f0.py": "changed\n", "image.bin": b"\0\2", "empty": "no more\n"})
    (tree.path / "tool.sh").chmod(0o644)
    (tree.path / "src/f1.py").rename(tree.path / "src/moved.py")
    (tree.path / "src/f2.py").rename(tree.path / "moved-too.py")
    tree.write({"moved-too.py": "x = 2\n" * 19 + "y = 2\n"})
    tree.link("link", "elsewhere")
    tree.link("src/f3.py", "f4.py")
    tree.remove("src/f5.py")

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    assert paths(change) == {
        "empty": "modified",
        "image.bin": "modified",
        "link": "modified",
        "moved-too.py": "renamed",
        "src/f0.py": "modified",
        "src/f3.py": "added",  # after its deletion as a file
        "src/f5.py": "deleted",
        "src/moved.py": "renamed",
        "tool.sh": "mode_changed",
    }


async def test_files_with_odd_names(tree: Tree) -> None:
    """A name is any bytes but NUL and slash, and comes back as the same bytes."""
    tree.write({name: f"{index}\n" for index, name in enumerate(ODD_NAMES)})
    tree.git("add", "--all")
    tree.git("commit", "--quiet", "--message", "Odd")
    tree.write({name: f"{index}\nmore\n" for index, name in enumerate(ODD_NAMES)})
    tree.write({f"untracked/{name}": "" for name in ODD_NAMES})

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    both = [*ODD_NAMES, *(f"untracked/{name}" for name in ODD_NAMES)]
    assert set(paths(change)) == set(both)
    files = await read(change, *both)
    assert [files[name].content for name in ODD_NAMES] == [
        f"{index}\nmore\n".encode() for index in range(len(ODD_NAMES))
    ]


async def test_a_directory_in_place_of_a_file_and_the_reverse(tree: Tree) -> None:
    """A path that changes its kind takes everything below it along."""
    tree.write({"empty/inner": "now a directory\n"})
    tree.remove("src")
    tree.write({"src": "now a file\n"})

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()


async def test_staged_and_unstaged_work_on_the_same_paths(tree: Tree) -> None:
    """What is on disk wins over what is staged, whichever way the two differ."""
    tree.write({"src/f0.py": "staged\n", "src/f1.py": "staged\n", "added": "staged\n"})
    tree.git("rm", "--quiet", "--cached", "src/f2.py", "src/f3.py")
    tree.git("add", "src/f0.py", "src/f1.py", "added")
    tree.write({"src/f0.py": "x = 0\n" * 20, "src/f1.py": "on disk\n", "src/f3.py": "on disk\n"})
    tree.remove("added")

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    # f0 is again what HEAD has; f2 is staged as deleted and stands unchanged on disk.
    assert paths(change) == {"src/f1.py": "modified", "src/f3.py": "modified"}


async def test_unchanged_files_with_another_timestamp(tree: Tree) -> None:
    """A file that was only touched has not changed."""
    for path in (tree.path / "src").iterdir():
        os.utime(path, (1, 1))

    assert (await fetch(tree.path)).diff.units == ()


async def test_a_change_that_keeps_size_and_time(tree: Tree) -> None:
    """A file written again in the instant of the index is looked into ("racy git")."""
    path = tree.path / "src/f0.py"
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"0", b"9"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    index = tree.path / ".git" / "index"
    os.utime(index, ns=(before.st_mtime_ns, before.st_mtime_ns))

    assert paths(await fetch(tree.path)) == {"src/f0.py": "modified"}


async def test_unchanged_files_are_not_opened(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the index knows to be unchanged costs one look, and no read."""
    opened: list[object] = []
    real = os.open

    def noting(path: Any, *words: Any, **named: Any) -> int:
        opened.append(path)
        return real(path, *words, **named)

    tree.write({"src/f1.py": "changed\n"})
    monkeypatch.setattr(os, "open", noting)

    assert paths(await fetch(tree.path)) == {"src/f1.py": "modified"}
    assert b"f1.py" in opened
    assert not {b"f0.py", b"tool.sh", b"empty"}.intersection(opened)


async def test_no_attribute_hides_a_change(tree: Tree) -> None:
    """A change cannot declare its own files binary, or give them a driver."""
    tree.write({".gitattributes": "*.py -diff\n* binary\n*.txt diff=mine\n", "src/f0.py": "no\n"})
    for name in ("a.txt", "sub/b.py"):
        tree.write({name: "shown\n"})
    (tree.path / ".git" / "info" / "attributes").write_text("* -diff\n")

    for change in (await fetch(tree.path), await fetch(tree.path, head=tree.commit())):
        assert len(change.diff.files) == 4
        assert all(file.hunks for file in change.diff.files)


async def test_ignored_files(tree: Tree) -> None:
    """Rules of every level hold: nested, negated, for directories, and `info/exclude`."""
    tree.write(
        {
            ".gitignore": "*.log\n!keep.log\nbuild/\n/only-here\n",
            "src/.gitignore": "!*.log\nlocal-*\n**/deep\n",
            "a.log": "",
            "keep.log": "",
            "build/x/y/z.py": "",
            "build/.gitignore": "!*\n",
            "only-here": "",
            "lib/only-here": "",
            "lib/build": "a file, no directory\n",
            "src/b.log": "",
            "src/local-1": "",
            "src/p/q/deep": "",
            "src/p/q/deeper": "",
            "secret.key": "",
        }
    )
    (tree.path / ".git" / "info").mkdir(exist_ok=True)
    (tree.path / ".git" / "info" / "exclude").write_text("*.key\n")

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    assert set(paths(change)) == {
        *(".gitignore", "keep.log", "lib/build", "lib/only-here"),
        *("src/.gitignore", "src/b.log", "src/p/q/deeper"),
    }


async def test_a_tracked_file_may_be_ignored(tree: Tree) -> None:
    """Rules speak of untracked files alone; so does a tracked one's directory."""
    tree.write({"build/kept.py": "kept = 1\n", ".gitignore": "build/\n"})
    tree.git("add", "--force", "build/kept.py", ".gitignore")
    tree.write({"build/kept.py": "kept = 2\n", "build/other.py": "other = 1\n"})

    change = await fetch(tree.path)

    assert set(paths(change)) == {".gitignore", "build/kept.py"}


async def test_a_deep_untracked_tree(tree: Tree) -> None:
    """Directories below untracked directories are walked, however deep."""
    deep = "/".join(["d"] * 60)
    tree.write({f"{deep}/file.py": "x = 1\n", f"{deep}/.gitignore": "*.o\n", f"{deep}/a.o": ""})

    change = await fetch(tree.path)

    assert set(paths(change)) == {f"{deep}/.gitignore", f"{deep}/file.py"}


async def test_many_untracked_files_in_rounds(tree: Tree) -> None:
    """More names than one question holds are asked about in several."""
    for folder in range(50):
        (tree.path / f"new/d{folder}").mkdir(parents=True)
        for number in range(50):
            (tree.path / f"new/d{folder}/f{number}.py").touch()
    tree.write({".gitignore": "d7/\n"})

    change = await fetch(tree.path)

    assert len(change.diff.files) == 2451


async def test_s19_more_untracked_files_than_allowed(tree: Tree) -> None:
    """A flood of files is refused with advice, and not cut short."""
    tree.write({f"new/f{number}.py": "" for number in range(11)})

    with pytest.raises(ChangeUnavailableError, match=r"more than 10 untracked files .*gitignore"):
        await fetch(tree.path, max_untracked=10)
    assert len((await fetch(tree.path, max_untracked=11)).diff.files) == 11


async def test_intent_to_add(tree: Tree) -> None:
    """A file that is only announced is new in the working tree, and not yet staged."""
    tree.write({"announced.py": "x = 1\n", "announced-empty": ""})
    tree.git("add", "--intent-to-add", "announced.py", "announced-empty")

    worktree = await fetch(tree.path)
    index = await fetch(tree.path, head=INDEX)

    assert paths(worktree) == {"announced.py": "added", "announced-empty": "added"}
    assert index.diff.units == ()


async def test_intent_to_add_of_a_file_that_is_gone(tree: Tree) -> None:
    """An announced file that was removed again is nothing."""
    tree.write({"announced.py": "x = 1\n"})
    tree.git("add", "--intent-to-add", "announced.py")
    tree.remove("announced.py")

    assert (await fetch(tree.path)).diff.units == ()


async def test_paths_in_conflict(tree: Tree) -> None:
    """A path in conflict is compared as it lies on disk; the index alone has no answer."""
    tree.git("checkout", "--quiet", "-b", "other")
    tree.commit({"src/f0.py": "theirs\n", "src/f1.py": "theirs\n", "clean.py": "theirs\n"})
    tree.git("checkout", "--quiet", "main")
    tree.commit({"src/f0.py": "ours\n"})
    tree.git("rm", "--quiet", "src/f1.py")
    tree.git("commit", "--quiet", "--message", "Remove")
    tree.git("merge", "other", check=False)
    assert "UU src/f0.py" in tree.git("status", "--porcelain")

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    assert paths(change) == {"clean.py": "added", "src/f0.py": "modified", "src/f1.py": "added"}
    assert b"+<<<<<<< HEAD" in change.diff.render()
    assert change.description == "In conflict: src/f0.py, src/f1.py"
    with pytest.raises(ChangeUnavailableError, match=r"2 paths in conflict, such as src/f0\.py"):
        await fetch(tree.path, head=INDEX)


async def test_a_conflict_resolved_by_removal(tree: Tree) -> None:
    """A path in conflict whose file is gone is a deletion."""
    tree.git("checkout", "--quiet", "-b", "other")
    tree.commit({"src/f0.py": "theirs\n"})
    tree.git("checkout", "--quiet", "main")
    tree.commit({"src/f0.py": "ours\n"})
    tree.git("merge", "other", check=False)
    tree.remove("src/f0.py")

    assert paths(await fetch(tree.path)) == {"src/f0.py": "deleted"}


async def test_a_conflict_between_a_file_and_a_directory(tree: Tree) -> None:
    """Both sides of such a conflict lie on disk, and nothing unchanged reads as removed."""
    tree.commit({"thing/inner.py": "kept = 1\n", "thing/other.py": "kept = 2\n"})
    tree.git("checkout", "--quiet", "-b", "other")
    tree.remove("thing")
    tree.commit({"thing": "a file\n"})
    tree.git("checkout", "--quiet", "main")
    tree.commit({"thing/inner.py": "kept = 3\n"})
    tree.git("merge", "other", check=False)
    assert (tree.path / "thing" / "inner.py").exists()

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    assert "thing/inner.py" not in paths(change)


async def test_assumed_unchanged_and_skipped_files(tree: Tree) -> None:
    """Where the user told git not to look, or a file is left out, there is no change."""
    tree.git("update-index", "--assume-unchanged", "src/f0.py", "src/f1.py")
    tree.git("update-index", "--skip-worktree", "src/f2.py", "src/f3.py")
    tree.write({"src/f0.py": "mine\n", "src/f3.py": "there in spite of it\n"})
    tree.remove("src/f1.py", "src/f2.py")

    # As for git, a file that should be left out and is there counts as any other.
    assert paths(await fetch(tree.path)) == {"src/f3.py": "modified"}


async def test_without_executable_bits(tree: Tree) -> None:
    """Where the file system has no modes, the index says what they are."""
    tree.git("config", "core.fileMode", "false")
    tree.write({"tool.sh": "#!/bin/sh\nexit 1\n", "new.sh": "#!/bin/sh\n"})
    (tree.path / "new.sh").chmod(0o755)
    (tree.path / "empty").chmod(0o755)

    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    assert {file.path: file.new_mode for file in change.diff.files} == {
        "new.sh": "100644",
        "tool.sh": "100755",
    }


async def test_without_symbolic_links(tree: Tree) -> None:
    """Where the file system has no links, a file that holds the target is one."""
    tree.git("config", "core.symlinks", "false")
    tree.write({"link": "src/f0.py"})
    assert (await fetch(tree.path)).diff.units == ()

    tree.write({"link": "src/f1.py"})
    change = await fetch(tree.path)

    assert change.diff.render() == tree.expected()
    assert (await read(change, "link"))["link"].content == b"src/f1.py"


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
async def test_what_cannot_be_read_is_an_error(tree: Tree) -> None:
    """An unreadable file or directory is named; it is not passed over."""
    (tree.path / "src").chmod(0)
    try:
        with pytest.raises(ChangeUnavailableError, match="could not read"):
            await fetch(tree.path)
    finally:
        (tree.path / "src").chmod(stat.S_IRWXU)


async def test_nothing_in_the_repository_is_written(tree: Tree) -> None:
    """A review leaves no trace: not in the tree, not in the index, not among the objects."""

    def state() -> dict[str, tuple[int, int, int]]:
        every = [tree.path, *tree.path.rglob("*")]
        found = {str(path): path.lstat() for path in every}
        return {path: (one.st_mtime_ns, one.st_size, one.st_mode) for path, one in found.items()}

    tree.write({"src/f0.py": "changed\n", "new.py": "new\n"})
    tree.git("add", "new.py")
    before = state()

    change = await fetch(tree.path)
    await fetch(tree.path, head=INDEX)
    await fetch(tree.path, head="HEAD")
    await read(change, "src/f0.py", "new.py")

    assert state() == before


async def test_a_removed_working_tree_root(tree: Tree) -> None:
    """A directory that is no more is an error that says so."""
    shutil.rmtree(tree.path)

    with pytest.raises(ChangeUnavailableError, match="does not exist"):
        await fetch(tree.path)
