"""Tell a secret from an ordinary value, where only its name speaks for one."""

from __future__ import annotations

import binascii
import re
from collections import Counter
from itertools import pairwise
from math import log2
from typing import TYPE_CHECKING

from codeflow_engine.redaction.rule import compiled

if TYPE_CHECKING:
    from re import Match

# Rules a value out at any length.
_PLACEHOLDER = (
    r"x{6,}|\*{3,}|\.{3}|-{4,}|0{8,}|12345678|abcdefgh|qwerty|example|placeholder|change"
    r"|replace|insert|your|redact|censor|undefined|dummy"
)
# Rules out a short one; in long random text such pieces turn up by chance.
_STAND_IN = (
    r"x{4,}|0{5,}|1234|abcdef|sample|fake|mock|test|demo|todo|foo|bar|baz|lorem|mask|hidden"
    r"|invalid|unused|default|secret|passw|token|null|none|true|false|string|value"
)
_LONG = 24
_NAMELESS = 14
_MANY_NUMBERS = 4
_TEMPLATE = (
    r"[{}<>]|\$[({A-Za-z_]|%[(sdr]|^\$|^%|^&|\(\)|::|->|\.\.|^(?:\.|~)/|(?-i:^/[a-z._-]+(?:/|$))"
    r"|^[a-z]+:/|^@"
    r"|^[a-z_]\w*(?:\.\w+)*\[|^\d{4}-\d\d-\d\dT"
)
_DIGEST = r"^(?:sha(?:1|256|384|512)|md5)[-:=]"
_UUID = r"^\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?$"
_HEX = r"^[0-9a-f]+$"
_COMMON = (
    r"^(?:(?:my|your|the|db|new|old)?_?(?:passwor[dt]|passwd|pass|pwd?|pswd|p|secret|token"
    r"|api_?key)|x+|\*+|\.+|-+|_+)[0-9]{0,3}$"
)
# What a name ends in when its value describes the secret and is not the secret.
_ABOUT = (
    r"(?:hash|hashed|hasher|digest|ids?|names?|file|filename|path|dir|ur[li]|endpoint|host|types?"
    r"|fields?|label|len|length|size|bytes|regexp?|re|pattern|prefix|suffix|headers?|params?"
    r"|class|cls|expiry|expires|expiration|ttl|age|count|limit|format|hint|help|text|title"
    r"|messages?|msg|errors?|prompt|policy|algorithm|alg|env|var|variable|reset|input|template"
    r"|kind|location|provider|store|storage|backend|handler|method|mode|version|scopes?|status"
    r"|state|column|table|attr|option|module|uses?|usage|schema|validators?|rules?|map|strategy"
    r"|separator|sep|description|desc|selector|icon|placeholder|link|page|view|form|element"
    r"|charset|encoding|arn|ref|reference|at|by|on|chars?|characters|alphabet)$"
)
# Each word is a letter with those that often follow it.
_FOLLOWERS = (
    "abcdgilmnprstu baelou caehiklortu daeilos eacdefglmnoprstvx faefior geir haeio"
    " iabcdefglmnoprstvz ke ladeilosty maeiop nacdefgiost obcdlmnoprstuw paeiloprty qu"
    " racdeimnorstuy sacehiopstu tacehiloprstuy ubelmnprst vaei wai xt yp ze"
)
_PAIRS = frozenset(word[0] + other for word in _FOLLOWERS.split() for other in word[1:])


def _has(pattern: str, value: str) -> bool:
    return bool(compiled(pattern, ignore_case=True).search(value))


def entropy(text: str) -> float:
    """Return the Shannon entropy of a text in bits a character."""
    size = len(text)
    return -sum(n / size * log2(n / size) for n in Counter(text).values())


def assigned(match: Match[str]) -> bool:
    """Accept the value behind a name such as `password` or `api_key`.

    Without quotes, an upper-case name is an environment variable, whose value may be
    anything. Behind other names stands code as often as not, so there the value must look
    random by itself.
    """
    name, rest, value, join = match.group("name", "rest", "value", "join")
    quoted = bool(match["quote"])
    if (
        _describes(rest)
        or ("." in rest and "(" in join)
        or (not quoted and re.search(r"[,(]", join))
        or (name.lower() in ("token", "credential") and _has(_UUID, value))
    ):
        return False
    if quoted or (name + rest).isupper():
        return _secret_like(value, name)
    return random_like(value) and not _named(value)


def random_like(value: str) -> bool:
    """Tell whether a value looks generated: digits and letters, and no words."""
    return (
        len(value) >= 12  # noqa: PLR2004 - shorter ones are dates, versions and the like
        and not _ordinary(value)
        and bool(re.search(r"[0-9][^0-9]*[0-9]", value))
        and bool(re.search(r"[A-Za-z]", value))
        and entropy(value) >= min(_hex_or(value, 3.0, 3.4), 0.85 * log2(len(value)))
        and not _wordy(value)
    )


def _hex_or(value: str, least: float, other: float) -> float:
    """Choose the entropy to ask for: of 32 random hexadecimal digits, 3 % have under 3.4 bits."""
    return least if len(value) >= _LONG and _has(_HEX, value) else other


def random_value(match: Match[str]) -> bool:
    """Accept the group `value` when it looks generated."""
    return random_like(match["value"])


def mixed_token(match: Match[str]) -> bool:
    """Accept the group `value` when it holds digits and more, and is no stand-in."""
    value = match["value"]
    return not value.isdigit() and not value.isalpha() and not _has(_PLACEHOLDER, value)


def credentials(match: Match[str]) -> bool:
    """Accept base64 in the group `value` that decodes to `name:password`."""
    value = match["value"].rstrip("=")
    try:
        text = binascii.a2b_base64(value + "=" * (-len(value) % 4)).decode("ascii")
    except ValueError:
        return False
    password = text.partition(":")[2]
    return bool(password) and text.isprintable() and not _has(_COMMON, password)


def url_password(match: Match[str]) -> bool:
    """Accept the password of a URL unless it only holds the place of one."""
    value = match["value"]
    return not (
        re.search(r"^\$|^%|\$\(|\.\.\.|^[*x.-]+$", value)
        or _has(_COMMON, value)
        or match[0].startswith("://scott:tiger@")  # Oracle's, in countless documents
    )


def _describes(rest: str) -> bool:
    return bool(_has(rf"(?:^|[_.-]|(?<=[a-z0-9])(?-i:(?=[A-Z]))){_ABOUT}", rest))


def _named(value: str) -> bool:
    """Tell whether a value reads as a name in code, with digits at one or two places."""
    if not re.search(r"^[A-Za-z_]\w*(?:[.:]\w+)*$", value):
        return False
    if len(value) >= _NAMELESS and re.search(r"^(?:[a-z0-9]+|[A-Z0-9]+)$", value):
        return False  # one word of that length, and no word: `_wordy` has been asked
    return len(value) < 16 or len(re.findall(r"[0-9]+", value)) <= 2  # noqa: PLR2004 - as above


def _ordinary(value: str) -> bool:
    patterns = (_PLACEHOLDER, _TEMPLATE, _DIGEST, *((_STAND_IN,) if len(value) < _LONG else ()))
    return any(_has(pattern, value) for pattern in patterns)


def _wordy(value: str) -> bool:
    """Tell whether the letters of a value follow each other as they do in words.

    Of the pairs of letters in the names of Python's standard library 86 % are among these
    180, of random ones 27 %.
    """
    if _has(_HEX, value) or len(re.findall(r"[0-9]+", value)) >= _MANY_NUMBERS:
        return False
    words = re.findall(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}", value)
    pairs = [a + b for word in words for a, b in pairwise(word.lower())]
    known = sum(pair in _PAIRS for pair in pairs)
    return known >= max(0.65 * len(pairs), 3) and 3 * len(pairs) >= len(value)


def _secret_like(value: str, name: str) -> bool:
    if (
        _ordinary(value)
        or not re.search(r"[0-9]", value)
        or not re.search(r"[^\W\d_]", value)
        or entropy(value) < min(3.0, 0.8 * log2(len(value)))
    ):
        return False
    if name.lower().startswith(("pass", "pwd")) and re.search(r"[!@#$%^&*?+~]", value):
        return True
    return not _wordy(value)
