"""Review a change of one file from the command line, the whole process.

    python benchmarks/bench_review.py [--check] [--rounds N] [--beside COMMAND]

No model is asked: these are the analyzers that ship with the engine. `first` starts from an
empty history, `known` from one that has reviewed the same commit, and `plain` keeps no history
and asks `secrets` and `hygiene` alone, which is all that an installation without extras does.
The peers in the same run are an interpreter that does nothing, and `git diff` of the same
commits. The processes take turns, and the table shows medians; the processor time includes
that of the children. Target: at most 1.0 s for `known` and `plain`; `first` is shown beside
them, since most of it is bandit's own start. With `--check` a missed target ends with 1.

`--beside` takes the path of the `codeflow` of another version, in an environment of its own,
which then takes turns with this one: its rows begin with `other`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import environment, finish, medians, take_turns

SECONDS = 1.0
REVIEW = ("review", ".", "--base", "HEAD~1", "--head", "HEAD")
PLAIN = ("--analyzer", "secrets", "--analyzer", "hygiene")
BEFORE = "".join(
    f"def step_{number}(value):\n    return value + {number}\n" for number in range(99)
)
AFTER = BEFORE.replace("value + 40", "value + 41").replace("value + 70", "value * 70")


def main() -> int:
    """Run the benchmark; give the exit code."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--check", action="store_true", help="exit 1 beyond a target")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--beside", metavar="COMMAND", help="the `codeflow` of another version")
    chosen = options.parse_args()
    codeflow = str(Path(sys.executable).with_name("codeflow"))
    with tempfile.TemporaryDirectory() as folder:
        make_repository(folder)
        told = json.loads(run(folder, codeflow, *REVIEW, "--format", "json"))
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "git diff": ["git", "diff", "HEAD~1", "HEAD"],
            **reviews("review", codeflow),
            **(reviews("other", str(Path(chosen.beside).absolute())) if chosen.beside else {}),
        }
        samples = take_turns(commands, rounds=chosen.rounds, cwd=folder)
    rows = {name: medians(taken) for name, taken in samples.items()}
    coverage = told["coverage"]
    print(
        f"one file, {coverage['hunks']} hunks, {coverage['reviewed']} reviewed, "
        f"outcome {told['outcome']}, isolation {told['isolation']}"
    )
    print(f"{'process':<24}{'wall s':>9}{'cpu s':>9}{'x git':>8}")
    for name, row in rows.items():
        ratio = row.wall / rows["git diff"].wall
        print(f"{name:<24}{row.wall:>9.3f}{row.cpu:>9.3f}{ratio:>8.1f}")
    problems = [
        f"{name} took {rows[name].wall:.3f} s, and at most {SECONDS} s is the target"
        for name in ("review, known", "review, plain")
        if rows[name].wall > SECONDS
    ]
    if told["outcome"] != "reviewed":
        problems.append(f"the review is {told['outcome']}: {told['reason']}")
    result = {"rounds": chosen.rounds, "isolation": told["isolation"], "processes": rows}
    return finish("review", result, problems, check=chosen.check)


def reviews(name: str, codeflow: str) -> dict[str, list[str]]:
    """Give the commands of one version, each with histories of its own."""
    first = [codeflow, *REVIEW, "--db", f"sqlite:///{name}-first.db"]
    return {
        f"{name}, first": ["sh", "-c", f"rm -f {name}-first.db* && exec {' '.join(first)}"],
        f"{name}, known": [codeflow, *REVIEW, "--db", f"sqlite:///{name}-known.db"],
        f"{name}, plain": [codeflow, *REVIEW, "--db", "memory", *PLAIN],
    }


def make_repository(folder: str) -> None:
    """Make a repository of two commits that differ in one file."""
    run(folder, "git", "init", "--quiet")
    for content in (BEFORE, AFTER):
        Path(folder, "steps.py").write_text(content, "utf-8")
        run(folder, "git", "add", "steps.py")
        run(folder, "git", "commit", "--quiet", "--message", "Change")


def run(folder: str, *command: str) -> str:
    """Run a command in the repository, and return what it prints."""
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    env = environment(os.devnull) | dict.fromkeys(names, "ada@example.org")
    return subprocess.run(
        command, cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
