"""Programs that tests run to their end, and measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Ran", "measure", "program"]

_STARTER = """
import json, os, subprocess, sys, threading
out, err, seconds, *words = sys.argv[1:]
with open(out, "wb") as to_out, open(err, "wb") as to_err:
    started = subprocess.Popen(
        words, stdout=to_out, stderr=to_err
    )
late = threading.Timer(float(seconds), started.kill)
late.start()
_, status, usage = os.wait4(started.pid, 0)
late.cancel()
cpu = usage.ru_utime + usage.ru_stime
print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss, cpu]))
"""


@dataclass(frozen=True)
class Ran:
    """How a program ended, and the most that it and its children used."""

    status: int
    out: bytes
    err: bytes
    peak: int
    """Bytes of memory of the largest process among them."""

    cpu: float
    """Seconds of CPU time of all of them."""

    @property
    def review(self) -> dict[str, Any]:
        """The review that it printed as JSON."""
        made: dict[str, Any] = json.loads(self.out)
        return made


def program() -> Path:
    """Give the installed program; `python -m` would look for modules in the checkout first."""
    return Path(sys.executable).with_name("codeflow")


def measure(
    words: list[str | Path],
    *,
    cwd: Path,
    env: dict[str, str],
    stdin: Path | None = None,
    seconds: float = 100,
) -> Ran:
    """Run a program to its end, and measure it alone; past its time it is killed.

    A small process starts it: the kernel counts the memory of whoever starts a program as
    that program's own, and a worker of the tests has hundreds of megabytes.
    """
    outputs = Path(env["TMPDIR"]).parent
    out, err = outputs / "out", outputs / "err"
    with Path(stdin or os.devnull).open("rb") as source:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _STARTER, out, err, str(seconds), *words],
            cwd=cwd,
            env=env,
            stdin=source,
            stdout=subprocess.PIPE,
            check=True,
        )
    status, peak, cpu = json.loads(done.stdout)
    factor = 1 if sys.platform == "darwin" else 1024
    return Ran(status, out.read_bytes(), err.read_bytes(), peak * factor, cpu)
