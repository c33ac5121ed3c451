"""Private directories on disk."""

import asyncio
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from codeflow_engine.errors import SandboxError
from codeflow_engine.sandbox import Isolation, Sandbox, scratch


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


async def test_a_workspace_is_private_and_removed(tmp_path: Path) -> None:
    """A workspace is an empty directory of mode 0700, and is gone with all its content."""
    async with Sandbox(directory=tmp_path) as sandbox:
        async with sandbox.workspace() as place:
            mode = stat.S_IMODE(place.stat().st_mode)
            empty = names(place) == []
            (place / "deep" / "er").mkdir(parents=True)
            (place / "deep" / "er" / "file").write_text("x")
            (place / "link").symlink_to(tmp_path)
        assert not place.exists()

    assert (mode, empty) == (0o700, True)
    assert names(tmp_path) == []


async def test_a_program_cannot_keep_its_directory_from_being_removed(tmp_path: Path) -> None:
    """Directories that a program has closed even to itself are removed all the same."""
    script = "mkdir -p a/b; echo x > a/b/c; chmod 000 a/b; chmod 500 a"
    async with Sandbox(prefer=Isolation.NONE, directory=tmp_path) as sandbox:
        await sandbox.run(["sh", "-c", script])
        (place,) = names(tmp_path)
        left = names(tmp_path / place)

    assert left == [".codeflow-sandbox"]


async def test_a_place_in_use_is_not_removed_by_another_sandbox(tmp_path: Path) -> None:
    """Only a place whose owner is dead is removed."""
    async with Sandbox(directory=tmp_path) as first, first.workspace() as place:
        async with Sandbox(directory=tmp_path) as second, second.workspace():
            pass
        assert place.is_dir()


async def test_foreign_entries_are_left_alone(tmp_path: Path) -> None:
    """What only has the name of a place, but is a file or a link, is not touched."""
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").write_text("x")
    (tmp_path / "codeflow-sandbox-file").write_text("x")
    (tmp_path / "codeflow-sandbox-link").symlink_to(target)

    async with Sandbox(directory=tmp_path) as sandbox, sandbox.workspace():
        pass

    assert (target / "kept").exists()
    assert (tmp_path / "codeflow-sandbox-file").exists()
    assert (tmp_path / "codeflow-sandbox-link").is_symlink()


@pytest.mark.parametrize("name", ["codeflow-demo", "codeflow-sandbox-demo", "codeflow"])
async def test_a_directory_of_somebody_else_is_left_alone(tmp_path: Path, name: str) -> None:
    """A name alone makes no directory ours: the user may have one that begins the same."""
    kept = tmp_path / name / "deep" / "work.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("a day of work")

    async with Sandbox(directory=tmp_path) as sandbox, sandbox.workspace():
        pass

    assert kept.read_text() == "a day of work"


async def test_a_place_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A missing directory is told by name."""
    async with Sandbox(directory=tmp_path / "missing") as sandbox:
        with pytest.raises(SandboxError, match=r"could not make .*missing"):
            async with sandbox.workspace():
                pass


async def test_many_workspaces_at_once_are_apart(tmp_path: Path) -> None:
    """Every workspace is its own, also when the first are asked for at the same moment."""
    places: list[Path] = []
    async with Sandbox(directory=tmp_path) as sandbox:

        async def work() -> None:
            async with sandbox.workspace() as place:
                places.append(place)
                await asyncio.sleep(0.05)

        await asyncio.gather(*(work() for _ in range(10)))

    assert len(set(places)) == 10
    assert names(tmp_path) == []


async def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    """Programs in namespaces leave the disk alone: their directory is in memory."""
    async with Sandbox(directory=tmp_path) as sandbox:
        if await sandbox.isolation() is Isolation.NONE:
            pytest.skip("this machine has no namespaces")
        await sandbox.run(["sh", "-c", "echo x > file"])

        assert names(tmp_path) == []


async def test_a_removal_that_is_cancelled_is_done_all_the_same(tmp_path: Path) -> None:
    """Also where no thread was free to begin it when the cancellation came."""
    loop = asyncio.get_running_loop()
    threads = ThreadPoolExecutor(1)
    loop.set_default_executor(threads)
    free, leaving = threading.Event(), asyncio.Event()
    places: list[Path] = []

    async def use() -> None:
        async with sandbox.workspace() as place:
            places.append(place)
            (place / "file").touch()
            threads.submit(free.wait)
            leaving.set()

    async with Sandbox(directory=tmp_path) as sandbox:
        task = asyncio.create_task(use())
        await leaving.wait()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        free.set()
        await loop.run_in_executor(None, int)

        assert not places[0].exists()


def test_a_directory_that_goes_while_it_is_removed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of the sandbox may still take its own files away."""
    tree = tmp_path / "room"
    (tree / "inner").mkdir(parents=True)
    opened = os.open

    def late(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if path == "inner":
            (tree / "inner").rmdir()
        return opened(path, flags, *more, **options)

    monkeypatch.setattr(os, "open", late)
    scratch._remove_tree(tree)

    assert not tree.exists()
