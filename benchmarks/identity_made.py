"""A history made from the standard library, for machines without one at hand."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sysconfig
from pathlib import Path

__all__ = ["make_history"]

_FILES = 12
_COMMITS = 60
_LARGEST = 700
"""Lines of a file that is taken."""


def make_history(folder: Path, seed: int) -> Path:
    """Make a repository of edited sources; the same for one seed and one Python."""
    rng = random.Random(seed)  # noqa: S311  # places of edits, no secret
    tree = folder / "made"
    tree.mkdir()
    sources = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    texts = [path.read_text("utf-8", "replace").split("\n") for path in sources]
    texts = [lines for lines in texts if 150 < len(lines) < _LARGEST]
    files = {f"pkg/module_{at}.py": lines for at, lines in enumerate(texts[:_FILES])}
    spare = [line for lines in texts[_FILES:] for line in lines]
    _git(tree, "init", "--quiet", "--initial-branch=main")
    for number in range(_COMMITS):
        if number:
            for path in rng.sample(sorted(files), 3):
                _edit(files, path, rng, spare)
        for path in tree.rglob("*.py"):
            path.unlink()
        for path, lines in files.items():
            place = tree / path
            place.parent.mkdir(exist_ok=True)
            place.write_text("\n".join(lines), "utf-8")
        _git(tree, "add", "--all")
        _git(tree, "commit", "--quiet", "--allow-empty", f"--message=version {number}")
    return tree


def _edit(files: dict[str, list[str]], path: str, rng: random.Random, spare: list[str]) -> None:
    """Edit a file at a few places, as people do."""
    lines = files[path]
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(1, len(lines) - 20)
        size = rng.randint(1, 8)
        kind = rng.choice(["insert", "delete", "rename word", "move", "indent", "rewrite"])
        if kind == "insert":
            place = rng.randrange(len(spare) - size)
            lines[at:at] = spare[place : place + size]
        elif kind == "delete":
            del lines[at : at + size]
        elif kind == "rename word":
            words = re.findall(r"\b[a-z_]{4,}\b", lines[at])
            if words:
                lines[at] = lines[at].replace(rng.choice(words), "renamed")
        elif kind == "move":
            block = lines[at : at + size]
            del lines[at : at + size]
            place = rng.randrange(1, len(lines))
            lines[place:place] = block
        elif kind == "indent":
            lines[at : at + size] = [
                f"    {line}" if line else line for line in lines[at : at + size]
            ]
        else:
            lines[at] = spare[rng.randrange(len(spare))]
    if rng.random() < 0.05:
        files[path.replace("module", "part")] = files.pop(path)


def _git(tree: Path, *arguments: str) -> None:
    """Run git without any configuration of the user or the machine."""
    person = {"NAME": "nobody", "EMAIL": "nobody@example.org", "DATE": "2026-01-01T00:00:00Z"}
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in person.items()
        },
    }
    subprocess.run(["git", *arguments], cwd=tree, env=environment, check=True)
