"""The VCS host `acme-trees` reads whole trees, or says why not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from codeflow_engine.domain.change import Change, ChangeRequest
from codeflow_engine.domain.diff import Side, apply
from codeflow_engine.errors import ChangeUnavailableError, CodeflowError, ProviderError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts import Published, VCSContract
from codeflow_engine.testing.examples import EXAMPLES, Example

from codeflow_acme.trees import Trees, TreesSettings

LINK, PROGRAM, SUBMODULE = "120000", "100755", "160000"


def lay_out(folder: Path, example: Example) -> None:
    """Write both trees of an example, without its submodules, which a directory cannot hold."""
    for name, tree in (("base", example.base), ("head", example.head)):
        (folder / name).mkdir(parents=True)
        for path, file in tree.items():
            place = Path(os.fsdecode(os.fsencode(folder / name / path)))
            place.parent.mkdir(parents=True, exist_ok=True)
            if file.mode == LINK:
                place.symlink_to(os.fsdecode(file.content))
            elif file.mode != SUBMODULE:
                place.write_bytes(file.content)
                place.chmod(0o755 if file.mode == PROGRAM else 0o644)


async def fetch(folder: Path, settings: TreesSettings | None = None, **asked: str) -> Change:
    """Fetch the change of a directory."""
    async with Sandbox() as sandbox:
        request = ChangeRequest(target=str(folder), **asked)
        return await Trees(settings).fetch_change(request, sandbox)


class TestTrees(VCSContract):
    """The contract suite, with a directory for each change."""

    @pytest.fixture
    def create(self) -> Callable[[], Trees]:
        return Trees

    @pytest.fixture
    def published(self, tmp_path: Path) -> Callable[[Example], Published]:
        def publish(example: Example) -> Published:
            folder = tmp_path / example.name

            def push(other: Example) -> None:
                shutil.rmtree(folder)
                lay_out(folder, other)

            lay_out(folder, example)
            request = ChangeRequest(target=str(folder))
            return Published(request=request, example=plain(example), push=push)

        return publish


def plain(example: Example) -> Example:
    """Leave out of an example what these trees do not have: renames and submodules."""
    base, head = (
        {path: file for path, file in tree.items() if file.mode != SUBMODULE}
        for tree in (example.base, example.head)
    )
    return replace(example, base=base, head=head, renames={})


@pytest.mark.asyncio
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
async def test_the_diff_tells_of_every_file(example: Example, tmp_path: Path) -> None:
    """Its entries are those of git, and applied to the one tree they give the other."""
    lay_out(tmp_path / "change", example)
    wanted = plain(example)

    diff = (await fetch(tmp_path / "change")).diff

    told = [(file.status, file.old_path, file.new_path, file.is_binary) for file in diff.files]
    assert told == [
        (file.status, file.old_path, file.new_path, file.is_binary) for file in wanted.diff.files
    ]
    for file in diff.files:
        if file.hunks:
            old = wanted.base[file.old_path].content if file.old_path else b""
            new = wanted.head[file.new_path].content if file.new_path else b""
            assert apply(file, old) == new


def write(folder: Path, **trees: dict[str, str]) -> Path:
    """Write a change of two trees; return its directory."""
    for name, files in trees.items():
        (folder / name).mkdir(exist_ok=True)
        for path, text in files.items():
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_text(text)
    return folder


async def contents(change: Change, *paths: str, limit: int = 100) -> list[tuple[object, ...]]:
    """Read files of the head; give what a caller decides by."""
    async with Sandbox() as sandbox:
        read = await Trees().read_files(change, paths, side=Side.NEW, limit=limit, sandbox=sandbox)
    return [(file.content, file.exists, file.reason) for file in read]


@pytest.mark.asyncio
async def test_every_path_has_an_answer(tmp_path: Path) -> None:
    """A path that leads out of the tree is one that is not there."""
    folder = write(tmp_path, base={"a/b.py": "1\n"}, head={"a/b.py": "2\n"})
    change = await fetch(folder)

    assert await contents(change, "a/b.py", "a", "../base/a/b.py", "none") == [
        (b"2\n", True, None),
        (None, True, "a directory"),
        (None, False, "not in the tree"),
        (None, False, "not in the tree"),
    ]
    assert await contents(change, "a/b.py", limit=1) == [(None, True, "larger than 1 bytes")]


@pytest.mark.asyncio
async def test_what_has_changed_since_is_not_read(tmp_path: Path) -> None:
    """Another head is another revision, and no file of it belongs to the diff."""
    change = await fetch(write(tmp_path, base={"a.py": "1\n"}, head={"a.py": "2\n"}))
    write(tmp_path, head={"b.py": "3\n"})

    assert await contents(change, "a.py") == [
        (None, True, "the tree has changed since the diff was made")
    ]
    with pytest.raises(ChangeUnavailableError, match="no revision"):
        await fetch(tmp_path, head=str(change.head))


@pytest.mark.asyncio
async def test_a_pinned_change_is_fetched_again(tmp_path: Path) -> None:
    """The same trees are the same change, by whatever revisions it was asked for."""
    change = await fetch(write(tmp_path, base={"a.py": "1\n"}, head={"a.py": "2\n"}))

    assert await fetch(tmp_path, base=str(change.base), head=str(change.head)) == change


@pytest.mark.asyncio
async def test_what_cannot_be_read_whole_is_refused(tmp_path: Path) -> None:
    """A part of a tree would be a shorter diff, which reads as a clean one."""
    write(tmp_path, base={}, head={"a.py": "1\n", "b.py": "2\n"})
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "base").symlink_to(tmp_path / "head")
    (tmp_path / "pipe" / "base").mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe" / "base" / "pipe")
    attempts: dict[str, tuple[Path, TreesSettings | None, type[CodeflowError]]] = {
        "files": (tmp_path, TreesSettings(max_files=1), ProviderError),
        "bytes": (tmp_path, TreesSettings(max_bytes=3), ProviderError),
        "missing": (tmp_path / "none", None, ChangeUnavailableError),
        "link": (tmp_path / "link", None, ChangeUnavailableError),
        "pipe": (tmp_path / "pipe", None, ChangeUnavailableError),
    }

    for folder, settings, error in attempts.values():
        with pytest.raises(error):
            await fetch(folder, settings)


@pytest.mark.asyncio
async def test_a_long_file_is_shown_whole(tmp_path: Path) -> None:
    """Where comparing line by line would take too long, the lines are shown as replaced."""
    old, new = ("".join(f"{word} {n}\n" for n in range(5000)) for word in ("old", "new"))
    old, new = (f"first\n{text}last\n" for text in (old, new))

    change = await fetch(write(tmp_path, base={"a.txt": old}, head={"a.txt": new}))

    (file,) = change.diff.files
    assert (file.added, file.deleted, len(file.hunks)) == (5000, 5000, 1)
    assert apply(file, old.encode()) == new.encode()
