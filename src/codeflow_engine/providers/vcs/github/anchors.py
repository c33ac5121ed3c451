"""Where in a pull request a comment can stand: on lines that its diff shows, in one hunk.

GitHub refuses a whole review for one comment on another line, and does not say which one it
was. So each is looked up beforehand in the diff that GitHub itself shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from codeflow_engine.domain.diff import Diff, DiffFile, Side
from codeflow_engine.errors import DiffError, InvalidResponseError

__all__ = ["Anchors", "Spot"]

_SIDES: Final = {Side.OLD: "LEFT", Side.NEW: "RIGHT"}
# The names in the header are not looked at, and cannot break it.
_HEADER: Final = b"--- a/file\n+++ b/file\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Lines that a comment can stand on, in GitHub's words."""

    path: str
    side: str
    start_line: int
    line: int

    def to_json(self) -> dict[str, Any]:
        """Give the fields of a comment; one line has no start."""
        told: dict[str, Any] = {"path": self.path, "line": self.line, "side": self.side}
        if self.start_line != self.line:
            told.update(start_line=self.start_line, start_side=self.side)
        return told


class Anchors:
    """The lines that the diff of a pull request shows.

    Args:
        files: The entries of `GET /repos/{owner}/{repo}/pulls/{number}/files`.

    Raises:
        InvalidResponseError: An entry has no name.
    """

    def __init__(self, files: Iterable[Any]) -> None:
        self._patches: dict[str, str | None] = {}
        self._earlier: dict[str, str] = {}
        self._files: dict[str, DiffFile | None] = {}
        for file in files:
            name = file.get("filename") if isinstance(file, Mapping) else None
            if not isinstance(name, str):
                raise InvalidResponseError("GitHub lists a file of a pull request without its name")
            patch = file.get("patch")
            # Bytes that are no UTF-8 look the same here, and name no file to GitHub. An entry that
            # comes twice as it is was on two pages, which move while they are read.
            is_sole = self._patches.get(name, patch) == patch and "\ufffd" not in name
            self._patches[name] = patch if is_sole and isinstance(patch, str) else None
            earlier = file.get("previous_filename")
            if isinstance(earlier, str):
                self._earlier.setdefault(earlier, name)

    def place(self, path: str, side: Side, line: int, end_line: int) -> Spot | None:
        """Find the lines that a comment stands on; None where it can stand on none.

        Args:
            path: Of the file, on either side of the change.
            side: Whose numbers the lines have.
            line: The first one, from 1.
            end_line: The last one.
        """
        if path not in self._patches and side is Side.OLD:
            path = self._earlier.get(path, path)
        file = self._read(path)
        if file is None or not 0 < line <= end_line:
            return None
        hunk = file.find_hunk(side, line)
        if hunk is None or hunk != file.find_hunk(side, end_line):
            return None
        return Spot(path=path, side=_SIDES[side], start_line=line, line=end_line)

    def _read(self, path: str) -> DiffFile | None:
        if path not in self._files:
            self._files[path] = _parsed(self._patches.get(path))
        return self._files[path]


def _parsed(patch: str | None) -> DiffFile | None:
    """Read a file's hunks; what cannot be read, as a patch that was cut off, has no lines."""
    if not patch:
        return None
    data = _HEADER + patch.encode("utf-8", "replace") + b"\n"
    try:
        files = Diff.parse(data).files
    except DiffError:
        return None
    # More than one entry: a file that became something else has hunks of both.
    return files[0] if len(files) == 1 else None
