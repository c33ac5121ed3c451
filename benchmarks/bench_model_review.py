"""Review a change with a model that answers at once: 105 KB of diff in 53 files.

    python benchmarks/bench_model_review.py [--check] [--rounds N]

The model is a server in a process of its own; the SDK is OpenAI's, and no analyzer is asked, so
that what is measured is the way of a change to a model and back. `process` is a whole process
that reviews once, with its history in a file of SQLite whose tables are there; `warm` is each
further review in an engine that is open, of another change of the same size, so that no answer
is there already. `ten` is the same with ten times the files. Beside it stand the SDK's own
import, and pr-agent, where pip installs it.

`at once` reviews 50 changes at the same time with a model that takes half a second, one of them
ten times as large: `held` is the longest that the host's loop is held meanwhile, in processor
time of its thread, and `held wall` the same by the clock, which tells of other processes, too.

The figures are processor seconds, and `children` are those of git. The processes take turns,
after a round that is not counted, and the table shows medians. Targets: the process at most
1.7 s and 110 MB; a warm review at most 0.1 s besides 3 ms for each call; ten times the change at
most 11 times the time; the loop held for less than 20 ms. With `--check` a missed target ends
with exit code 1.
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
from pathlib import Path
from typing import Any

from measure import Sample, environment, finish, take_turns
from model_change import diff_of, make_repository
from peers import peers

PROCESS, MEMORY = 1.7, 110e6
WARM, CALL = 0.1, 0.003
GROWTH = 11
HELD = 0.020
LATENCY = 0.5
AT_ONCE = 50
REVIEWS = 6
HERE = Path(__file__).resolve().parent
PACKAGES = ("pr-agent",)


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 beyond a target")
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    before = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder, server(0) as quick, server(LATENCY) as slow:
        small, large = Path(folder, "small"), Path(folder, "large")
        make_repository(small, times=1, commits=AT_ONCE)
        make_repository(large, times=10, commits=2)
        subprocess.run([*ours("", small, 0), "--prepare", "empty.db"], cwd=folder, check=True)
        fresh = " ".join(["cp empty.db run.db && exec", *ours(quick, small, 1), "--storage"])
        commands = {
            "import openai": [sys.executable, "-c", "import openai"],
            "process": ["sh", "-c", f"{fresh} sqlite:///run.db"],
            "warm": ours(quick, small, REVIEWS),
            "ten": ours(quick, large, 2),
            "at once": [*ours(slow, small, AT_ONCE - 1), "--at-once", str(large)],
        }
        size = len(diff_of(small, 1))
        samples = take_turns(commands, rounds=chosen.rounds, cwd=folder)
    told = {name: middle(taken) for name, taken in samples.items()}
    told["pr-agent"] = {"peer": beside()}
    print(f"a change of {size:,} bytes, load {before[0]:.1f} to {os.getloadavg()[0]:.1f}")
    problems = show(told)
    return finish("model_review", {"rounds": chosen.rounds, **told}, problems, check=chosen.check)


def ours(url: str, repository: Path, count: int) -> list[str]:
    """Give the command of a measured process."""
    return [sys.executable, str(HERE / "model_ours.py"), url, str(repository), str(count)]


def middle(samples: Sequence[Sample]) -> dict[str, Any]:
    """Give the medians of a process, and of the reviews in it."""
    row: dict[str, Any] = {"cpu": statistics.median(sample.cpu for sample in samples)}
    said = [json.loads(sample.output) for sample in samples if sample.output]
    for figure in ("peak", "held", "held_wall", "calls"):
        if said and figure in said[0]:
            row[figure] = statistics.median(one[figure] for one in said)
    reviews = [review for one in said for review in one.get("reviews", ())]
    for figure in reviews[0] if reviews else ():
        row[figure] = statistics.median(review[figure] for review in reviews)
    return row


def show(told: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Print the table; name the targets that were missed."""
    head = ("whole s", "review s", "children", "calls", "units", "peak MB", "held ms", "held wall")
    print(f"{'':<15}" + "".join(f"{name:>10}" for name in head))
    scale = {"peak": 1e-6, "held": 1e3, "held_wall": 1e3}
    for name, row in told.items():
        if "peer" in row:
            print(f"{name:<15}  {row['peer']}")
            continue
        figures = ("cpu", "own", "children", "calls", "units", "peak", "held", "held_wall")
        cells = [
            f"{row[figure] * scale.get(figure, 1):>10.3f}" if figure in row else f"{'-':>10}"
            for figure in figures
        ]
        print(f"{name:<15}" + "".join(cells))
    warm, ten, process = told["warm"], told["ten"], told["process"]
    besides = warm["own"] + warm["children"] - CALL * warm["calls"]
    growth = (ten["own"] + ten["children"]) / (warm["own"] + warm["children"])
    print(
        f"warm: {besides:.3f} s besides {warm['calls']:.0f} calls; ten times the change takes "
        f"{growth:.1f} times as long and {(ten['peak'] - warm['peak']) / 1e6:.0f} MB more"
    )
    limits = {
        "the process takes {:.2f} s": (process["cpu"], PROCESS),
        "the process takes {:.0f} bytes": (process["peak"], MEMORY),
        "a warm review takes {:.3f} s": (besides, WARM),
        "ten times the change takes {:.1f} times as long": (growth, GROWTH),
        "the loop is held for {:.3f} s": (told["at once"]["held"], HELD),
    }
    return [
        f"{text.format(value)}, and at most {most:g} is the target"
        for text, (value, most) in limits.items()
        if value > most
    ]


def beside() -> str:
    """Say which pr-agent pip installs here, or that it installs none."""
    try:
        return f"version {peers('model_review', PACKAGES).versions('pr-agent')['pr-agent']}"
    except subprocess.CalledProcessError as error:
        return f"pip does not install it here (exit code {error.returncode})"


@contextlib.contextmanager
def server(seconds: float) -> Iterator[str]:
    """Run the model to the end of the block; give its URL."""
    command = [sys.executable, str(HERE / "model_server.py"), str(seconds)]
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(home), text=True
        ) as process,
    ):
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()


if __name__ == "__main__":
    sys.exit(main())
