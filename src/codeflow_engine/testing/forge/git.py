"""The git repository behind a repository of the forge: real objects, in a bare directory.

Git is started by the sandbox, without the environment and the configuration of the user.
What is asked of an object by its id is remembered, because it never changes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from codeflow_engine.errors import SandboxError
from codeflow_engine.sandbox import Completed, Limits, Sandbox
from codeflow_engine.testing.forge.diffs import FileDiff, read_diff
from codeflow_engine.testing.forge.objects import Commit, Entry, read_commit, read_tree
from codeflow_engine.testing.forge.trees import Signature, Tree, import_stream

__all__ = ["GitStore"]

_LIMITS: Final = Limits(
    timeout=300.0,
    cpu_seconds=None,
    memory_bytes=None,
    file_bytes=None,
    processes=None,
    output_bytes=None,
    error_bytes=None,
)
_SCRATCH: Final = "refs/forge/import"
_WHOLE: Final = 40
"""Digits of an id that is not shortened."""
_CONFIG: Final = """\
[core]
	repositoryFormatVersion = 0
	bare = true
	logAllRefUpdates = false
	attributesFile = /dev/null
	hooksPath = /dev/null
[gc]
	auto = 0
[transfer]
	hideRefs = refs/forge
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
[diff]
	renameLimit = 1000
"""


@dataclass(eq=False)
class GitStore:
    """A bare repository on disk.

    Args:
        directory: Where it lies; it is made by `lay_out`.
        sandbox: Starts git.
        objects: The directory of objects that it shares; None for one of its own. A fork has
            those of what it was forked from, as at GitHub.
    """

    directory: Path
    sandbox: Sandbox
    objects: Path | None = None
    _kept: dict[tuple[str, ...], bytes] = field(default_factory=dict, repr=False)
    _diffs: dict[tuple[str, str], tuple[FileDiff, ...]] = field(default_factory=dict, repr=False)
    _paths: dict[str, dict[bytes, Entry]] = field(default_factory=dict, repr=False)
    _importing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def lay_out(self, default_branch: str) -> None:
        """Make the directory."""
        for name in ("refs/heads", "refs/tags", "info"):
            (self.directory / name).mkdir(parents=True)
        if self.objects is None:
            (self.directory / "objects").mkdir()
        else:
            (self.directory / "objects").symlink_to(self.objects, target_is_directory=True)
        self._write("HEAD", f"ref: refs/heads/{default_branch}\n")
        self._write("config", _CONFIG)

    def _write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text, encoding="utf-8")

    async def run(
        self, *words: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None
    ) -> Completed:
        """Run a command of git to its end, whatever its status is."""
        fixed = {
            "GIT_DIR": str(self.directory),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
        return await self.sandbox.run(
            ["git", *words],
            stdin=stdin,
            limits=_LIMITS,
            env={**fixed, **(env or {})},
            isolate=False,
        )

    async def ask(self, *words: str, stdin: bytes | None = None) -> bytes:
        """Run a command of git that has to go well; give what it wrote.

        Raises:
            SandboxError: It failed; the message has what git said.
        """
        done = await self.run(*words, stdin=stdin)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise SandboxError(f"git {words[0]} ended with status {done.returncode}: {said}")
        return done.stdout

    async def recall(self, *words: str) -> bytes:
        """Ask git for what depends on ids alone; the answer is remembered."""
        if words not in self._kept:
            self._kept[words] = await self.ask(*words)
        return self._kept[words]

    async def _seek(self, *words: str) -> str | None:
        """Ask git for an id or a word, of whole ids alone, and remember it if there is one.

        Objects never change, and none is ever taken away; what is not there may come.
        """
        if words not in self._kept:
            found = await self._found(*words)
            if found is None:
                return None
            self._kept[words] = found.encode("ascii")
        return self._kept[words].decode("ascii")

    async def _found(self, *words: str) -> str | None:
        """Ask git for an id or a word; None where it has none."""
        return (await self.run(*words)).stdout.decode().strip() or None

    # Refs

    def refs(self, under: str = "refs/heads/") -> dict[str, str]:
        """Give the refs under a prefix that ends in a slash, sorted, each with its id."""
        top = self.directory / under
        found = {}
        for place, _, names in os.walk(top):
            for name in names:
                path = Path(place, name)
                found[str(path.relative_to(self.directory))] = path.read_text("ascii").strip()
        return dict(sorted(found.items()))

    def read_ref(self, name: str) -> str | None:
        """Give the id that a full name stands for, such as `refs/heads/main`."""
        path = self.directory / name
        return path.read_text("ascii").strip() if path.is_file() else None

    def write_ref(self, name: str, target: str) -> None:
        """Make a ref, or move it.

        Raises:
            OSError: Another ref is in the way, such as `refs/heads/a` of `refs/heads/a/b`.
        """
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.lock")
        fresh.write_text(f"{target}\n", encoding="ascii")
        fresh.replace(path)

    def delete_ref(self, name: str) -> None:
        """Take a ref away."""
        (self.directory / name).unlink(missing_ok=True)

    async def resolve(self, name: str) -> str | None:
        """Give the commit that a branch, a tag or an id, also a short one, stands for."""
        for full in (f"refs/heads/{name}", f"refs/tags/{name}", name):
            if full.startswith("refs/") and (found := self.read_ref(full)):
                return await self._commit_of(found)
        return await self._commit_of(name) if _is_hex(name) else None

    async def _commit_of(self, name: str) -> str | None:
        words = ("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        # What a short id stands for may change: another object with the same beginning may come.
        return await (self._seek(*words) if _is_full(name) else self._found(*words))

    # Objects

    async def kind(self, name: str) -> str | None:
        """Give the kind of an object: `commit`, `tree`, `blob` or `tag`; None where it is not."""
        words = ("cat-file", "-t", name)
        return await (self._seek(*words) if _is_full(name) else self._found(*words))

    async def commit(self, name: str) -> Commit:
        """Read a commit by its full id."""
        return read_commit(name, await self.recall("cat-file", "commit", name))

    async def tree(self, name: str, *, recursive: bool = False) -> tuple[Entry, ...]:
        """Read a tree, by its id or by that of a commit; with `recursive` all below it."""
        deep = ("-r", "-t") if recursive else ()
        return read_tree(await self.recall("ls-tree", "-z", "--long", *deep, name))

    async def paths(self, name: str) -> dict[bytes, Entry]:
        """Give all entries below a tree by their paths."""
        if name not in self._paths:
            self._paths[name] = {
                entry.path: entry for entry in await self.tree(name, recursive=True)
            }
        return self._paths[name]

    async def blob(self, name: str) -> bytes:
        """Read the content of a file by its id."""
        return await self.recall("cat-file", "blob", name)

    # History

    async def merge_base(self, one: str, other: str) -> str | None:
        """Give the best common ancestor of two commits."""
        return await self._seek("merge-base", one, other)

    async def between(self, base: str, head: str) -> tuple[str, ...]:
        """Give the commits of `head` that `base` lacks, oldest first."""
        words = ("rev-list", "--topo-order", "--reverse", head, f"^{base}")
        return tuple((await self.recall(*words)).decode().split())

    async def history(self, head: str, path: bytes = b"") -> tuple[str, ...]:
        """Give the commits of a head, newest first; those that touch a path, if there is one."""
        limit = ("--", os.fsdecode(path)) if path else ()
        return tuple((await self.recall("rev-list", head, *limit)).decode().split())

    async def diff(self, old: str, new: str) -> tuple[FileDiff, ...]:
        """Give what differs between two commits or trees, file by file."""
        if (old, new) not in self._diffs:
            words = ("diff-tree", "-r", "--find-renames", "--no-ext-diff", "--no-textconv")
            listed = await self.ask(*words, "--raw", "--numstat", "--no-abbrev", "-z", old, new)
            patch = await self.ask(*words, "-p", "--submodule=short", old, new)
            self._diffs[old, new] = read_diff(listed, patch)
        return self._diffs[old, new]

    async def patch(self, old: str, new: str) -> bytes:
        """Give the commits between two as e-mails, as `git format-patch` writes them."""
        words = ("format-patch", "--stdout", "--no-signature", "--no-ext-diff")
        return await self.recall(*words, f"{old}..{new}")

    async def merge(self, base: str, head: str, signature: Signature) -> str | None:
        """Merge two commits, without a ref; None where they conflict."""
        done = await self.run(
            "merge-tree", "--write-tree", "--allow-unrelated-histories", base, head
        )
        if done.returncode:
            return None
        tree = done.stdout.decode().split()[0]
        told = await self.run(
            *("commit-tree", tree, "-p", base, "-p", head, "-m", f"Merge {head} into {base}"),
            env=signature.environment,
        )
        return told.stdout.decode().strip()

    # Writing

    async def add_commit(
        self, tree: Tree, parents: Sequence[str], *, message: str, signature: Signature
    ) -> str:
        """Write a whole tree as a commit, of a thousand files as fast as of one; give its id."""
        stream = import_stream(_SCRATCH, tree, parents, message=message, signature=signature)
        async with self._importing:
            told = await self.ask("fast-import", "--quiet", "--force", stdin=stream)
            self.delete_ref(_SCRATCH)
        return told.decode().strip()


def _is_hex(name: str) -> bool:
    return len(name) in range(4, 41) and set(name) <= set("0123456789abcdefABCDEF")


def _is_full(name: str) -> bool:
    return len(name) == _WHOLE and _is_hex(name)
