"""Names of files that hide something, and paths and links that lead out of the tree."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from codeflow_engine.domain.diff import DiffFile, Side
from codeflow_engine.providers.analyzer.checks.sides import SideText
from codeflow_engine.providers.analyzer.checks.telling import tell

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = [
    "ESCAPING_LINK",
    "ESCAPING_PATH",
    "HIDDEN_NAME",
    "SPOOFED_NAME",
    "find_link",
    "find_name",
]

HIDDEN_NAME: Final = "hidden-character-in-name"
SPOOFED_NAME: Final = "confusable-file-name"
ESCAPING_PATH: Final = "path-outside-tree"
ESCAPING_LINK: Final = "link-outside-tree"

_LINK: Final = "120000"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_WORD: Final = re.compile(r"\w+")
_DRIVE: Final = re.compile(r"[A-Za-z]:")


def find_name(file: DiffFile) -> Iterator[RawFinding]:
    """Look at the name that the change gives to a file; one that stays is none of its own."""
    name = file.new_path
    if name is None or name == file.old_path:
        return
    if not name.isascii() or _CONTROL.search(name):
        yield from _deceives(file, name)
    if _leads_out(name):
        yield _finding(
            ESCAPING_PATH,
            file,
            "A path leads out of the tree",
            "Whoever applies this change without care writes outside of the repository, or "
            "into its .git directory. Do not apply it.",
        )


def _deceives(file: DiffFile, name: str) -> Iterator[RawFinding]:
    # Late, because few changes give such names.
    from codeflow_engine.providers.analyzer.checks.characters import has_hidden
    from codeflow_engine.providers.analyzer.checks.confusables import spoofed

    if _CONTROL.search(name) or has_hidden(name):
        yield _finding(
            HIDDEN_NAME,
            file,
            "Hidden characters in the name of a file",
            "The name holds control characters or characters that nobody can see, so that it "
            "is shown as another name than it is. Rename the file.",
        )
    if any(spoofed(word) for word in _WORD.findall(name)):
        yield _finding(
            SPOOFED_NAME,
            file,
            "The name of a file mixes letters that look alike",
            "Some letters are of another script and only look like Latin ones, so that it is "
            "another name than it seems to be. Rename the file.",
        )


def find_link(file: DiffFile) -> Iterator[RawFinding]:
    """Look at the target that the change gives to a symbolic link."""
    if file.new_mode != _LINK or len(file.hunks) != 1:
        return
    # A target may hold newlines; only the whole of it is where the link leads.
    side = SideText.of(file.hunks[0], Side.NEW)
    if _is_absolute(side.text) or _leads_out(
        posixpath.join(posixpath.dirname(file.path), side.text)
    ):
        yield _finding(
            ESCAPING_LINK,
            file,
            "A symbolic link leads out of the tree",
            "Whoever reads or writes through it reaches files of the machine, not of the "
            "repository. Link to a path inside of the tree, without a leading slash.",
            line=side.first,
        )


def _is_absolute(path: str) -> bool:
    return path.startswith(("/", "\\")) or _DRIVE.match(path) is not None


def _leads_out(path: str) -> bool:
    """Tell a path that ends outside of the tree, or in the repository's own directory."""
    parts = posixpath.normpath(path.replace("\\", "/")).split("/")
    return (
        _is_absolute(path)
        or parts[0] == ".."
        or any(part.lower().rstrip(" .") == ".git" for part in parts)
    )


def _finding(
    rule: str, file: DiffFile, title: str, message: str, *, line: int | None = None
) -> RawFinding:
    return tell(
        rule=rule,
        severity="high",
        category="security",
        title=title,
        message=message,
        path=file.path,
        line=line,
        confidence=0.9,
    )
