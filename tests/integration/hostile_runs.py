"""Reviews of the hostile repository, and everything that has to hold after each of them."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from hostile_repository import CANARIES, TOKEN, VARIABLE, Hostile, leaks, snapshot
from hostile_traps import RAN

from measured import Ran, measure, program

__all__ = ["Listener", "Watch", "codeflow", "watch"]

_MIB = 1024 * 1024


class Listener:
    """Waits on the loopback, and refuses everyone who comes; it remembers that they came."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.visits = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(90)

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._socket.accept()
            except OSError:
                return
            with one:
                self.visits += 1
                one.settimeout(5)
                try:
                    one.recv(65_536)
                    one.sendall(
                        b"HTTP/1.1 401 Who are you\r\nWWW-Authenticate: Basic realm=x\r\n"
                        b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                    )
                except OSError:
                    continue


def environment(hostile: Hostile, room: Path, **variables: str) -> dict[str, str]:
    """Give the environment of somebody who reviews from within the checkout, carelessly."""
    for name in ("tmp", "state"):
        (room / name).mkdir(exist_ok=True)
    return {
        "PATH": f".:{os.environ['PATH']}",
        "HOME": str(hostile.home),
        "LANG": "C.UTF-8",
        "TMPDIR": str(room / "tmp"),
        "XDG_STATE_HOME": str(room / "state"),
        "XDG_CACHE_HOME": str(room / "state"),
        VARIABLE: CANARIES["a variable of the environment"],
        **variables,
    }


def codeflow(
    hostile: Hostile, room: Path, *words: str, cwd: Path | None = None, **variables: str
) -> Ran:
    """Run `codeflow` inside of the hostile repository."""
    given: list[str | Path] = [program(), *words]
    env = environment(hostile, room, **variables)
    return measure(given, cwd=cwd or hostile.repository, env=env)


class Watch:
    """Collects everything that a review lets out."""

    def __init__(self) -> None:
        self.told: list[bytes | str] = []

    def __call__(self, *outputs: bytes | str) -> None:
        """Take outputs, to be searched for what may not come out."""
        self.told += outputs


@contextmanager
def watch(hostile: Hostile, listener: Listener, room: Path) -> Iterator[Watch]:
    """Hold a review to it: nothing runs, leaves, comes out or changes."""
    before, visits = snapshot(hostile.place), listener.visits
    seen = Watch()
    yield seen
    kept = [path.read_bytes() for path in room.glob("state/**/*") if path.is_file()]
    told = [text if isinstance(text, bytes) else text.encode() for text in (*seen.told, *kept)]
    assert hostile.witnesses() == []
    assert listener.visits == visits, "somebody connected"
    assert leaks(*told) == []
    assert [text for text in told if TOKEN.encode() in text] == []
    assert [text for text in told if RAN.encode() in text] == []
    after = snapshot(hostile.place)
    changed = [path for path in before.keys() | after if before.get(path) != after.get(path)]
    assert changed == []
    assert list(room.glob("tmp/*")) == [], "something is left in the temporary directory"
