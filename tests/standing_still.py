"""Run a command on a machine that stands still again and again, as one does that others use, too.

    python tests/standing_still.py [--every S] [--least S] [--most S] [--seed N] COMMAND ...

All processes of the command are stopped together: those that descend from it, and those that
have left it, as a database server does, and still carry its mark. What somebody else has
stopped is let alone. Linux only. The exit code is that of the command.

A test that fails there has taken the clock for work: it waits for too short a time, or gives a
lease that ends meanwhile. What it cannot show is a machine that is slow all the time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "CODEFLOW_STANDING_STILL"


def main() -> int:
    """Run the command; give its exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--every", type=float, default=5.0, help="seconds between two, on average")
    options.add_argument("--least", type=float, default=0.4, help="seconds of the shortest stop")
    options.add_argument("--most", type=float, default=2.0, help="seconds of the longest stop")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("command", nargs=argparse.REMAINDER)
    chosen = options.parse_args()
    chance = random.Random(chosen.seed)  # noqa: S311 - moments
    mark = secrets.token_hex(8)
    stops = 0
    with subprocess.Popen(chosen.command, env={**os.environ, MARK: mark}) as process:
        while not _has_ended(process, chance.uniform(0, 2 * chosen.every)):
            _stop(process.pid, mark, chance.uniform(chosen.least, chosen.most))
            stops += 1
    sys.stdout.write(f"stood still {stops} times\n")
    return process.returncode


def _has_ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def _stop(root: int, mark: str, seconds: float) -> None:
    """Let all processes of the command stand still for so long."""
    stopped = [pid for pid in _running(root, mark) if _send(pid, signal.SIGSTOP)]
    time.sleep(seconds)
    for pid in stopped:
        _send(pid, signal.SIGCONT)


def _send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _running(root: int, mark: str) -> list[int]:
    """Give the processes of the command that are not stopped by somebody else."""
    parents: dict[int, int] = {}
    found, running = {root}, set()
    for pid, parent, state, environment in _processes():
        parents[pid] = parent
        if f"{MARK}={mark}".encode() in environment:
            found.add(pid)
        if state not in "TtZX":
            running.add(pid)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found & running)


def _processes() -> Iterator[tuple[int, int, str, bytes]]:
    """Give id, parent, state and environment of each process, as proc_pid_stat(5) says."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            state, parent, *_ = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()
            yield int(folder.name), int(parent), state, (folder / "environ").read_bytes()


if __name__ == "__main__":
    sys.exit(main())
