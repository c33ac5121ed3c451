"""Whether files are binary by their content, whatever an attribute of the change says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from codeflow_engine.providers.vcs.github.source import Source
from codeflow_engine.providers.vcs.github.together import together

__all__ = ["are_binary"]

_LOOKED_AT: Final = 8000
"""Bytes of a file in which git looks for a NUL to call it binary (`buffer_is_binary`)."""

_MOST: Final = 50
"""Blobs that are looked into one by one; for more, git decides."""


async def are_binary(source: Source, files: Sequence[Collection[str]]) -> bool:
    """Say whether each file has a binary blob.

    Args:
        source: The repository.
        files: Ids of the blobs of each file: the one before, the one after.

    Returns:
        False also where there are too many to look.
    """
    wanted = sorted({blob for file in files for blob in file})
    if len(wanted) > _MOST:
        return False
    heads = await together(source.head_of(blob, _LOOKED_AT) for blob in wanted)
    binary = {blob for blob, head in zip(wanted, heads, strict=True) if b"\0" in head}
    return all(binary.intersection(file) for file in files)
