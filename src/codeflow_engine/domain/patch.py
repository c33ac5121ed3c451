"""Patches: edits that mend findings, verified, and written only when somebody says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

from codeflow_engine.domain.usage import Usage

__all__ = ["Patch", "PatchEdit", "PatchedFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchEdit:
    """Lines of one file that are replaced, and the findings that this mends."""

    path: str
    start_line: int
    """First line replaced, counted from 1 in the file that the patch was made for."""

    end_line: int
    """Last line replaced, inclusive."""

    replacement: str
    """Text that takes the place of the lines, without a final newline; may be empty."""

    fingerprints: tuple[str, ...]
    """Of the findings that it mends, sorted."""

    verified: bool = False
    """Whether the file was seen to be well-formed with it; False where nobody could say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchedFile:
    """A file that a patch edits: what it was made for, and what it makes of it."""

    path: str
    mode: str
    """Git's mode, `100644` or `100755`; a patch leaves it as it is."""

    before: str
    """SHA-256 of the content that the patch was made for, in hexadecimal digits."""

    content: bytes = field(repr=False)
    """The whole content with the edits."""

    @property
    def after(self) -> str:
        """SHA-256 of the content with the edits, in hexadecimal digits."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Edits that mend findings of a change; each finding that was asked about is accounted for.

    Nothing of it is written anywhere before `apply` or `write` is called. All edits of a file
    were tried together on a copy of it.
    """

    run_id: str
    target: str
    """Where the change lives, such as the directory of a repository."""

    revision: str | None = None
    """Revision that the patch was made for: a commit, `:worktree` or `:index`."""

    diff: str = ""
    """Unified diff of all edits, as `git apply` takes it; empty where nothing is edited."""

    edits: tuple[PatchEdit, ...] = ()
    """In the order of their files and lines; no two of them overlap."""

    files: tuple[PatchedFile, ...] = ()
    """The files that are edited, sorted by path."""

    fixed: tuple[str, ...] = ()
    """Fingerprints of the findings that it mends, in the order in which they were given."""

    left: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of all others, each with the reason."""

    usage: Usage = field(default_factory=Usage)

    def apply(self, directory: str | PathLike[str]) -> None:
        """Write the edits to the files of a working tree.

        A file is written only where its content is what the patch was made for: byte for
        byte, or with CR LF wherever the repository has LF, which then stays. One that has
        the edits already is left as it is. Mode and owner stay. No link is followed, and
        nothing outside of the directory is written.

        Each file holds its old content or its new one at every moment. All files are
        prepared before the first is put in its place; where one cannot be, those before it
        are put back. If the process is killed between two of them, some are new and some are
        old, and calling this again finishes the work.

        Args:
            directory: The root of the working tree.

        Raises:
            PatchError: A file is not what the patch was made for, or cannot be written;
                nothing was written.
        """
        from codeflow_engine.domain.working_tree import Overwrite, overwrite

        overwrite(
            Path(directory),
            [
                Overwrite(path=one.path, before=one.before, content=one.content)
                for one in self.files
            ],
        )

    def write(self, directory: str | PathLike[str]) -> None:
        """Write the edited files, whole and alone, below an empty directory.

        Args:
            directory: It has to be there, and to be empty.

        Raises:
            PatchError: It is not, or something cannot be written.
        """
        from codeflow_engine.domain.working_tree import fill

        fill(
            Path(directory),
            {
                one.path: (one.content, 0o755 if one.mode == "100755" else 0o644)
                for one in self.files
            },
        )

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON data; of the files it has digests, and no content."""
        from codeflow_engine.domain.encoding import to_plain

        files = [
            {"path": one.path, "mode": one.mode, "before": one.before, "after": one.after}
            for one in self.files
        ]
        told: dict[str, Any] = to_plain(
            {
                "run_id": self.run_id,
                "target": self.target,
                "revision": self.revision,
                "diff": self.diff,
                "edits": self.edits,
                "files": files,
                "fixed": self.fixed,
                "left": self.left,
                "usage": self.usage,
            }
        )
        return told

    def __str__(self) -> str:
        """Give the diff."""
        return self.diff

    def __repr__(self) -> str:
        from codeflow_engine.reports.prose import count

        mended = count(len(self.fixed), "finding")
        return (
            f"<Patch of {count(len(self.files), 'file')}: {mended} mended, {len(self.left)} left>"
        )

    def _repr_html_(self) -> str:
        from codeflow_engine.reports.html import patch

        return patch.patch(self.to_json())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        from codeflow_engine.reports import mime
        from codeflow_engine.reports import patch as report

        makers = {
            "text/plain": lambda: report.render(self.to_json()),
            "text/html": self._repr_html_,
            "application/json": self.to_json,
        }
        return mime.bundle(makers, include, exclude)
