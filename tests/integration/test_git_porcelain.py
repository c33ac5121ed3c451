"""Random repositories, and random work in them: the answers are git's own."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from git_trees import Tree, fetch, paths, read

from codeflow_engine.domain.change import INDEX, WORKTREE
from codeflow_engine.domain.diff import Side

NAMES = [
    *("a", "b", "c.txt", "d", "d/e", "d/f", "d/g/h", "a/b", "sub/dir/deep/file.c", "build/out.o"),
    *("keep.o", "x y", "t\tb", "n\nl", 'q"q', "back\\s", "-dash", ":(top)z", "*.c", "#h", "!bang"),
    *(" lead", "trail ", os.fsdecode(b"\xff\xfe"), "café", "esc\x1b[31m"),
]
CONTENTS = [
    *(b"", b"x\n", b"x\ny\nz\n", b"no newline", b"a\r\nb\r\n", b"bin\0ary", b"mixed\r\nlines\n"),
    *(b"lone\rcr", b"\xff\xfe\n", b"l\n" * 50),
]
IGNORED = [
    "",
    "*.o\n",
    "build/\n",
    "*.o\n!keep.o\n",
    "d/*\n!d/g\n",
    "/a\n",
    "sub/**/file.c\n",
    "[\n",
]
ATTRIBUTES = ["", "* text=auto\n", "*.c -text\n", "* -diff\n", "*.txt binary\n"]


def put(tree: Tree, chance: random.Random, name: str) -> None:
    """Put a file, a program or a link in a place, whatever stood there."""
    if chance.random() < 0.1:
        tree.write({name: ""})
        tree.link(name, chance.choice(["/etc/passwd", "a", "../x", "d"]))
        return
    extra = b"%d\n" % chance.randrange(3) if chance.random() < 0.5 else b""
    tree.write({name: chance.choice(CONTENTS) + extra})
    if chance.random() < 0.2:
        (tree.path / name).chmod(0o755)


def work(tree: Tree, chance: random.Random, most: int) -> None:
    """Change some files, remove some, and change the rules."""
    for _ in range(chance.randrange(most)):
        what = chance.random()
        if what < 0.65:
            put(tree, chance, chance.choice(NAMES))
        elif what < 0.9:
            tree.remove(chance.choice(NAMES))
        else:
            name, rules = chance.choice([(".gitignore", IGNORED), (".gitattributes", ATTRIBUTES)])
            tree.write({chance.choice(["", "d/", "sub/"]) + name: chance.choice(rules)})


async def compare(seed: int, place: Path) -> None:
    """Make a repository from a seed, and hold every answer against git's own."""
    chance = random.Random(seed)  # noqa: S311 - a seed makes a failure repeatable
    options = ["--object-format=sha256"] if chance.random() < 0.1 else []
    tree = Tree.make(place / "repository", *options)
    for key, value, share in (
        ("core.autocrlf", "input", 0.1),
        ("core.fileMode", "false", 0.1),
        ("index.version", "4", 0.2),
        ("core.splitIndex", "true", 0.2),
    ):
        if chance.random() < share:
            tree.git("config", key, value)
    for _ in range(chance.choice([0, 1, 1, 2])):
        work(tree, chance, 12)
        tree.commit()
    work(tree, chance, 6)
    if chance.random() < 0.6:
        tree.git("add", "--all")
    work(tree, chance, 6)
    if chance.random() < 0.2:
        tree.git("add", "--intent-to-add", ".", check=False)

    worktree = await fetch(tree.path)
    assert worktree.diff.render() == tree.expected()
    assert (await fetch(tree.path, head=INDEX)).diff.render() == tree.expected(staged=True)
    assert worktree.head == WORKTREE
    files = await read(worktree, *paths(worktree))
    gone = {file.old_path for file in worktree.diff.files} - {
        file.new_path for file in worktree.diff.files
    }
    assert {path for path, file in files.items() if file.content is None} <= gone
    old = [file.old_path for file in worktree.diff.files if file.old_path is not None]
    assert all(
        file.content is not None for file in (await read(worktree, *old, side=Side.OLD)).values()
    )


@pytest.mark.fault
@pytest.mark.parametrize("seed", range(12))
async def test_random_work_reads_as_git_says(tmp_path: Path, seed: int) -> None:
    """Diffs are git's to the byte, and every file of them can be read on its side."""
    await compare(seed, tmp_path)


@pytest.mark.fault
@pytest.mark.parametrize("seed", range(12, 300))
async def test_much_more_random_work_reads_as_git_says(tmp_path: Path, seed: int) -> None:
    """The same for many seeds."""
    await compare(seed, tmp_path)
