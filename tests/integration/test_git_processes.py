"""How the git backend runs git: what git sees, what stays behind, and how it can fail."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from git_trees import Tree, fetch, paths, read, run_git

from codeflow_engine.domain.change import WORKTREE, ChangeRequest
from codeflow_engine.errors import ChangeUnavailableError, ProviderError, ProviderTimeoutError
from codeflow_engine.providers.vcs.git import Git, GitSettings
from codeflow_engine.providers.vcs.git import recording as recording_module
from codeflow_engine.sandbox import Sandbox


@pytest.fixture
def tree(two_commits: Tree, tmp_path: Path) -> Tree:
    """Give the test a copy of its own."""
    return two_commits.copy(tmp_path / "repository")


def spy(tmp_path: Path, then: str = 'exec /usr/bin/git "$@"') -> tuple[Path, Path]:
    """Make a program in git's place that notes what it was given, and the file of its notes."""
    notes = tmp_path / "notes"
    program = tmp_path / "spy"
    program.write_text(
        f'#!/bin/sh\n{{ echo "pid $$"; echo "arguments $*"; echo "at $(pwd)"; env; '
        f'stat -c "mode %a %n" "$GIT_DIR"; }} >> {notes}\n{then}\n'
    )
    program.chmod(0o755)
    return program, notes


def wait_for(path: Path, text: str) -> None:
    """Wait until a file holds a text."""
    for _ in range(2000):
        if path.exists() and text in path.read_text():
            return
        time.sleep(0.01)
    pytest.fail(f"{text!r} never came")


def wait_until_empty(place: Path) -> None:
    """Wait until no private directory is left: a removal under way is not awaited twice."""
    for _ in range(500):
        if not [path for path in place.glob("*/*") if path.is_dir()]:
            return
        time.sleep(0.01)
    pytest.fail(f"{sorted(place.glob('*/*'))} are left")


async def test_s23_git_never_sees_the_working_tree(tree: Tree, tmp_path: Path) -> None:
    """Of the repository, git is told where the objects are, and of nothing else."""
    program, notes = spy(tmp_path)
    tree.write(
        {".gitignore": "*.o\n", ".gitattributes": "* text=auto\n", "n.py": "", "a.py": "\r\n"}
    )
    change = await fetch(tree.path, git=str(program))
    await fetch(tree.path, base="HEAD~1", head=WORKTREE, git=str(program))
    await fetch(tree.path, head="HEAD", git=str(program))
    await read(change, "a.py", "n.py", "dir/f.txt", git=str(program))

    lines = notes.read_text().splitlines()
    objects = f"GIT_ALTERNATE_OBJECT_DIRECTORIES={tree.path / '.git/objects'}"
    assert {line for line in lines if str(tree.path) in line} == {objects}
    words = [line.split()[1:] for line in lines if line.startswith("arguments")]
    commands = {line[2] if line[0] == "-C" else line[0] for line in words}
    assert commands == {
        *("cat-file", "check-attr", "check-ignore", "diff-index", "diff-tree", "fast-import"),
        *("ls-files", "ls-tree", "merge-base", "rev-list"),
    }


async def test_s38_private_directories_are_private_and_removed(tree: Tree, tmp_path: Path) -> None:
    """Copies of the repository's state lie in directories that nobody else can enter."""
    program, notes = spy(tmp_path)
    tree.write({"a.py": "a = 3\n", "n.py": ""})
    place = tmp_path / "private"
    place.mkdir()
    async with Sandbox(directory=place) as sandbox:
        git = Git(GitSettings(git=str(program)))
        change = await git.fetch_change(ChangeRequest(target=str(tree.path)), sandbox)
        assert len(change.diff.files) == 2
        with pytest.raises(ChangeUnavailableError):
            await git.fetch_change(ChangeRequest(target=str(tree.path), head="none"), sandbox)
        assert not [path for path in place.glob("*/*") if path.is_dir()]

    modes = {line for line in notes.read_text().splitlines() if line.startswith("mode")}
    assert modes
    assert all(line.startswith("mode 700 ") for line in modes)


async def test_a_cancelled_call_ends_git_and_leaves_nothing(tree: Tree, tmp_path: Path) -> None:
    """Cancellation ends the program at once, and removes what was written."""
    program, notes = spy(tmp_path, "exec sleep 60")
    place = tmp_path / "private"
    place.mkdir()
    async with Sandbox(directory=place) as sandbox:
        request = ChangeRequest(target=str(tree.path))
        task = asyncio.create_task(
            Git(GitSettings(git=str(program))).fetch_change(request, sandbox)
        )
        await asyncio.to_thread(wait_for, notes, "mode")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not [path for path in place.glob("*/*") if path.is_dir()]

    with pytest.raises(ProcessLookupError):
        os.kill(int(notes.read_text().split()[1]), 0)


async def test_a_call_cancelled_at_any_moment_leaves_nothing(tree: Tree, tmp_path: Path) -> None:
    """Whatever is under way, in a program or in a thread, has ended when the call has."""
    tree.write({f"new/d{number}/f.py": "x\n" * 1000 for number in range(50)})
    tree.write({".gitignore": "*.o\n"})
    place = tmp_path / "private"
    place.mkdir()
    async with Sandbox(directory=place) as sandbox:
        for moment in range(25):
            request = ChangeRequest(target=str(tree.path))
            task = asyncio.create_task(Git().fetch_change(request, sandbox))
            await asyncio.sleep(moment * 0.004)
            task.cancel()
            await asyncio.wait([task])
            await asyncio.to_thread(wait_until_empty, place)


async def test_git_that_is_not_there(tree: Tree) -> None:
    """A missing program is an error that names it."""
    with pytest.raises(ProviderError, match="no such program"):
        await fetch(tree.path, head="HEAD", git="/nonexistent/git")


async def test_git_that_does_not_end(tree: Tree, tmp_path: Path) -> None:
    """A program that runs past its time is ended, and the error may be tried again."""
    program, _ = spy(tmp_path, "exec sleep 60")

    with pytest.raises(ProviderTimeoutError):
        await fetch(tree.path, head="HEAD", git=str(program), timeout=0.3)


@pytest.mark.parametrize(
    ("then", "head"),
    [
        ("echo nonsense", WORKTREE),
        ("echo nonsense", "HEAD"),
        ('if [ "$1" = ls-files ]; then echo nonsense; else exec /usr/bin/git "$@"; fi', WORKTREE),
        ('if [ "$1" = fast-import ]; then echo no; else exec /usr/bin/git "$@"; fi', WORKTREE),
        (
            'if [ "$1" = diff-tree ]; then echo "diff --git x"; else exec /usr/bin/git "$@"; fi',
            "HEAD",
        ),
        ("exit 3", "HEAD"),
    ],
)
async def test_git_that_answers_in_another_form(
    tree: Tree, tmp_path: Path, then: str, head: str
) -> None:
    """An answer that is not understood is an error, never an empty change."""
    program, _ = spy(tmp_path, then)
    tree.write({"a.py": "a = 3\n"})

    with pytest.raises(ProviderError):
        await fetch(tree.path, head=head, git=str(program))


@pytest.mark.parametrize(
    "then",
    [
        'if [ "$1" = ls-tree ]; then printf "nonsense\\0"; else exec /usr/bin/git "$@"; fi',
        'if [ "$2" = --batch ]; then echo nonsense; else exec /usr/bin/git "$@"; fi',
    ],
)
async def test_git_that_answers_in_another_form_about_files(
    tree: Tree, tmp_path: Path, then: str
) -> None:
    """An answer that is not understood is never a file's content."""
    program, _ = spy(tmp_path, then)
    change = await fetch(tree.path, head="HEAD")

    with pytest.raises(ProviderError, match="unknown form"):
        await read(change, "a.py", "dir/f.txt", git=str(program))


async def test_files_that_vanish_under_the_walk(tree: Tree, tmp_path: Path) -> None:
    """What is gone when its turn comes is gone: deleted, or never there."""
    tree.write({".gitignore": "*.o\n", "a.py": "a = 3\n", "new.py": "", "folder/x.py": ""})
    victims = " ".join(str(tree.path / name) for name in ("a.py", "new.py", "folder"))
    program, _ = spy(
        tmp_path,
        f'case "$*" in *check-ignore*) rm -rf {victims};; esac\nexec /usr/bin/git "$@"',
    )

    change = await fetch(tree.path, git=str(program))

    assert paths(change) == {".gitignore": "added", "a.py": "deleted"}


async def test_s19_more_bytes_than_allowed(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many files of a bearable size are refused when together they are too much."""
    monkeypatch.setattr(recording_module, "_TOTAL", 5000)
    tree.write({f"f{number}.py": "x" * 1000 for number in range(6)})

    with pytest.raises(ChangeUnavailableError, match="more than 5000 bytes"):
        await fetch(tree.path)


async def test_s20_many_files(tree: Tree) -> None:
    """Thousands of files are a matter of seconds, and the loop stays free meanwhile."""
    tree.commit({f"p{number % 40}/f{number}.py": f"{number}\n" for number in range(5000)})
    tree.write({f"p{number % 40}/f{number}.py": "changed\n" for number in range(0, 5000, 100)})
    tree.git("-c", "gc.auto=0", "repack", "-adq")

    async with asyncio.timeout(60):
        change = await fetch(tree.path)
        whole = await fetch(tree.path, head="HEAD")

    assert len(change.diff.files) == 50
    assert len(whole.diff.files) == 5000


@pytest.mark.fault
async def test_s20_one_line_of_200_megabytes(tree: Tree) -> None:
    """A giant line costs time and no memory, committed or not."""
    with (tree.path / "giant.txt").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * 1024 * 1024)

    change = await fetch(tree.path)
    run_git(tree.path, "-c", "core.bigFileThreshold=1m", "add", "giant.txt")
    staged = await fetch(tree.path, head=":index")

    for one in (change, staged):
        assert [(file.path, file.is_binary) for file in one.diff.files] == [("giant.txt", True)]
        assert len(one.diff.render()) < 1000
