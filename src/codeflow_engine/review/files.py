"""Files of a change, read once for all that look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from codeflow_engine.domain.change import FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.errors import InvalidResponseError

__all__ = ["SharedFiles"]

_MIB = 1024 * 1024


class SharedFiles:
    """Remembers the files that a host gave, for as long as one review lasts.

    Several analyzers ask for the same files at the same moment. The second one waits for
    the first one's answer; where that one was cancelled, it asks itself. What a host did
    not give is not remembered.

    Args:
        read: Asks the host.
        most: Bytes that are remembered.
    """

    def __init__(
        self,
        read: Callable[[Sequence[str], Side], Awaitable[tuple[FileContent, ...]]],
        *,
        most: int = 64 * _MIB,
    ) -> None:
        self._read = read
        self._left = most
        self._known: dict[tuple[Side, str], FileContent] = {}
        self._turn = asyncio.Lock()

    async def read(self, paths: Sequence[str], side: Side) -> tuple[FileContent, ...]:
        """Read files on one side, in the order of the paths.

        Raises:
            InvalidResponseError: The host gave other files.
            ProviderError: It failed.
        """
        known = self._known
        fresh: dict[str, FileContent] = {}
        if any((side, path) not in known for path in paths):
            async with self._turn:
                missing = [path for path in dict.fromkeys(paths) if (side, path) not in known]
                found = await self._read(missing, side) if missing else ()
                if [file.path for file in found] != missing:
                    raise InvalidResponseError("the host gave other files than it was asked for")
                fresh = dict(zip(missing, found, strict=True))
                self._remember(found, side)
        return tuple(fresh.get(path) or known[side, path] for path in paths)

    def _remember(self, files: Sequence[FileContent], side: Side) -> None:
        for file in files:
            size = len(file.content or b"")
            if file.content is not None and size <= self._left:
                self._left -= size
                self._known[side, file.path] = file
