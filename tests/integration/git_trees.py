"""Real repositories for the tests of the git backend, and short ways to ask it."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.providers.vcs.git import Git, GitSettings
from codeflow_engine.sandbox import Sandbox

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

_AT = "2026-01-01T00:00:00+00:00"
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ada@example.org" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": _AT for who in ("AUTHOR", "COMMITTER")},
}


def run_git(place: Path, *words: str, stdin: bytes | None = None, check: bool = True) -> bytes:
    """Run plain git, with nothing of the machine's configuration."""
    ran = subprocess.run(
        ["git", *words],
        cwd=place,
        env=_ENVIRONMENT,
        input=b"" if stdin is None else stdin,
        capture_output=True,
        check=False,
    )
    assert not check or ran.returncode == 0, ran.stderr.decode("utf-8", "replace")
    return ran.stdout


@dataclass(frozen=True)
class Tree:
    """A repository and its working tree."""

    path: Path

    @classmethod
    def make(cls, path: Path, *options: str) -> Tree:
        """Make an empty repository on branch `main`."""
        path.mkdir(parents=True)
        run_git(path, "init", "--quiet", "--initial-branch=main", *options)
        return cls(path)

    def copy(self, path: Path) -> Tree:
        """Copy everything: a repository made once serves many tests."""
        shutil.copytree(self.path, path, symlinks=True)
        return Tree(path)

    def git(self, *words: str, stdin: bytes | None = None, check: bool = True) -> str:
        """Run plain git in it; give the output without the last newline."""
        told = run_git(self.path, *words, stdin=stdin, check=check)
        return told.decode("utf-8", "surrogateescape").rstrip("\n")

    def write(self, files: dict[str, str | bytes]) -> None:
        """Write files; what stood in their place is removed."""
        for name, content in files.items():
            path = self.path / name
            for parent in reversed(path.relative_to(self.path).parents):
                if (self.path / parent).is_file() or (self.path / parent).is_symlink():
                    self.remove(str(parent))
            self.remove(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def remove(self, *names: str) -> None:
        """Remove files, links or whole directories, where they are."""
        for name in names:
            path = self.path / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                with suppress(OSError):  # absent, or behind something that is no directory
                    path.unlink()

    def link(self, name: str, target: str | Path) -> None:
        """Make a symbolic link."""
        self.remove(name)
        (self.path / name).symlink_to(target)

    def commit(self, files: dict[str, str | bytes] | None = None, message: str = "Change") -> str:
        """Write files and commit everything; give the full id."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def refresh(self) -> Tree:
        """Make the index surely younger than every file, as it is after a while; give itself."""
        self.git("update-index", "-q", "--really-refresh")
        later = (self.path / ".git" / "index").stat().st_mtime_ns + 2_000_000_000
        os.utime(self.path / ".git" / "index", ns=(later, later))
        return self

    def expected(self, *, staged: bool = False) -> bytes:
        """Give what git itself says of everything not committed, from a copy."""
        copy = self.path.with_name(self.path.name + "-copy")
        shutil.copytree(self.path, copy, symlinks=True)
        try:
            if not staged:
                run_git(copy, "add", "--all")
            # Which files are shown is not for the attributes of a change to say.
            attributes = copy / ".git" / "info" / "attributes"
            attributes.parent.mkdir(exist_ok=True)
            with attributes.open("a") as file:
                file.write("\n* !diff\n")
            head = run_git(copy, "rev-parse", "--verify", "--quiet", "HEAD", check=False)
            empty = run_git(copy, "hash-object", "-t", "tree", "--stdin")
            return porcelain(copy, "--cached", (head or empty).decode().strip())
        finally:
            shutil.rmtree(copy)


def porcelain(place: Path, *words: str) -> bytes:
    """Give git's own diff, in the form that the backend has."""
    return run_git(
        place,
        *("-c", "core.quotePath=false", "diff", "--full-index", "--find-renames"),
        *("--no-color", "--no-ext-diff", "--no-textconv", *words),
    )


async def fetch(
    target: Path | str, base: str | None = None, head: str | None = None, **options: Any
) -> Change:
    """Fetch a change through a sandbox of its own."""
    async with Sandbox() as sandbox:
        request = ChangeRequest(target=str(target), base=base, head=head)
        return await Git(GitSettings(**options)).fetch_change(request, sandbox)


async def read(
    change: Change,
    *paths: str,
    side: Side = Side.NEW,
    limit: int = 1_000_000,
    **options: Any,
) -> dict[str, FileContent]:
    """Read files of a change through a sandbox of its own."""
    async with Sandbox() as sandbox:
        found = await Git(GitSettings(**options)).read_files(
            change, paths, side=side, limit=limit, sandbox=sandbox
        )
    assert [one.path for one in found] == list(paths)
    return {one.path: one for one in found}


def paths(change: Change) -> dict[str, str]:
    """Give the status of every entry by its path."""
    return {file.path: file.status.value for file in change.diff.files}
