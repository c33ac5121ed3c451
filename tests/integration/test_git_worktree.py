"""The working tree as the git backend sees it: every state of a file, rules, and caps."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from git_trees import Tree, fetch, paths, read

from codeflow_engine.domain.change import INDEX
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
    return made.copy(tmp_path / "repository").refresh()


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
