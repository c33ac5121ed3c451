"""Runs commands in turns, and measures each as a whole process."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Sample", "environment", "finish", "medians", "take_turns"]

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one process took, or the medians of several."""

    wall: float
    """Seconds from the start of the process to its end."""

    cpu: float
    """Seconds of processor time, that of its children included."""

    output: str = ""
    """What it printed on its standard output."""


def environment(home: str) -> dict[str, str]:
    """Give an environment that holds nothing of the user."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


def take_turns(
    commands: Mapping[str, Sequence[str]], *, rounds: int, cwd: str, allowed: Sequence[int] = (0,)
) -> dict[str, list[Sample]]:
    """Run each command once per round (A B C A B C), after one round that does not count."""
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as home:
        for number in range(rounds + 1):
            for name, command in commands.items():
                sample = _measure(command, cwd, environment(home), allowed)
                if number:
                    samples[name].append(sample)
    return samples


def _measure(
    command: Sequence[str], cwd: str, env: Mapping[str, str], allowed: Sequence[int]
) -> Sample:
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output
        )
        # wait4 tells the time of this process and of the children that it waited for.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in allowed:
            raise SystemExit(f"{' '.join(command)} ended with exit code {process.returncode}")
        output.seek(0)
        text = output.read().decode()
    return Sample(wall=wall, cpu=usage.ru_utime + usage.ru_stime, output=text)


def medians(samples: Sequence[Sample]) -> Sample:
    """Give the median of each figure."""
    return Sample(
        wall=statistics.median(sample.wall for sample in samples),
        cpu=statistics.median(sample.cpu for sample in samples),
    )


def finish(name: str, result: dict[str, Any], problems: Sequence[str], *, check: bool) -> int:
    """Write the result as JSON, say whether the targets are met, and give the exit code."""
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(
        json.dumps({**machine, **result, "problems": list(problems)}, indent=2, default=asdict)
        + "\n",
        "utf-8",
    )
    for problem in problems:
        print(f"TARGET MISSED: {problem}")
    if not problems:
        print("targets met")
    return 1 if check and problems else 0
