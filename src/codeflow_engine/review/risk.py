"""How much may go wrong in a file, by its path alone.

What a review reads first is what it has read when its budget ends. So this is no judgement
of a change, but an order: where a defect is a hole, then other code, then tests, then words.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import cache
from typing import Final

from codeflow_engine.domain.patterns import PathPatterns
from codeflow_engine.review.related import is_test, words
from codeflow_engine.review.verify import PROTECTED

__all__ = ["Risk", "risk"]


class Risk(IntEnum):
    """The riskiest is the least number."""

    SENSITIVE = 0
    """Code that guards something, moves money, changes stored data, or runs in a pipeline."""

    CODE = 1
    TEST = 2
    PROSE = 3


_SENSITIVE: Final = words(
    # who somebody is, and what they may do
    "auth authn authz authenticate authentication authenticator authorization authorize login"
    " logout signin signup password passwords passwd credential credentials identity session"
    " sessions oauth oauth2 oidc saml sso ldap jwt mfa otp totp token tokens permission"
    " permissions privilege privileges acl rbac role roles admin sudo tenant tenancy csrf cors"
    # secrets
    " secret secrets crypto cryptography cipher encrypt encryption decrypt hmac signature"
    " signing tls ssl x509 cert certs certificate certificates keyring keystore vault"
    # money
    " payment payments payout payouts billing invoice invoices checkout refund refunds wallet"
    " ledger pricing"
    # stored data
    " sql database migration migrations migrate schema alembic backup restore"
    # where text of others comes in
    " security sandbox sanitize sanitizer sanitise escape escaping deserialize pickle upload"
    " uploads webhook webhooks redirect proxy exec subprocess shell"
    # what builds and ships
    " ci cd deploy deployment release dockerfile makefile terraform helm k8s kubernetes ansible"
    " sh bash ps1 tf"
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*")
_PROSE: Final = re.compile(
    r"\.(?:md|mdx|markdown|rst|adoc|asciidoc|org|po|pot|tex)\Z"
    r"|(?:\A|/)(?!(?:requirements|constraints|cmakelists)[^/]*\Z)[^/]+\.txt\Z"
    r"|(?:\A|/)(?:licen[sc]e|authors|changelog|changes|copying|news|notice|readme|todo)\Z",
    re.IGNORECASE,
)


def risk(path: str) -> Risk:
    """Say how risky a file is."""
    if _PROSE.search(path):
        return Risk.PROSE
    if _protected().find(path.lower()) is not None:
        return Risk.SENSITIVE
    if is_test(path):
        return Risk.TEST
    found = {word.lower() for word in _WORD.findall(path)}
    return Risk.CODE if _SENSITIVE.isdisjoint(found) else Risk.SENSITIVE


@cache
def _protected() -> PathPatterns:
    return PathPatterns(PROTECTED)
