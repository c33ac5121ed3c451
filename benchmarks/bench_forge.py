"""Review 50 pull requests at once, from a forge that takes half a second for every answer.

    python benchmarks/bench_forge.py [--check] [--rounds N] [--sample FOLDER]

The forge is a process of its own that speaks GitHub's interface. One of the pull requests has a
diff of 7.7 MB in 1,005 files, which GitHub does not give, so that git fetches it. `analyzers`
asks `secrets` and `hygiene` about all of them, and no model; `model` asks a model besides that
takes half a second, too. `held` is the longest that the host's loop is held meanwhile, in
processor time of its thread, and `held wall` the same by the clock, which tells of other
processes, too; `gc` is what Python's longest collection of garbage took of it, in a host that has
frozen what stands after the start. The peer in the same run is PyGithub, called on the loop for
one small pull request: as long as it waits, the loop stands.

The processes take turns, after a round that is not counted, and the table shows medians. Target:
the loop held for less than 20 ms. With `--check` a missed target ends with exit code 1. With
`--sample` it is written to a folder what stood on the loop for longer than that.
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
from collections.abc import Iterator, Mapping
from pathlib import Path

from measure import finish, take_turns

HELD = 0.020
LATENCY = 0.5
AT_ONCE = 50
SETTINGS = "chunk_tokens = 30000\nllm_parallel = 8\n"
"""Fewer and larger questions than usual, or the large change would be 3,000 of them."""

HERE = Path(__file__).resolve().parent
FIGURES = {"held": 1e3, "held_wall": 1e3, "gc": 1e3, "seconds": 1, "cpu": 1, "peak": 1e-6}


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 beyond a target")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--sample", type=Path, metavar="FOLDER")
    chosen = options.parse_args()
    before = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder, server() as told:
        given = json.dumps(told)
        settings = Path(folder, "forge.toml")
        settings.write_text(SETTINGS, "utf-8")
        ours = [sys.executable, str(HERE / "forge_ours.py"), given, str(AT_ONCE - 1)]
        ours += ["--settings", str(settings)]
        commands = {
            "pygithub, one": [sys.executable, str(HERE / "forge_peers.py"), given],
            "analyzers": ours,
            "model": [*ours, "--model", str(LATENCY)],
        }
        if chosen.sample:
            chosen.sample.mkdir(exist_ok=True)
            for name in ("analyzers", "model"):
                place = chosen.sample.resolve() / f"{name}.txt"
                commands[name] = [*commands[name], "--sample", str(place)]
        samples = take_turns(commands, rounds=chosen.rounds, cwd=folder)
    rows: dict[str, dict[str, float]] = {}
    for name, taken in samples.items():
        said = [json.loads(sample.output) for sample in taken]
        rows[name] = {figure: statistics.median(one[figure] for one in said) for figure in said[0]}
    load = f"load {before[0]:.1f} to {os.getloadavg()[0]:.1f}"
    print(f"{AT_ONCE} reviews at once, one of {told['bytes']:,} bytes, {load}")
    problems = show(rows)
    return finish("forge", {"rounds": chosen.rounds, **rows}, problems, check=chosen.check)


@contextlib.contextmanager
def server() -> Iterator[dict[str, object]]:
    """Run the forge, and give what it tells of itself."""
    command = [sys.executable, str(HERE / "forge_server.py"), str(AT_ONCE - 1), str(LATENCY)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.communicate()


def show(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Print the table; name the targets that were missed."""
    head = ("held ms", "held wall", "gc ms", "seconds", "cpu s", "peak MB", "units", "calls")
    print(f"{'':<15}" + "".join(f"{name:>11}" for name in head))
    for name, row in rows.items():
        cells = [
            f"{row[figure] * scale:>11.2f}" if figure in row else f"{'-':>11}"
            for figure, scale in FIGURES.items()
        ]
        cells += [f"{row[figure]:>11.0f}" for figure in ("units", "calls") if figure in row]
        print(f"{name:<15}" + "".join(cells))
    return [
        f"{name}: the loop is held for {row['held'] * 1e3:.0f} ms, "
        f"and at most {HELD * 1e3:.0f} is the target"
        for name, row in rows.items()
        if name != "pygithub, one" and row["held"] > HELD
    ]


if __name__ == "__main__":
    sys.exit(main())
