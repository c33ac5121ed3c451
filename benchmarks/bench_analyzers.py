"""Look at 1,000 changed Python files with ruff and bandit, and again from the cache.

    python benchmarks/bench_analyzers.py [--check] [--rounds N] [--files N]

The files are the standard library's own, as they lie under the running interpreter, copied
into a temporary repository: one commit adds them. The peer is what pre-commit would do: each
tool once, over the whole list, one after the other. Both rules and comments that silence
are the same on both sides, and the counts of findings are compared. They take turns in
processes of their own; the tables show medians. Beside them stands the load of the machine,
since two cores that others use give nobody twice the speed.

Targets: at least 1.8 times as fast as the peer on two cores, and a second look from the
cache in at most 5 % of the first one's time, with an equal report. With `--check` a missed
target ends with exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measure import environment, finish, medians, take_turns

FASTER = 1.8
AGAIN = 0.05
ALIKE = 2
LARGEST = 60_000
SETTINGS = ("B101", "B105", "B106", "B107")


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 beyond a target")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--files", type=int, default=1_000)
    options.add_argument("--ours", metavar="DIRECTORY", help="the measured process itself")
    options.add_argument("--peer", metavar="DIRECTORY", help="the peer's process itself")
    chosen = options.parse_args()
    if chosen.ours:
        print(json.dumps(asyncio.run(look_twice(chosen.ours))))
        return 0
    if chosen.peer:
        print(json.dumps(one_after_the_other(Path(chosen.peer))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        names = make_repository(Path(folder), chosen.files)
        size = sum(Path(folder, name).stat().st_size for name in names)
        this = [sys.executable, str(Path(__file__).resolve())]
        commands = {
            "one after the other": [*this, "--peer", folder],
            "codeflow": [*this, "--ours", folder],
        }
        before = os.getloadavg()
        samples = take_turns(commands, rounds=chosen.rounds, cwd=folder)
        after = os.getloadavg()
    told = {name: [json.loads(one.output) for one in taken] for name, taken in samples.items()}
    print(f"{len(names)} files, {size / 1e6:.1f} MB, load {before[0]:.1f} to {after[0]:.1f}")
    return report(
        samples, told, {"files": len(names), "bytes": size, "load": [before, after]}, chosen
    )


def report(samples: Any, told: dict[str, list[Any]], result: dict[str, Any], chosen: Any) -> int:
    """Print the table, and compare with the targets."""
    peer = middle([one["seconds"] for one in told["one after the other"]])
    first = middle([one["first"] for one in told["codeflow"]])
    second = middle([one["second"] for one in told["codeflow"]])
    # Each pair was measured in turn, so that a busy minute weighs on both.
    pairs = zip(told["one after the other"], told["codeflow"], strict=True)
    faster = middle([one["seconds"] / other["first"] for one, other in pairs])
    again = middle([one["second"] / one["first"] for one in told["codeflow"]])
    print(f"{'work':<28}{'wall s':>9}{'x':>8}")
    print(f"{'ruff, then bandit':<28}{peer:>9.2f}{1:>8.2f}")
    print(f"{'codeflow, nothing known':<28}{first:>9.2f}{faster:>8.2f}")
    print(f"{'codeflow, from the cache':<28}{second:>9.2f}{peer / second:>8.1f}")
    print(f"the second look takes {again:.1%} of the first")
    problems = []
    cores = len(os.sched_getaffinity(0))
    if faster < FASTER:
        problems.append(f"{faster:.2f} times as fast on {cores} cores, and {FASTER} is the target")
    if again > AGAIN:
        problems.append(f"{again:.1%} of the time from the cache, and {AGAIN:.0%} is the target")
    last, other = told["codeflow"][-1], told["one after the other"][-1]
    if not last["equal"] or last["failed"]:
        problems.append(f"{last['failed']} units failed, reports equal: {last['equal']}")
    for ours, theirs in zip(last["findings"], other["findings"], strict=True):
        # Ruff takes `abc.py` for the module of that name; a private copy has another one.
        if abs(ours - theirs) > ALIKE:
            problems.append(f"findings differ: {last['findings']} and {other['findings']}")
    result |= {"faster": faster, "again": again, "isolation": last["isolation"], "told": told}
    result["processes"] = {name: medians(taken) for name, taken in samples.items()}
    return finish("analyzers", {**result, "rounds": chosen.rounds}, problems, check=chosen.check)


def middle(numbers: Sequence[float]) -> float:
    """Give the median."""
    return sorted(numbers)[len(numbers) // 2]


def make_repository(folder: Path, count: int) -> list[str]:
    """Commit an empty tree, then files of the standard library that both tools can read."""
    library = Path(sysconfig.get_path("stdlib"))
    names: list[str] = []
    for path in sorted(library.rglob("*.py")):
        name = path.relative_to(library).as_posix()
        if len(names) == count:
            break
        if "site-packages" in name or "lib2to3/" in name or path.stat().st_size > LARGEST:
            continue
        data = path.read_bytes()
        try:
            compile(data.decode("utf-8"), name, "exec", dont_inherit=True)
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, name).write_bytes(data)
        names.append(name)
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "commit", "--quiet", "--allow-empty", "--message", "Begin")
    run(folder, "git", "add", "--force", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "Add")
    return names


def one_after_the_other(folder: Path) -> dict[str, Any]:
    """Run ruff over all files, then bandit, as hooks before a commit do."""
    from codeflow_engine.providers.analyzer.ruff_rules import SELECT

    names = run(folder, "git", "ls-files").splitlines()
    bin_ = Path(sys.executable).parent
    began = time.perf_counter()
    ruff = run(
        folder,
        *(str(bin_ / "ruff"), "check", "--isolated", "--no-cache", "--exit-zero"),
        *("--output-format", "json", "--select", ",".join(SELECT), "--target-version", "py314"),
        *names,
    )
    bandit = run(
        folder,
        *(str(bin_ / "bandit"), "--format", "json", "--quiet", "--exit-zero", "--ignore-nosec"),
        *("--skip", ",".join(SETTINGS), *names),
    )
    seconds = time.perf_counter() - began
    findings = [len(json.loads(ruff)), len(json.loads(bandit)["results"])]
    return {"seconds": seconds, "findings": findings}


async def look_twice(folder: str) -> dict[str, Any]:
    """Look at the change with both analyzers at once, twice, with one cache."""
    from codeflow_engine.contracts.analyzer import Analysis
    from codeflow_engine.domain.change import ChangeRequest
    from codeflow_engine.providers.analyzer.bandit import BanditAnalyzer
    from codeflow_engine.providers.analyzer.ruff import RuffAnalyzer
    from codeflow_engine.providers.vcs.git import Git
    from codeflow_engine.review.files import SharedFiles
    from codeflow_engine.sandbox import Sandbox
    from codeflow_engine.storage.memory import MemoryCache

    async with Sandbox() as sandbox:
        vcs = Git()
        change = await vcs.fetch_change(ChangeRequest(target=folder, head="HEAD"), sandbox)

        async def read(paths: Any, side: Any) -> Any:
            return await vcs.read_files(
                change, paths, side=side, limit=10 * 1024 * 1024, sandbox=sandbox
            )

        cache = MemoryCache()
        times, looks = [], []
        for _ in range(2):
            # As every review does: what one analyzer has read, the other one need not.
            files = SharedFiles(read)
            analysis = Analysis(
                change=change, units=change.diff.units, read_files=files.read, cache=cache
            )
            began = time.perf_counter()
            looks.append(
                await asyncio.gather(
                    RuffAnalyzer().analyze(analysis, sandbox),
                    BanditAnalyzer().analyze(analysis, sandbox),
                )
            )
            times.append(time.perf_counter() - began)
        rung = await sandbox.isolation()
    return {
        "first": times[0],
        "second": times[1],
        "equal": looks[0] == looks[1],
        "findings": [len(one.findings) for one in looks[0]],
        "failed": sum(len(one.failed) for one in looks[0]),
        "isolation": rung.value,
    }


def run(folder: Path, *command: str) -> str:
    """Run a command in the repository, and return what it prints."""
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    env = environment(os.devnull) | dict.fromkeys(names, "ada@example.org")
    return subprocess.run(
        command, cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
