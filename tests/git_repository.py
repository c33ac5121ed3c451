"""A git repository that tests write to."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["GitRepository"]


@dataclass
class GitRepository:
    """A real repository with a fixed author, whose commits are a minute apart."""

    path: Path
    commits: list[str] = field(default_factory=list)
    """Full ids of the commits, oldest first."""

    def git(self, *arguments: str) -> str:
        """Run git in the repository, and return its output without the final newline."""
        at = f"2026-01-01T00:{len(self.commits):02}:00+00:00"
        named = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"), ("DATE", at))
        }
        return subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**os.environ, **named},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.rstrip("\n")

    def write(self, files: dict[str, str]) -> None:
        """Write files of the working tree."""
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def commit(self, files: dict[str, str], message: str = "Change") -> str:
        """Write files and commit everything; return the full id of the commit."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.commits.append(self.git("rev-parse", "HEAD"))
        return self.commits[-1]
