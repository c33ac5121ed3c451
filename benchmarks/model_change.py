"""Makes the changes of `bench_model_review.py`: the same ones each time."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from typing import Final

from measure import environment

__all__ = ["FILES", "diff_of", "make_repository"]

FILES: Final = 53
_FUNCTIONS: Final = 15
"""Of a file; a commit changes three of them, which makes 105 KB of diff in 53 files."""

_NOUNS: Final = ("order", "price", "stock", "basket", "rebate", "invoice", "customer", "carrier")
_VERBS: Final = ("load", "check", "sum", "round", "send", "store", "merge", "split")
_KINDS: Final = ("py", "py", "py", "ts", "go", "md")


def make_repository(folder: Path, *, times: int, commits: int) -> None:
    """Make a repository whose every commit after the first changes all files, in new words.

    Args:
        folder: Where; it is made.
        times: By how much it is larger than 53 files.
        commits: How many changes.
    """
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for number in range(commits + 1):
        for at in range(FILES * times):
            path = folder / f"part_{at % 7}" / f"{_NOUNS[at % 8]}_{at}.{_KINDS[at % 6]}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(_text(at, number), "utf-8")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", f"Change {number}")
        git(folder, "tag", f"change-{number}")


def diff_of(folder: Path, number: int) -> str:
    """Give the text of a change."""
    return git(folder, "diff", f"change-{number - 1}", f"change-{number}")


def _text(at: int, number: int) -> str:
    """Write the file as it stands in a commit: some of its functions have come with that one."""
    return "\n".join(
        _function(at, place, number if place % 5 == 2 else 0) for place in range(_FUNCTIONS)
    )


def _function(at: int, place: int, number: int) -> str:
    chance = random.Random(f"{at} {place} {number}")  # noqa: S311 - words of a benchmark
    lines = [f"def {chance.choice(_VERBS)}_{place}({chance.choice(_NOUNS)}, rate={number}):"]
    fixed = random.Random(f"{at} {place}")  # noqa: S311 - as above
    for step in range(8):
        words = chance if 2 <= step < 5 else fixed
        value = f"{words.choice(_NOUNS)}.{words.choice(_VERBS)}({words.randint(1, 999)})"
        lines.append(f"    {words.choice(_NOUNS)}_{step} = {value}  # {words.choice(_NOUNS)}")
    lines.append(f"    return {fixed.choice(_NOUNS)}_3\n")
    return "\n".join(lines) + "\n"


def git(folder: Path, *arguments: str) -> str:
    """Run git, and return what it prints."""
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    env = environment(os.devnull) | dict.fromkeys(names, "ada@example.org")
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
