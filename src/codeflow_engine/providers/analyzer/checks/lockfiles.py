"""Manifests of dependencies that change without their lock files, and the reverse.

That a manifest changes says little: only a changed dependency makes its lock file stale.
So lines that state a dependency are taken from both sides, and only what differs counts.
Whether there is a lock file at all is not in the diff: see `lock_paths`. A change of lock
files and nothing else is an update that somebody asked for; beside other work it is not.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from codeflow_engine.domain.diff import Diff, DiffFile, FileStatus
from codeflow_engine.providers.analyzer.checks.kinds import is_foreign, is_test
from codeflow_engine.providers.analyzer.checks.telling import tell

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["LOCK_ALONE", "MANIFEST_ALONE", "Lockfiles", "is_locked", "lock_paths"]

LOCK_ALONE: Final = "lock-without-manifest"
MANIFEST_ALONE: Final = "manifest-without-lock"

_LOCKS: Final = {
    "package.json": (
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "bun.lock",
        "bun.lockb",
    ),
    "pyproject.toml": ("poetry.lock", "uv.lock", "pdm.lock"),
    "Pipfile": ("Pipfile.lock",),
    "Cargo.toml": ("Cargo.lock",),
    "go.mod": ("go.sum",),
    "Gemfile": ("Gemfile.lock",),
    "composer.json": ("composer.lock",),
}
_MANIFESTS: Final = {lock: manifest for manifest, locks in _LOCKS.items() for lock in locks}
_NAMES: Final = tuple(name.encode() for name in (*_LOCKS, *_MANIFESTS))

# How a lock file above a manifest names the directory of the manifest; the tools that are
# missing here have a lock file for each manifest.
_SHARED: Final = {
    "package.json": r"(?<![\w./-]){path}(?![\w./-])",
    "pyproject.toml": r'= "{path}"',
    "Cargo.toml": r'(?m:^name = "{name}"\r?$)',
}


def _manifest_of(name: str) -> str | None:
    """Give the manifest that a file of this name stands for, where lock files follow it."""
    if name.endswith(".gemspec") or name == "version.rb":
        return "Gemfile"
    return name if name in _LOCKS else None


def lock_paths(manifest: str) -> list[str]:
    """List where the lock file of a manifest may lie: beside it, or above it."""
    directory, name = posixpath.split(manifest)
    places = [directory]
    while directory and name in _SHARED:
        directory = posixpath.dirname(directory)
        places.append(directory)
    return [posixpath.join(place, lock) for place in places for lock in _LOCKS[name]]


def is_locked(manifest: str, lock: str, content: bytes | None) -> bool:
    """Tell whether a lock file that exists is the one of a manifest.

    One beside it is. One above it is where it names the manifest's directory, so that a
    template or an example in a locked project is told apart from a part of it.
    """
    directory, name = posixpath.split(manifest)
    above = posixpath.dirname(lock)
    if above == directory:
        return True
    if name not in _SHARED or content is None:
        return False
    pattern = _SHARED[name].format(
        path=re.escape(posixpath.relpath(directory, above or ".")),
        name=re.escape(posixpath.basename(directory)),
    )
    return re.search(pattern.encode("utf-8", "surrogateescape"), content) is not None


class Lockfiles:
    """The manifests and lock files that a change touches."""

    def __init__(self, diff: Diff) -> None:
        self._paths: set[str] = set()
        self._governed: set[tuple[str, str]] = set()
        self._is_mixed = False
        if not any(name in diff.data for name in _NAMES):
            return
        for file in diff.files:
            directory, name = posixpath.split(file.path)
            if name in _LOCKS or name in _MANIFESTS:
                self._paths.add(file.path)
            self._is_mixed = self._is_mixed or name not in _MANIFESTS
            manifest = _manifest_of(name)
            if manifest is not None:
                self._govern(directory, manifest)

    def _govern(self, directory: str, manifest: str) -> None:
        """Note a manifest for each directory above it, whose lock file may be its own."""
        while (directory, manifest) not in self._governed:
            self._governed.add((directory, manifest))
            directory = posixpath.dirname(directory)

    def find(self, file: DiffFile) -> Iterator[RawFinding]:
        """Look at a manifest or lock file that was there before and still is."""
        if not self._paths or file.status is not FileStatus.MODIFIED:
            return
        directory, name = posixpath.split(file.path)
        if is_test(file.path) or is_foreign(file.path):
            return
        if self._is_mixed and name in _MANIFESTS:
            manifest = _MANIFESTS[name]
            if (directory, manifest) not in self._governed:
                yield _lock_alone(file.path, manifest)
        if name in _LOCKS and self._paths.isdisjoint(lock_paths(file.path)):
            # Late, because few changes touch a manifest.
            from codeflow_engine.providers.analyzer.checks.manifests import restates

            if restates(file, name):
                yield _manifest_alone(file.path)


def _lock_alone(path: str, manifest: str) -> RawFinding:
    return tell(
        rule=LOCK_ALONE,
        severity="info",
        category="security",
        title="Locked dependencies change, and no manifest does",
        message=(
            f"What is installed changes without a change of {manifest}. Make sure that this is "
            "an update somebody asked for: look at the packages and where they come from."
        ),
        path=path,
        confidence=0.5,
    )


def _manifest_alone(path: str) -> RawFinding:
    return tell(
        rule=MANIFEST_ALONE,
        severity="medium",
        category="reliability",
        title="Dependencies change, and their lock file does not",
        message=(
            "The lock file beside this manifest or above it is not part of the change, so that "
            "an install from it fails or gets other versions. Lock again, and add the result."
        ),
        path=path,
        confidence=0.7,
    )
