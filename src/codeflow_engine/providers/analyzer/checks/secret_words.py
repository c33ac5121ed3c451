"""How bad each kind of secret is, and what is said about it: never the secret itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from codeflow_engine.domain.diff import Side
from codeflow_engine.providers.analyzer.checks.kinds import is_test, words
from codeflow_engine.providers.analyzer.checks.telling import SeverityName, tell
from codeflow_engine.redaction import RULES

if TYPE_CHECKING:
    from codeflow_engine.domain.finding import RawFinding

__all__ = ["ASSIGNED", "LINE_BLOCKS", "REMOVED", "Stand", "in_lines", "in_name", "is_lasting"]

REMOVED: Final = "removed-secret"
"""Rule of a secret that the change takes away."""

ASSIGNED: Final = "assigned-secret"
"""Kind of a value that only the name before it makes suspicious."""

LINE_BLOCKS: Final = frozenset(rule.id for rule in RULES if rule.lines is not None)
"""Kinds whose secret may be a block of lines, which is one finding."""

_TITLES: Final = {rule.id: rule.title for rule in reversed(RULES)}

# Whoever holds one of these publishes, deploys, or speaks as somebody else.
_CRITICAL: Final = words(
    "private-key age-secret-key github-token github-app-token github-fine-grained-token"
    " gitlab-token atlassian-token aws-secret-key google-oauth azure-client-secret"
    " azure-account-key digitalocean-token heroku-key databricks-token vault-token"
    " pulumi-token npm-token pypi-token docker-token rubygems-key crates-token nuget-key"
    " terraform-token openshift-token fly-token artifactory-key"
)
# Public by design at times, or of short life.
_LOW: Final = words("aws-signature sentry-dsn")

# Kinds that only their surroundings betray, with how sure that is.
_GUESSED: Final = {
    ASSIGNED: 0.6,
    "authorization": 0.6,
    "basic-credentials": 0.6,
    "bearer-token": 0.6,
    "jwt": 0.7,
    "url-password": 0.6,
    "url-token": 0.6,
}
_SURE: Final = 0.95

# What everybody can make for himself, a test makes for itself; nobody issues it.
_SELF_MADE: Final = frozenset({*_GUESSED, "private-key", "age-secret-key"})

_REVOKE: Final = (
    "Revoke it where it was issued and make a new one: who has ever been able to read this "
    "change or its history can use the old one, and a later commit does not take it back."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a secret stands."""

    path: str
    side: Side
    line: int
    end_line: int
    column: int
    end_column: int
    """Of the first line, also where the secret goes on."""


def is_lasting(rule: str, path: str) -> bool:
    """Tell a secret that must be revoked even when it is removed: it stays in the history.

    Those are what a service has issued, and private keys that no test has made for itself.
    """
    if rule in _SELF_MADE:
        return rule not in _GUESSED and not is_test(path)
    return rule not in _LOW


def _weigh(rule: str, path: str) -> tuple[SeverityName, float]:
    """Say how bad a secret is, and how sure it is that it is one."""
    confidence = _GUESSED.get(rule, _SURE)
    if rule in _SELF_MADE and is_test(path):
        return "low", confidence / 2
    if rule in _CRITICAL:
        return "critical", confidence
    if rule in _LOW:
        return "low", confidence
    return "medium" if rule in _GUESSED else "high", confidence


def in_lines(rule: str, stand: Stand) -> RawFinding:
    """Tell of a secret in lines that the change adds or removes."""
    title = _TITLES[rule]
    severity, confidence = _weigh(rule, stand.path)
    removed = stand.side is Side.OLD
    return tell(
        rule=REMOVED if removed else rule,
        severity="low" if removed else severity,
        category="security",
        title=f"{title} {'removed, but still in the history' if removed else 'in the code'}",
        message=(
            f"The change removes what looks like a secret ({title}). Taking it out of the file "
            f"does not take it out of the history. {_REVOKE}"
            if removed
            else f"This line holds what looks like a secret ({title}). {_REVOKE} Let the program "
            "read it at run time, from the environment or a store for secrets."
        ),
        path=stand.path,
        side=stand.side,
        line=stand.line,
        end_line=stand.end_line,
        column=stand.column,
        end_column=stand.end_column,
        confidence=confidence,
    )


def in_name(rule: str, path: str) -> RawFinding:
    """Tell of a secret in the name that the change gives to a file."""
    title = _TITLES[rule]
    severity, confidence = _weigh(rule, path)
    return tell(
        rule=rule,
        severity=severity,
        category="security",
        title=f"{title} in the name of a file",
        message=f"The name of this file holds what looks like a secret ({title}). {_REVOKE}",
        path=path,
        confidence=confidence,
    )
