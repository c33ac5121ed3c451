"""llmock as a judge: a server of somebody else's that breaks, and tells how we took it.

```python
async def test_it_waits(llmock: Judge, wire: Wire) -> None:
    llmock.tell({"type": "fail", "status": 429, "retry_after": 1, "times": 2})
    async with wire.connect(llmock.url(wire)) as provider:
        ...  # ask through the gateway
    assert llmock.verdict().findings == []
```
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from wires import Wire

__all__ = ["Judge", "Verdict", "judging"]

PREFIXES = {
    "responses": "",
    "chat": "",
    "messages": "/anthropic",
    "mistral": "/mistral",
    "groq": "/groq",
}
"""Where llmock speaks on each wire; what `Wire.prefix` says comes behind it."""

STARTS_WITHIN = 30.0
"""Seconds that llmock may take to listen."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What llmock found."""

    findings: list[tuple[str, str]]
    """Each finding: `FAIL` or `WARN`, and its code such as `retry_storm`."""

    calls: int
    attempts: int
    faults: int
    """How many faults were put into the attempts."""


class Judge:
    """A running llmock.

    Args:
        port: Where it listens on the loopback.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    def url(self, wire: Wire) -> str:
        """Give the URL for `Wire.connect`."""
        return f"http://127.0.0.1:{self._port}{PREFIXES[wire.name]}"

    def tell(self, *behaviors: dict[str, Any]) -> None:
        """Queue behaviours in llmock's own words, such as `{"type": "fail", "status": 503}`."""
        self._call("POST", "/_llmock/scenario", {"behaviors": behaviors})

    def reset(self) -> None:
        """Forget what was queued and what was seen."""
        self._call("POST", "/_llmock/reset")

    def requests(self) -> list[dict[str, Any]]:
        """Give each request that it got, with its `status`, `fault` and `body`."""
        found: list[dict[str, Any]] = self._call("GET", "/_llmock/requests")["requests"]
        return found

    def verdict(self) -> Verdict:
        """Ask how the client did since the last reset."""
        told = self._call("GET", "/_llmock/verdict")
        words = {"error": "FAIL", "warning": "WARN"}
        return Verdict(
            [(words[each["severity"]], each["code"]) for each in told["findings"]],
            told["calls"],
            told["attempts"],
            told["faults_injected"],
        )

    def answers(self) -> bool:
        """Say whether it listens."""
        try:
            self._call("GET", "/_llmock/scenario")
        except OSError:
            return False
        return True

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, body=json.dumps(body) if body else None)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            assert answer.status < 300, told
            return told
        finally:
            connection.close()


@contextlib.contextmanager
def judging(place: Path) -> Iterator[Judge]:
    """Run llmock on a free port, to the block's end; it writes its log to a directory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-c", "from llmock.cli import app; app()", "serve"]
    argv = [*command, "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    log = place / "llmock.log"
    with log.open("wb") as out, subprocess.Popen(argv, stdout=out, stderr=out) as process:
        try:
            judge = Judge(port)
            late = time.monotonic() + STARTS_WITHIN
            while not judge.answers():
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < late, log.read_text("utf-8")
                time.sleep(0.05)
            yield judge
        finally:
            process.terminate()
