"""The rules that ship with the engine, and the check of those that a host brings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codeflow_engine.errors import ConfigurationError
from codeflow_engine.redaction.context import CONTEXTUAL
from codeflow_engine.redaction.index import RuleIndex
from codeflow_engine.redaction.rule import CONFIGURED, NAMED_VALUE, compiled
from codeflow_engine.redaction.tokens import TOKENS
from codeflow_engine.redaction.vendors import SERVICE_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeflow_engine.redaction.rule import Rule

RULES: tuple[Rule, ...] = (*TOKENS, *SERVICE_TOKENS, *CONTEXTUAL)
"""Every shipped rule, the specific ones before the general."""

_TAKEN = (CONFIGURED, NAMED_VALUE)


def indexed(rules: Sequence[Rule]) -> RuleIndex:
    """Return the rules ready for the search.

    Raises:
        ConfigurationError: A rule's id, keywords, group or pattern cannot work.
    """
    if rules is RULES:
        return RuleIndex(rules)
    for rule in rules:
        _check(rule)
    return RuleIndex(rules)


def _check(rule: Rule) -> None:
    if not re.fullmatch(r"[a-z0-9-]{1,40}", rule.id) or rule.id in _TAKEN:
        raise ConfigurationError(
            f"rule id {rule.id!r} is not 1 to 40 lower-case letters, digits and dashes, or taken"
        )
    if not rule.keywords:
        raise ConfigurationError(f"rule {rule.id!r} has no keyword")
    for keyword in rule.keywords:
        if not keyword or not keyword.isascii() or "\n" in keyword:
            raise ConfigurationError(f"keyword {keyword!r} of rule {rule.id!r} is no ASCII literal")
        if rule.ignore_case and keyword != keyword.lower():
            raise ConfigurationError(
                f"keyword {keyword!r} of rule {rule.id!r} ignores case, so write it in lower case"
            )
    try:
        groups = compiled(rule.pattern, ignore_case=rule.ignore_case).groups
        compiled(f"{rule.tail}*+")
    except re.error as error:
        raise ConfigurationError(f"pattern of rule {rule.id!r}: {error}") from error
    if rule.group > groups:
        raise ConfigurationError(f"rule {rule.id!r} has no group {rule.group}")
