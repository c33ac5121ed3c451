"""Ask a model once, through the gateway: this package beside the bare SDK and two peers.

    python benchmarks/bench_call.py [--check] [--rounds N] [--calls N]

The figure is CPU of the caller's process per call, in milliseconds, against a server in a process
of its own; what is imported, opened, and asked to warm up is not counted. `8 KB` and `100 KB`
are the sizes of the prompts, asked one after the other; `at once` asks 100 times 8 KB at the
same moment. Every prompt is another one, no cache answers, and each answer is checked to
be that of its question.

The gateway looks each question up and keeps its answer, takes secrets out, books it on a
budget, and keeps to deadlines, retries and circuits; the peers do as much as their documentation
does without being told more. The bare SDK is the same version as the gateway's, in the same
environment; the peers have one of their own. The processes take turns (A B C A B C), after
a round that is not counted, and the table shows medians.

Target: at most 1.25 times the CPU of the bare SDK, for 8 KB one after the other. With `--check`
a missed target ends with exit code 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from measure import environment, finish, take_turns
from peers import Peers, peers

TARGET = 1.25
PLAIN = "sdk"
OURS = "codeflow"
FIGURES = {"small": "8 KB", "large": "100 KB", "at_once": "at once"}

HERE = Path(__file__).resolve().parent
PACKAGES = ("litellm>=1.110", "pydantic-ai-slim[openai]>=2.68")
SHOWN = ("litellm", "pydantic-ai-slim", "openai")


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 above the target")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--calls", type=int, default=300, help="of each kind in a round")
    chosen = options.parse_args()
    before = os.getloadavg()
    beside = peers("call", PACKAGES)
    with server() as url, tempfile.TemporaryDirectory() as cwd:
        samples = take_turns(commands(beside, url, chosen.calls), rounds=chosen.rounds, cwd=cwd)
    rows = {
        name: middle([json.loads(sample.output) for sample in taken])
        for name, taken in samples.items()
    }
    ratio = rows[OURS]["small"] / rows[PLAIN]["small"]
    show(rows)
    result = {
        "rounds": chosen.rounds,
        "calls": chosen.calls,
        "load": [before, os.getloadavg()],
        "openai": version("openai"),
        "peers": beside.versions(*SHOWN),
        "ms_of_cpu": rows,
        "ratio": ratio,
    }
    problems = []
    if ratio > TARGET:
        problems.append(f"{ratio:.2f} x the CPU of the SDK, and at most {TARGET} is the target")
    return finish("call", result, problems, check=chosen.check)


def commands(beside: Peers, url: str, calls: int) -> dict[str, list[str]]:
    """Give what takes turns, by name."""
    told = {name: [sys.executable, str(HERE / "call_ours.py"), name] for name in (PLAIN, OURS)}
    for name in ("litellm", "pydantic-ai", "pydantic-ai-direct"):
        told[name] = [beside.python, str(HERE / "call_peers.py"), name]
    return {name: [*command, url, str(calls)] for name, command in told.items()}


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Run the model's server to the end of the block, and give its URL."""
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "call_server.py")],
            env=environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
            # Leaving closes its standard input, with which it ends.


def middle(taken: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Give the median of each figure."""
    return {name: statistics.median(one[name] for one in taken) for name in taken[0]}


def show(rows: Mapping[str, Mapping[str, float]]) -> None:
    """Print the table."""
    print("ms of CPU per call; x is of the bare SDK")
    print(f"{'subject':<20}" + "".join(f"{title:>10}{'x':>7}" for title in FIGURES.values()))
    for name, row in rows.items():
        told = (f"{row[key]:>10.2f}{row[key] / rows[PLAIN][key]:>7.2f}" for key in FIGURES)
        print(f"{name:<20}{''.join(told)}")


if __name__ == "__main__":
    sys.exit(main())
