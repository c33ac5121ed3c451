"""D20 to D22: the file of a database has no space, is gone, or is torn."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from crash_database import query, read, statuses
from crash_life import Trace, read_trace, told
from crash_roles import make_engine
from crash_schedule import Stand
from crash_waiting import wait_until
from sqlalchemy import create_engine, event

from codeflow_engine import AsyncEngine
from codeflow_engine.errors import StorageFullError
from codeflow_engine.runs.context import RunContext
from codeflow_engine.storage.sql import SQLStorage


def integrity(path: Path) -> str:
    """Ask SQLite whether a file is sound."""
    ((told,),) = query(f"sqlite:///{path}", "PRAGMA integrity_check")
    return str(told)


def heavy(engine: AsyncEngine, trace: Trace) -> None:
    """Offer a workflow whose steps return much text."""

    async def weigh(ctx: RunContext, given: dict[str, Any]) -> int:
        return sum([len(await ctx.step("lift", lift, n, key=str(n))) for n in range(given["n"])])

    def lift(number: int) -> str:
        trace.note("body", f"lift {number}")
        return chr(97 + number) * 100_000

    engine.workflow("weigh", version=1)(weigh)


async def test_d20_a_run_goes_on_when_there_is_space_again(
    stand: Stand, world: str, tmp_path: Path
) -> None:
    """A full database is a typed error, the file stays sound, and no step is done again."""
    path = tmp_path / "runs.db"
    host = create_engine(f"sqlite:///{path}")
    most = 200

    def bound(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")

    event.listen(host, "connect", bound)
    storage = SQLStorage(host)
    await storage.migrate()
    life = stand.life(world, f"sqlite:///{path}")
    trace = Trace(life)
    async with make_engine(life, trace, storage=storage) as engine:
        heavy(engine, trace)
        run = await engine.submit("weigh", {"n": 12}, key="k")
        with pytest.raises(StorageFullError):
            await run.result()
    host.dispose()
    assert integrity(path) == "ok"
    ((done,),) = read(life.url, world, "steps", where="state = 'done'")
    assert 0 < done < 12

    most = 100_000
    async with make_engine(life, trace, storage=storage) as engine:
        heavy(engine, trace)
        again = await engine.run(run.id)
        if again.status.is_terminal:
            await again.resume()
        assert await again.result() == 1_200_000

    lifted = [line.of for line in read_trace(life.trace) if line.what == "body"]
    assert len(lifted) <= 12 + 1
    await storage.aclose()
    host.dispose()


@contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """Mount a small file system, where that is allowed."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs leave to mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(path: Path) -> None:
    """Write a file until there is no space left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.fault
def test_d20_a_full_disk_ends_no_run_for_good(stand: Stand, world: str, tmp_path: Path) -> None:
    """ENOSPC in the middle of a run: sound, and it goes on where there is space."""
    with mounted(tmp_path / "small", "4m") as place:
        path = place / "runs.db"
        life = stand.life(world, f"sqlite:///{path}")
        stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.05)
        child = stand.begin("drive", life, workflow="ask_often", given={"count": 60})
        wait_until(lambda: sum(stand.outside.asked(world).values()) >= 10)
        filler = place / "filler"
        fill(filler)
        child.wait()
        assert "StorageFullError" in [line.of for line in read_trace(life.trace)] or child.errors
        filler.unlink()
        assert integrity(path) == "ok"
        assert stand.live("finish", life) == 0
        assert statuses(life.url, world) == ["succeeded"]
        asked = stand.outside.asked(world)
        assert len(asked) == 60
        assert sum(asked.values()) <= 61


@pytest.mark.fault
def test_d21_a_file_that_is_gone_is_an_error(stand: Stand, world: str, tmp_path: Path) -> None:
    """The directory of the database goes away under a run: nothing goes on in memory."""
    home = tmp_path / "home"
    home.mkdir()
    life = stand.life(world, f"sqlite:///{home / 'runs.db'}", plugins={"sql": {"wait": 1.0}})
    stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.05)
    child = stand.begin("drive", life, workflow="ask_often", given={"count": 200})
    wait_until(lambda: sum(stand.outside.asked(world).values()) >= 3)

    home.rename(tmp_path / "away")

    child.wait()
    errors = [line.of for line in read_trace(life.trace) if line.what == "error"]
    assert errors
    assert all(name.startswith("Storage") for name in errors)
    assert sum(stand.outside.asked(world).values()) < 200
    away = f"sqlite:///{tmp_path / 'away' / 'runs.db'}"
    assert stand.live("drive", stand.life(world, away), workflow="x", given={}) == 0
    assert statuses(away, world) == ["succeeded"]


@pytest.mark.fault
def test_d21_a_file_that_may_only_be_read_is_an_error(
    stand: Stand, world: str, tmp_path: Path
) -> None:
    """The file system becomes read-only under a run, and writable again later."""
    with mounted(tmp_path / "small", "16m") as place:
        life = stand.life(world, f"sqlite:///{place / 'runs.db'}")
        stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.05)
        child = stand.begin("drive", life, workflow="ask_often", given={"count": 60})
        wait_until(lambda: sum(stand.outside.asked(world).values()) >= 3)
        # Nobody can make a file system read-only on which files are open for writing.
        freeze = ["mount", "-o", "remount,ro", str(place)]
        if subprocess.run(freeze, check=False, stderr=subprocess.DEVNULL).returncode:
            child.send(signal.SIGKILL)
            child.wait()
            subprocess.run(freeze, check=True)
            child = stand.begin("finish", life)
        child.wait()
        errors = [line.of for line in read_trace(life.trace) if line.what == "error"]
        assert errors
        assert all(name.startswith("Storage") for name in errors)
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        assert stand.live("finish", life) == 0
        assert statuses(life.url, world) == ["succeeded"]


@pytest.mark.parametrize("copies", [1, pytest.param(40, marks=pytest.mark.fault)])
def test_d22_a_torn_copy_holds_all_that_was_told_as_done(
    stand: Stand, world: str, tmp_path: Path, copies: int
) -> None:
    """The file and its log are copied at random moments of a run, as a power cut leaves them."""
    path = tmp_path / "runs.db"
    life = stand.life(world, f"sqlite:///{path}")
    stand.outside.ask(stand.outside.model, "/slow", world=world, seconds=0.005)
    inputs = [{"count": 40 * copies + 20, "of": f"r{number}"} for number in range(4)]
    assert stand.live("submit", life, workflow="ask_often", inputs=inputs) == 0
    worker = stand.begin("work", life)
    wait_until(lambda: told(life, "point", "step.recorded:ask"))
    chance = random.Random(3)  # noqa: S311 - moments of a test
    try:
        for number in range(copies):
            time.sleep(chance.uniform(0.2, 0.5))
            torn = tmp_path / f"torn{number}"
            torn.mkdir()
            worker.send(signal.SIGSTOP)
            worker.await_stop()
            known = len(told(life, "point", "step.recorded:ask"))
            for name in ("runs.db", "runs.db-wal"):
                shutil.copy(tmp_path / name, torn / name)
            worker.send(signal.SIGCONT)

            assert integrity(torn / "runs.db") == "ok"
            copy = f"sqlite:///{torn / 'runs.db'}"
            assert len(statuses(copy, world)) == len(inputs)
            ((kept,),) = read(copy, world, "steps", where="state = 'done'")
            assert kept >= known > 0
    finally:
        worker.send(signal.SIGKILL)
        worker.wait()
    last = f"sqlite:///{torn / 'runs.db'}"
    assert stand.live("work", stand.life(world, last)) == 0
    assert statuses(last, world) == ["succeeded"] * len(inputs)
