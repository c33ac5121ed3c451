"""Git's plumbing in a directory of our own, which borrows a repository's objects.

Git never sees the repository's configuration, hooks, attributes, refs, index or working
tree in their places: it sees a fresh bare directory, which holds copies of the few that it
needs, and reads objects through `GIT_ALTERNATE_OBJECT_DIRECTORIES`.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codeflow_engine.errors import (
    ChangeUnavailableError,
    ProviderError,
    ProviderTimeoutError,
    SandboxError,
    SandboxLimitError,
    SandboxTimeoutError,
)
from codeflow_engine.providers.vcs.git.discovery import Repository
from codeflow_engine.providers.vcs.git.disk import Stop, in_thread, shown
from codeflow_engine.providers.vcs.git.refs import (
    Head,
    read_head,
    read_pseudo_refs,
    read_refs,
    read_shallow,
)
from codeflow_engine.sandbox import Limits, Sandbox

__all__ = ["Caps", "Plumbing", "quote"]

_MIB: Final = 1024 * 1024
_ANSWER: Final = 16 * _MIB
_UNSAFE: Final = re.compile(rb'[\x00-\x1f\x7f"\\]')
_MISSING: Final = re.compile(
    r"unable to (?:read|find|get)|[Mm]issing|not found|bad object|[Cc]ould not (?:read|parse)"
    r"|corrupt|invalid object|inflate"
)

# A canonical form, whatever git's defaults become. `-l` bounds the quadratic search for
# renames; beyond it git shows a deletion and an addition, which is complete, too.
_DIFF: Final = (
    *("diff-tree", "-r", "-p", "--full-index", "--find-renames", "-l400", "--unified=3"),
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--diff-algorithm=myers"),
    *("--submodule=short", "--ignore-submodules=none", "--end-of-options"),
)

_CONFIG: Final = """\
[core]
	repositoryFormatVersion = 1
	bare = true
	bigFileThreshold = {big}
	compression = 0
	quotePath = false
	logAllRefUpdates = false
	# One that is stale or damaged would change what the history is.
	commitGraph = false
	# It could name packs anywhere on the disk.
	multiPackIndex = false
	packedGitWindowSize = 64m
	packedGitLimit = 512m
	fsmonitor = false
	untrackedCache = false
	# Nothing is ever checked out, so that names of other systems are harmless.
	protectHFS = false
	protectNTFS = false
	attributesFile = /dev/null
	excludesFile = /dev/null
	hooksPath = /dev/null
[extensions]
	objectFormat = {hash}
[fastimport]
	unpackLimit = 0
[gc]
	auto = 0
[protocol]
	allow = never
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What one call may take."""

    diff_bytes: int
    file_bytes: int
    untracked: int
    seconds: float


def quote(path: bytes) -> bytes:
    """Write a path as git does with `core.quotePath=false`: quoted only where it must be."""
    if _UNSAFE.search(path) is None:
        return path
    return b'"' + _UNSAFE.sub(lambda found: b"\\%03o" % found[0][0], path) + b'"'


class Plumbing:
    """Runs git on the objects of one repository; made by `Plumbing.at`."""

    def __init__(
        self, repository: Repository, directory: Path, *, sandbox: Sandbox, git: str, caps: Caps
    ) -> None:
        self.repository = repository
        self.directory = directory
        """Our own: git's directory, and room for files that are made on the way."""

        self.caps = caps
        self.head: Head = Head(ref=None, id=None)
        self.shallow: tuple[str, ...] = ()
        self._git = git
        self._sandbox = sandbox
        objects = os.fsencode(repository.objects)
        if b":" in objects or objects.startswith(b'"'):
            objects = b'"' + quote(objects).strip(b'"') + b'"'
        self._env = {
            "GIT_DIR": str(directory),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.fsdecode(objects),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
        }

    @classmethod
    @asynccontextmanager
    async def at(
        cls, repository: Repository, *, sandbox: Sandbox, git: str, caps: Caps
    ) -> AsyncIterator[Plumbing]:
        """Make the directory, and remove it afterwards."""
        async with sandbox.workspace() as directory:
            plumbing = cls(repository, directory, sandbox=sandbox, git=git, caps=caps)
            await in_thread(plumbing._lay_out)
            yield plumbing

    def _lay_out(self, _stop: Stop) -> None:
        self.head = read_head(self.repository)
        self.shallow = read_shallow(self.repository)
        for name in ("objects", "refs", "info"):
            (self.directory / name).mkdir()
        # No attribute of the change decides what of it is shown.
        self._write("info/attributes", "* !diff\n")
        self._write("HEAD", f"{self.head.id or 'ref: refs/heads/unborn'}\n")
        self._write("shallow", "".join(f"{commit}\n" for commit in self.shallow))
        self._write(
            "config",
            _CONFIG.format(big=self.caps.file_bytes, hash=self.repository.object_format),
        )

    def _write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text, encoding="ascii")

    async def add_refs(self) -> None:
        """Copy the repository's refs, so that git can resolve names."""

        def copy(stop: Stop) -> None:
            refs = read_refs(self.repository, stop)
            lines = [b"%s %s\n" % (refs[name], name) for name in sorted(refs)]
            (self.directory / "packed-refs").write_bytes(b"".join(lines))
            for name, commit in read_pseudo_refs(self.repository).items():
                (self.directory / name).write_bytes(commit + b"\n")

        await in_thread(copy)

    @property
    def empty_tree(self) -> str:
        """Id of the tree that holds nothing; git knows it without an object."""
        if self.repository.object_format == "sha256":
            return "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
        return "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

    async def run(
        self,
        *words: str,
        stdin: bytes | Path | None = None,
        output: int = _ANSWER,
        also: Sequence[int] = (),
        tree: Path | None = None,
        literal: bool = False,
    ) -> bytes:
        """Run one command to its end; give what it wrote.

        Args:
            *words: The command and its words; of a change nothing but full ids, and paths
                after `--`.
            stdin: What it reads.
            output: Most bytes that it may write.
            also: Exit statuses besides 0 that are no failure.
            tree: A directory of our own that it takes for the working tree.
            literal: Whether paths among the words are names and never patterns.

        Raises:
            ChangeUnavailableError: Git could not do it, or wrote too much.
            ProviderError: Git could not be started, or ran past its time.
        """
        env = dict(self._env)
        place: tuple[str, ...] = ()
        if tree is not None:
            env["GIT_WORK_TREE"] = str(tree)
            place = ("-C", str(tree))
        if literal:
            env["GIT_LITERAL_PATHSPECS"] = "1"
        limits = Limits(
            timeout=self.caps.seconds,
            cpu_seconds=max(1, int(self.caps.seconds)),
            output_bytes=output,
            file_bytes=4096 * _MIB,
        )
        try:
            done = await self._sandbox.run(
                [self._git, *place, *words], stdin=stdin, limits=limits, env=env, isolate=False
            )
        except SandboxTimeoutError as error:
            raise ProviderTimeoutError(f"git {words[0]}: {error.message}") from error
        except SandboxLimitError as error:
            raise ChangeUnavailableError(f"git {words[0]}: {error.message}") from error
        except SandboxError as error:
            raise ProviderError(f"git {words[0]}: {error.message}") from error
        if done.returncode and done.returncode not in also:
            raise self._failure(words[0], done.returncode, done.stderr)
        return done.stdout

    def _failure(self, command: str, status: int, stderr: bytes) -> ChangeUnavailableError:
        told = shown(stderr.strip().replace(b"\n", b"; ")) or f"exit status {status}"
        message = f"git {command} failed in {shown(self.repository.target)}: {told}"
        if _MISSING.search(told):
            message += f" ({self.missing_hint()})"
        return ChangeUnavailableError(message)

    def missing_hint(self) -> str:
        """Say what to do about objects that are not there."""
        if self.repository.is_partial:
            return "the clone is partial and objects are never fetched here: fetch them before"
        if self.shallow:
            return "the clone is shallow: deepen it, as with `git fetch --unshallow`"
        return "`git fsck` tells what is missing or damaged"

    async def diff(self, old: str, new: str) -> bytes:
        """Write the diff between two commits or trees, whole."""
        return await self.run(*_DIFF, old, new, output=self.caps.diff_bytes)
