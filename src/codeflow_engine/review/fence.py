"""Fence: pieces of a change become the text of a chunk, between two lines that nobody forges."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Final

from codeflow_engine.contracts.strategy import Chunk
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.review.piece import Piece

__all__ = ["chunk"]

_FENCE: Final = "-----"
_PURPOSE: Final = b"fence\0"
_DIGITS: Final = 32
"""Hexadecimal digits of the mark: 128 bits."""

# Whatever some reader takes for the end of a line, and for a dash, may make a fence.
_LIKE_FENCE: Final = re.compile(
    "([\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029])(?=[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]{5})"
)


def chunk(
    pieces: Sequence[Piece],
    *,
    secret: bytes,
    instructions: str,
    prompt: str,
    max_output_tokens: int,
) -> Chunk:
    r"""Make the chunk that shows some pieces, as part 1, part 2 and so on.

    The lines of the fence end with a mark that is made of the secret and the chunk's key, and
    the same chunk has the same in every run. Without the secret nobody can work it out. With a
    secret that can be guessed, it can be worked out for a text that is there already; to write
    it into that text makes another text, and another mark. A line of a piece that begins like a
    fence gets a `\` in front.

    Args:
        pieces: What is shown, in this order.
        secret: The tenant's; never sent.
        instructions: What the model is told.
        prompt: Name and version of the prompt.
        max_output_tokens: Room for an answer.

    Raises:
        ConfigurationError: The secret is empty, so that anybody could make the mark.
    """
    if not secret:
        raise ConfigurationError("the secret that fences are made of is empty")
    content = [instructions, prompt, *(piece.text for piece in pieces)]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    mark = hmac.digest(secret, _PURPOSE + key.encode(), "sha256").hex()[:_DIGITS]
    parts = "\n".join(
        f"Part {number}: {_LIKE_FENCE.sub(r'\1\\', piece.text).rstrip('\n')}\n"
        for number, piece in enumerate(pieces, start=1)
    )
    return Chunk(
        key=key,
        units=tuple(piece.unit for piece in pieces),
        text=f"{_FENCE} change {mark}\n{parts}{_FENCE} end of change {mark}\n",
        instructions=instructions,
        prompt=prompt,
        max_output_tokens=max_output_tokens,
    )
