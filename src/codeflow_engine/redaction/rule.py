"""What a rule is, and the building blocks that patterns share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIGURED = "configured"
"""Stands for a rule's id where a registered value was found."""

NAMED_VALUE = "named-value"
"""Stands for a rule's id where the key alone made a value secret."""

WORD = r"[A-Za-z0-9_-]"
"""Characters of a token; a secret always extends over the ones that follow it."""

DOTTED = r"[A-Za-z0-9_.-]"
BASE64 = r"[A-Za-z0-9+/=_-]"

_ESCAPE = (
    r"(?<=\\[abfnrtv0])|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\x[0-9A-Fa-f]{2})|(?<=%[0-9A-Fa-f]{2})"
    r"|(?<=\x1b\[[0-9]m)|(?<=\x1b\[[0-9]{2}m)|(?<=\x1b\[[0-9];[0-9]{2}m)"
)

LEFT = rf"(?:(?<![A-Za-z0-9])|{_ESCAPE})"
"""No letter or digit before, except as the end of an escape such as `\\n` or `%3D`."""

LEFT_RUN = rf"(?:(?<![A-Za-z0-9_-])|(?m:(?<=^-))|{_ESCAPE})"
"""The first character of a run of token characters (a diff's `-` is not part of it).

Where a pattern begins with a long repetition this keeps matching linear: each run is
read once, not once for each position in it.
"""


@cache
def compiled(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Compile a constant pattern when it is first needed: importing compiles none."""
    return re.compile(pattern, re.IGNORECASE if ignore_case else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One shape of secret.

    A match is looked for only where one of `keywords` stands, and sees `reach`
    characters at most, never past the end of the line. So whether a position matches
    depends on a bounded piece of text, whatever the text's length and however it is cut
    into chunks. A pattern must not depend on what follows the secret unless it also
    refuses `[` there: then text that was redacted once is left alone the second time.
    """

    id: str
    """Shown in the placeholder: lower-case letters, digits and dashes, 40 at most."""

    title: str
    """What was found, for a person."""

    pattern: str
    """Tried at each keyword, in the syntax of `re`; look-behind up to 64 characters."""

    keywords: tuple[str, ...]
    """ASCII literals, one of which every match begins with (see `offset`)."""

    offset: int = 0
    """Characters of the match that stand before the keyword."""

    group: int = 0
    """The group of the pattern that is the secret."""

    ignore_case: bool = False
    """Whether case is ignored; keywords are then written in lower case."""

    run: bool = False
    """Promise that each match holds a run of 18 token characters (`[A-Za-z0-9_-]`).

    It starts at most 20 characters after the keyword does, and not all of it in the match
    are letters. Keywords of such rules are looked for around such runs alone, which are
    a few per cent of source text.
    """

    uuid: bool = False
    """Promise that each match holds a UUID, at most 112 characters after the keyword begins.

    Keywords of such rules are looked for only in text that holds one, and case is ignored.
    """

    reach: int = 256
    """Most characters, from its start, that decide about a match."""

    tail: str = WORD
    """Character class of what belongs to the secret when it follows the group.

    Letters and digits are always among them, no line break is.
    """

    entropy: float | None = None
    """Least Shannon entropy of the group in bits a character.

    Only for groups of a fixed length; others use `accept`.
    """

    accept: Callable[[re.Match[str]], bool] | None = None
    """Last word on a match; sees nothing outside of it."""

    blanks: int = 0
    """Most stretches of blanks within a match; one with more is refused.

    A stream holds text back from a keyword until this or `reach` rules a match out.
    """

    lines: Literal["after", "before"] | None = None
    """Whether the secret is the block of base64 lines next to the match, not a group."""
