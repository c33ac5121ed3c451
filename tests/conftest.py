"""What every test stands on: an environment that knows nothing of the machine, and git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings

from sql_databases import postgres, postgres_database  # noqa: F401 - fixtures, one server for all tests

# Machines are shared and slow at times; a deadline per example would measure them, not us.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

_FOREIGN = ("CODEFLOW_", "GIT_", "XDG_", "OTEL_", "PYENV_")


@pytest.fixture(autouse=True)
def hermetic_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give the test a home directory of its own, and no setting of the machine; return it."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


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


@pytest.fixture
def git_repository(tmp_path: Path) -> GitRepository:
    """Make an empty repository on branch `main`."""
    repository = GitRepository(tmp_path / "repository")
    repository.path.mkdir()
    repository.git("init", "--quiet", "--initial-branch", "main")
    return repository
