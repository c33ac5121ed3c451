"""Rules of tokens that a prefix and a run of random characters make up."""

from __future__ import annotations

from codeflow_engine.redaction.rule import LEFT, WORD, Rule

NOT_LETTERS = r"(?=[A-Za-z]{0,64}[0-9_-])"

RANDOM = 2.8
"""Bits a character under which no random token of 16 characters or more falls."""


def token(
    name: str, title: str, keywords: str, pattern: str, *, tail: str = WORD, left: bool = False
) -> Rule:
    """Make the rule of a prefix with random characters behind it.

    Args:
        name: Id of the rule.
        title: What was found, for a person.
        keywords: The prefixes, divided by blanks.
        pattern: Prefix and the shortest allowed rest; what follows belongs to the tail.
        tail: Characters that may continue the token.
        left: Whether a letter or digit before the prefix rules the token out.
    """
    return Rule(
        id=name,
        title=title,
        keywords=tuple(keywords.split()),
        pattern=(LEFT if left else "") + pattern,
        run=True,
        tail=tail,
        entropy=RANDOM,
    )
