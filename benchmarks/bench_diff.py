"""Parse a diff of about 7.7 MB and 1,005 files: this package against unidiff.

    python benchmarks/bench_diff.py [--check] [--rounds N]

The diff is made by git from the standard library's sources with edits at places drawn
from a seed, so that two runs on one Python and one git see the same bytes. The two
parsers take turns in one process; the table shows medians. Target: at least ten times
unidiff's speed with hunk line counts checked, and at most 2 x the input + 20 MB of memory,
the input itself included. With `--check` a missed target ends with exit code 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from unidiff import PatchSet

from codeflow_engine.domain.diff import Diff

FILES = 1_005
LINES_PER_FILE = 500
# About a thousand bytes a hunk, as in large real diffs (1,005 from Django 4.2 to 5.1).
EDITS_PER_FILE = 9
LARGEST_EDIT = 18
SEED = 20_240_607
TARGET_RATIO = 10.0
MEMORY_SLACK = 20_000_000
RESULT = Path(__file__).parent / "results" / "diff.json"

MEMORY_PROBE = """
import sys, tracemalloc
from codeflow_engine.domain.diff import Diff
Diff.parse(b"")
tracemalloc.start()
with open(sys.argv[1], "rb") as file:
    data = file.read()
diff = Diff.parse(data)
print(tracemalloc.get_traced_memory()[1])
"""


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 below the target")
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = make_diff(Path(folder))
        path = Path(folder) / "input.diff"
        path.write_bytes(data)
        memory = measure_memory(path)
    result = compare(data, chosen.rounds) | {"memory_bytes": memory}
    result["memory_limit_bytes"] = 2 * len(data) + MEMORY_SLACK
    result["met"] = result["ratio"] >= TARGET_RATIO and memory <= result["memory_limit_bytes"]
    show(result)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if chosen.check and not result["met"] else 0


def make_diff(folder: Path) -> bytes:
    """Let git make the diff of two trees in `folder`."""
    tree = folder / "tree"
    tree.mkdir()
    lines = cycle(source_lines())
    rng = random.Random(SEED)  # noqa: S311  # places of edits, no secret
    olds = [list(islice(lines, LINES_PER_FILE)) for _ in range(FILES)]
    news = [edited(old, rng) for old in olds]
    git(tree, "init", "--quiet")
    write(tree, olds)
    git(tree, "add", ".")
    write(tree, news)
    return git(tree, "diff")


def source_lines() -> list[bytes]:
    """Give the lines of all sources of the standard library, in a fixed order."""
    root = Path(sysconfig.get_path("stdlib"))
    sources = sorted(
        path
        for path in root.rglob("*.py")
        if not {"site-packages", "dist-packages"} & set(path.parts)
    )
    return [line + b"\n" for path in sources for line in path.read_bytes().split(b"\n")]


def edited(old: list[bytes], rng: random.Random) -> list[bytes]:
    """Put other lines of the file in the place of some, at a few places."""
    new = list(old)
    for place in sorted(rng.sample(range(len(old)), EDITS_PER_FILE), reverse=True):
        source = rng.randrange(len(old))
        added = old[source : source + rng.randint(0, LARGEST_EDIT)]
        new[place : place + rng.randint(0, LARGEST_EDIT)] = added
    return new


def write(tree: Path, files: list[list[bytes]]) -> None:
    """Write the files into folders of a hundred."""
    for number, lines in enumerate(files):
        path = tree / f"package_{number // 100}" / f"module_{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(lines))


def git(tree: Path, *arguments: str) -> bytes:
    """Run git without any configuration of the user or the machine."""
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE
    ).stdout


def measure_memory(path: Path) -> int:
    """Measure the peak of what reading and parsing the file allocate, in a fresh process."""
    command = [sys.executable, "-c", MEMORY_PROBE, str(path)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def compare(data: bytes, rounds: int) -> dict[str, float]:
    """Check that both parsers see the same, then let them take turns."""
    text = data.decode("utf-8", "surrogateescape")
    ours, theirs = Diff.parse(data), PatchSet(text)
    added = sum(file.added for file in ours.files)
    deleted = sum(file.deleted for file in ours.files)
    assert ours.render() == data
    assert (len(ours.files), added, deleted) == (len(theirs), theirs.added, theirs.removed)
    seconds: dict[str, list[float]] = {"bytes": [], "text": [], "unidiff": []}
    for _ in range(rounds):
        seconds["bytes"].append(timed(lambda: Diff.parse(data)))
        seconds["text"].append(timed(lambda: Diff.parse(text)))
        seconds["unidiff"].append(timed(lambda: PatchSet(text)))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "python": platform.python_version(),
        "bytes": len(data),
        "files": len(ours.files),
        "hunks": len(ours.units),
        "rounds": rounds,
        **{f"seconds_{name}": value for name, value in medians.items()},
        **{f"mb_per_s_{name}": len(data) / value / 1e6 for name, value in medians.items()},
        "ratio": medians["unidiff"] / medians["bytes"],
        "ratio_text": medians["unidiff"] / medians["text"],
    }


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that one call takes, with the collector at rest before it."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def show(result: dict[str, float]) -> None:
    """Print the table."""
    print(f"{result['bytes'] / 1e6:.1f} MB, {result['files']} files, {result['hunks']} hunks")
    print(f"{'parser':<24}{'seconds':>10}{'MB/s':>10}{'ratio':>10}")
    for name, label in (("bytes", "codeflow (bytes)"), ("text", "codeflow (str)")):
        ratio = result["seconds_unidiff"] / result[f"seconds_{name}"]
        row = f"{result[f'seconds_{name}']:>10.4f}{result[f'mb_per_s_{name}']:>10.1f}"
        print(f"{label:<24}{row}{ratio:>9.1f}x")
    row = f"{result['seconds_unidiff']:>10.4f}{result['mb_per_s_unidiff']:>10.1f}"
    print(f"{'unidiff':<24}{row}{1:>9.1f}x")
    memory, limit = result["memory_bytes"] / 1e6, result["memory_limit_bytes"] / 1e6
    print(f"peak memory with the input: {memory:.1f} MB (limit {limit:.1f} MB)")
    print("target met" if result["met"] else "TARGET MISSED")


if __name__ == "__main__":
    sys.exit(main())
