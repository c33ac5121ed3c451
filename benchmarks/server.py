"""A PostgreSQL server for the time of a benchmark, with the durability of its defaults."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["DISK", "Server", "server"]

DISK = "/var/tmp"  # noqa: S108 - unlike /tmp it is never memory, and the names in it are random
PATIENCE = 60.0


class Server:
    """A server that listens on a socket in its folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        """Give one that runs."""
        self._programs = programs
        self._folder = folder
        self._numbers = itertools.count(1)

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        return self._call("pg_isready", "--quiet") == 0

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """Give the query of an address of a new database, which goes at the end."""
        name = f"bench_{next(self._numbers)}"
        self._call("createdb", name)
        try:
            yield f"postgres@/{name}?host={self._folder}"
        finally:
            self._call("dropdb", "--force", name)

    def _call(self, program: str, *arguments: str) -> int:
        where = ["-h", str(self._folder), "-U", "postgres"]
        return subprocess.run(
            [self._programs / program, *where, *arguments], check=False
        ).returncode


@contextlib.contextmanager
def server(programs: Path) -> Iterator[Server]:
    """Run a server to the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="cf-bench-", dir=DISK))
    data = folder / "data"
    user = None
    if os.geteuid() == 0:  # the server refuses to run as root
        user = pwd.getpwnam("nobody").pw_uid
        os.chown(folder, user, -1)
    try:
        make = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=UTF8",
        ]
        subprocess.run(make, user=user, check=True, stdout=subprocess.DEVNULL)
        settings = ["-c", f"unix_socket_directories={folder}", "-c", "listen_addresses="]
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *settings], user=user, stderr=subprocess.DEVNULL
        )
        try:
            yield await_start(process, Server(programs, folder))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
    finally:
        shutil.rmtree(folder)


def await_start(process: subprocess.Popen[bytes], started: Server) -> Server:
    """Give the server once it answers."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if started.answers():
            return started
        time.sleep(0.1)
    raise SystemExit("PostgreSQL did not start")
