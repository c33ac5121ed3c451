"""How many tokens a request takes, without a tokenizer: an estimate on the high side.

Tokenizers' tables are megabytes that would have to be fetched, and some providers keep theirs.
So features of the text are counted by passes in C over its bytes, and weighed
(`token_weights`). An estimate holds for text as people and programs write it; one made up to
have as many tokens as it can, such as of the rarest Chinese characters, may have up to four
times more.
"""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING
from zlib import adler32

from codeflow_engine.llm.token_weights import (
    BORDERS,
    CAPITALS,
    CLUSTERS,
    FAMILIES,
    KINDS,
    LEADS,
    SINGLE,
    SOUNDS,
    STARTS,
    TEXT,
    WORDS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeflow_engine.domain.chat import ChatRequest

__all__ = ["estimate", "estimate_text", "estimated"]

_SMALL = 128 * 1024
"""Characters whose tokens are estimated in a few milliseconds; more of them in a thread."""

_PIECE = 1 << 16
"""Characters of a text that are counted at once: one pass holds the interpreter's lock for less
than a millisecond. A text has no more tokens than its pieces have together."""

_PER_MESSAGE = 8
"""Tokens around a message: its role and its ends; 3 to 7 in the templates that are known."""

_PER_REQUEST = 8
_PER_SCHEMA = 500
"""Tokens of what a provider itself says to its model about a schema; Anthropic names up to 346
for tools."""

_PER_TEXT = 2
_MILLI = 1000

_PROVIDERS = {
    "anthropic": "claude",
    "azure.ai.openai": "openai",
    "groq": "groq",
    "mistral_ai": "mistral",
    "openai": "openai",
}
_OPENAI_MODELS = re.compile(r"(?:ft:)?(?:gpt-|chatgpt-|o[0-9]|codex-)")
_OLDER_CLAUDE = re.compile(
    r"claude-(?:instant|2|3)|claude-(?:opus|sonnet|haiku)-4(?:[-.@][0-6])?(?:[-@][0-9]{8}|@latest)?$"
)
_OLDER_MISTRAL = re.compile(r"(?:open-)?mi[sx]tral-(?:7b|8x|tiny)|codestral-(?:22b|mamba|2405)")


def _table(default: bytes, kinds: Mapping[bytes, bytes]) -> bytes:
    table = bytearray(default * 256)
    for kind, members in kinds.items():
        for byte in members:
            table[byte] = kind[0]
    return bytes(table)


_LOWER = b"abcdefghijklmnopqrstuvwxyz"
_DIGITS = b"0123456789"
_MARKS = bytes(byte for byte in range(0x21, 0x7F) if byte not in _LOWER + _LOWER.upper() + _DIGITS)
_MEMBERS = {
    b".": bytes(range(0x80)),
    b"l": _LOWER,
    b"U": _LOWER.upper(),
    b"9": _DIGITS,
    b" ": b" ",
    b"t": b"\t",
    b"n": b"\n",
    b"r": b"\r",
    b"p": _MARKS,
    b"h": bytes(range(0x80, 0x100)),
}
_KIND = _table(b".", _MEMBERS)
_NUMBER = {kind: number for number, kind in enumerate(_MEMBERS, 1)}
_NUMBERS = bytes.maketrans(b"".join(_NUMBER), bytes(_NUMBER.values()))
_NUMBERED = _KIND.translate(_NUMBERS)
_LAST = _table(b".", {kind: bytes(range(number, 0x100, 16)) for kind, number in _NUMBER.items()})
_WITHIN_WORDS = bytes([17 * _NUMBER[b"l"]])
_SOUND = _table(b".", {b"v": b"aeiou", b"c": b"bcdfghlmnprsty", b"q": b"jkqvwxz"})
_CAPITALS = re.compile(rb"\xd0[\x80-\xaf]|\xce[\x86-\xab]|\xd4[\xb1-\xbf]|\xd5[\x80-\x96]")
_BEGIN = {span: bytes(range(span[0], span[1] + 1)) for span, _ in LEADS}


def estimate(request: ChatRequest, *, provider: str = "", model: str = "") -> int:
    """Estimate the tokens that a request sends.

    Args:
        request: The request.
        provider: The name that the provider gives itself, such as `mistral_ai`.
        model: The model's id. Without both, the estimate is for the tokenizer that makes the
            most tokens: for OpenAI's models about half as much again.
    """
    column = _column(provider, model)
    tokens = _PER_REQUEST + sum(
        _PER_MESSAGE + _estimate(message.text, column) for message in request.messages
    )
    if request.answer_schema is not None:
        tokens += _PER_SCHEMA + _estimate_schema(json.dumps(request.answer_schema), column)
    return tokens


async def estimated(request: ChatRequest, provider: str, model: str) -> int:
    """Estimate as `estimate` does, without holding up the event loop."""
    work = partial(estimate, request, provider=provider, model=model)
    if sum(len(message.text) for message in request.messages) <= _SMALL:
        return work()
    return await asyncio.to_thread(work)


def estimate_text(text: str, *, provider: str = "", model: str = "") -> int:
    """Estimate the tokens of a text alone, such as of a piece that a prompt may show."""
    return _estimate(text, _column(provider, model))


@lru_cache(maxsize=64)
def _estimate_schema(written: str, column: int) -> int:
    """Estimate a schema, of which there are few; to write it with its indents takes 1 ms."""
    return _estimate(json.dumps(json.loads(written), ensure_ascii=False, indent=1), column)


def _column(provider: str, model: str) -> int:
    """Choose the tokenizers that a model may have."""
    name = model.lower()
    family = _PROVIDERS.get(provider, "any")
    if family == "openai" and not _OPENAI_MODELS.match(name):
        family = "any"  # another maker's model behind OpenAI's interface
    elif family == "claude" and _OLDER_CLAUDE.search(name):
        family = "claude3"
    elif family == "mistral" and _OLDER_MISTRAL.match(name):
        family = "any"
    return FAMILIES.index(family)


def _estimate(text: str, column: int) -> int:
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    return sum(_estimate_piece(piece, column) for piece in pieces)


def _estimate_piece(text: str, column: int) -> int:
    data = text.encode("utf-8", "surrogatepass")
    pairs = _pairs(data.translate(_NUMBERED)).translate(None, _WITHIN_WORDS)
    sounds = data.translate(_SOUND)
    views = (
        (data.translate(_KIND), WORDS),
        (pairs.translate(_LAST), KINDS),
        (sounds, SOUNDS),
        (sounds.replace(b"q", b"c"), CLUSTERS),
        (data, TEXT),
    )
    lower, upper = _pair_weights(column)
    total = _sum(pairs.translate(lower)) + (_sum(pairs.translate(upper)) << 8)
    for view, features in views:
        for strings, weights in features:
            if weight := weights[column]:
                total += weight * sum(map(view.count, strings))
    if len(data) > len(text):
        total += CAPITALS[column] * len(_CAPITALS.findall(data))
        for span, weights in LEADS:
            members = len(data) - len(data.translate(None, _BEGIN[span]))
            total += weights[column] * members
    return _PER_TEXT - (-total // _MILLI)


def _sum(numbers: bytes) -> int:
    """Add bytes up, four times as fast as `sum`, which makes an object of each.

    The lower half of this checksum is one more than the sum, modulo 65,521; so many bytes
    have less (RFC 1950, 8.2).
    """
    view = memoryview(numbers)
    return sum([(adler32(view[at : at + 256]) & 0xFFFF) - 1 for at in range(0, len(view), 256)])


def _pairs(numbers: bytes) -> bytes:
    """Give for each byte one that holds it and, in the upper half, the byte before it.

    As one large number, since shifting that is a pass in C.
    """
    whole = int.from_bytes(numbers, "little")
    return (whole | whole << 12).to_bytes(len(numbers) + 1, "little")[:-1]


@cache
def _pair_weights(column: int) -> tuple[bytes, bytes]:
    """Give what each pair weighs: tables of the lower and of the upper eight bits."""
    weights = [0] * 256
    for before, one in enumerate((b"", *_NUMBER)):
        for kind, number in _NUMBER.items():
            begun = kind if kind != one else b""
            weights[16 * before + number] = sum(
                told[column]
                for features, string in ((SINGLE, kind), (STARTS, begun), (BORDERS, one + kind))
                for strings, told in features
                if string in strings
            )
    return bytes(weight & 0xFF for weight in weights), bytes(weight >> 8 for weight in weights)
