"""What an example change is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from codeflow_engine.contracts import Analysis, Cache
from codeflow_engine.contracts.analyzer import ReadFiles
from codeflow_engine.domain.change import Change, FileContent
from codeflow_engine.domain.diff import Diff, Side, Unit
from codeflow_engine.storage.memory import MemoryCache
from codeflow_engine.testing.examples.writing import Stored, write_diff

__all__ = ["LINK", "PROGRAM", "REGULAR", "SUBMODULE", "Example", "ExampleFile", "together"]

REGULAR: Final = "100644"
"""Git's mode of a file."""

PROGRAM: Final = "100755"
"""Git's mode of a file that may be executed."""

LINK: Final = "120000"
"""Git's mode of a symbolic link."""

SUBMODULE: Final = "160000"
"""Git's mode of a commit of another repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleFile:
    """One file of a tree."""

    content: bytes
    """The bytes; of a link its target, of a submodule the id of its commit, in hexadecimal."""

    mode: str = REGULAR

    @classmethod
    def of(cls, text: str, mode: str = REGULAR) -> Self:
        """Make a file of a text."""
        return cls(content=text.encode(), mode=mode)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """A change as two whole trees; the diff between them is worked out.

    Two examples are equal where they are the same object.
    """

    name: str
    """Names it in messages, and is its target and key in `change`."""

    base: Mapping[str, ExampleFile] = field(repr=False)
    """Files before, by path."""

    head: Mapping[str, ExampleFile] = field(repr=False)
    """Files after, by path."""

    renames: Mapping[str, str] = field(default_factory=dict, repr=False)
    """New paths of files that moved, each with its old one; git would find them too."""

    title: str = "An example"
    """What its author calls it."""

    description: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values in it that nothing may show."""

    _kept: dict[str, Diff] = field(default_factory=dict, init=False, repr=False)

    @property
    def diff(self) -> Diff:
        """The diff, as git writes it with `--full-index --find-renames`; made once."""
        if "diff" not in self._kept:
            trees = [
                {path: Stored(file.content, file.mode) for path, file in tree.items()}
                for tree in (self.base, self.head)
            ]
            self._kept["diff"] = Diff.parse(write_diff(trees[0], trees[1], self.renames))
        return self._kept["diff"]

    def spelt(self, old: str, new: str) -> Example:
        """Make the same change with another ending of its files, such as `.sh` for `.py`."""
        base, head = (
            {_spelt(path, old, new): file for path, file in tree.items()}
            for tree in (self.base, self.head)
        )
        renames = {_spelt(to, old, new): _spelt(of, old, new) for to, of in self.renames.items()}
        return replace(self, base=base, head=head, renames=renames)

    @property
    def revisions(self) -> tuple[str, str]:
        """Ids of the base and of the head: 40 digits, equal for equal trees."""
        return _digest(self.base), _digest(self.head)

    def change(self, provider: str | None = "example") -> Change:
        """Make the change, as a host of that name would give it."""
        base, head = self.revisions
        return Change(
            provider=provider,
            target=self.name,
            title=self.title,
            description=self.description,
            base=base,
            head=head,
            key=self.name,
            diff=self.diff,
        )

    def read(self, path: str, side: Side, *, limit: int | None = None) -> FileContent:
        """Read a path on one side, by the rules of `VCS.read_files`."""
        tree = self.base if side is Side.OLD else self.head
        file = tree.get(path)
        if file is None:
            if any(one.startswith(f"{path}/") for one in tree):
                return FileContent(path=path, mode="040000", reason="a directory")
            return FileContent(path=path, exists=False, reason="absent")
        if file.mode == SUBMODULE:
            return FileContent(path=path, mode=file.mode, reason="a submodule")
        if limit is not None and len(file.content) > limit:
            return FileContent(path=path, mode=file.mode, reason=f"larger than {limit} bytes")
        return FileContent(path=path, mode=file.mode, content=file.content)

    async def read_files(self, paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        """Read files as an analyzer does; see `Analysis.read_files`."""
        return tuple(self.read(path, side) for path in paths)

    def analysis(
        self,
        *,
        units: Sequence[Unit] | None = None,
        cache: Cache | None = None,
        read_files: ReadFiles | None = None,
        bare: bool = False,
    ) -> Analysis:
        """Make what an analyzer is asked.

        Args:
            units: The units to examine; all of them where absent.
            cache: An empty one where absent.
            read_files: Reads the files of the example where absent.
            bare: Ask about the diff as a bare patch, around which there are no files.
        """
        change = Change.from_diff(self.diff) if bare else self.change()
        return Analysis(
            change=change,
            units=change.diff.units if units is None else tuple(units),
            read_files=read_files or (_read_nothing if bare else self.read_files),
            cache=MemoryCache() if cache is None else cache,
        )


def together(name: str, examples: Sequence[Example]) -> Example:
    """Make one change of several, each in a directory of its name."""
    return Example(
        name=name,
        base={f"{one.name}/{path}": file for one in examples for path, file in one.base.items()},
        head={f"{one.name}/{path}": file for one in examples for path, file in one.head.items()},
        renames={
            f"{one.name}/{new}": f"{one.name}/{old}"
            for one in examples
            for new, old in one.renames.items()
        },
        secrets=tuple(value for one in examples for value in one.secrets),
    )


async def _read_nothing(paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:  # noqa: ARG001 - on either side
    reason = "a bare patch has no files around it"
    return tuple(FileContent(path=path, exists=False, reason=reason) for path in paths)


def _spelt(path: str, old: str, new: str) -> str:
    return f"{path.removesuffix(old)}{new}" if path.endswith(old) else path


def _digest(tree: Mapping[str, ExampleFile]) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    for path, file in sorted(tree.items()):
        for part in (path.encode(), file.mode.encode(), file.content):
            digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()
