"""The forms in which a configured secret may turn up in a text."""

from __future__ import annotations

import binascii

MIN_LENGTH = 8
"""Shorter values, such as a development password, are ordinary words of most texts."""

_MIN_DISTINCT = 4
_MIN_LINE = 16
_DEFAULTS = frozenset(
    (
        "12345678",
        "123456789",
        "1234567890",
        "changeit",
        "changeme",
        "changethis",
        "development",
        "localhost",
        "mysecretpassword",
        "passw0rd",
        "password",
        "password1",
        "postgres",
        "postgresql",
        "production",
        "rabbitmq",
        "testtest",
        "undefined",
    )
)
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")
# What encoders leave alone beside the unreserved: all is encoded; Python's `quote`;
# JavaScript's `encodeURIComponent` and `encodeURI`; segments and whole paths of an address
# (RFC 3986, section 3.3). Keys of clouds hold `/` and `+`, so each is another form.
_LEFT_ALONE = ("", "/", "!'()*", "!'()*;,/?:@&=+$#", "!$&'()*+,;=:@", "!$&'()*+,;=:@/")
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
_HTML_DECIMAL = {**_HTML, "'": "&#39;", '"': "&#34;"}
_LINE_BREAKS = frozenset("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
_URL_SAFE = str.maketrans("+/", "-_")


def forms_of(value: str) -> tuple[str, ...]:
    """Return each form of a secret, the longest first, none with a line break in it.

    They are the value itself; its URL encodings; JSON, repr and HTML escapes; hexadecimal;
    and base64, standard and URL-safe, at each of the three places in a group of three
    bytes at which it may begin. A value of several lines counts as each of its longer
    lines that look like a token, besides the encoded forms of the whole.
    """
    data = value.encode("utf-8", "surrogatepass")
    found = {
        value,
        *(line.strip() for line in value.splitlines() if _token_line(line.strip())),
        *(
            _percent(data, _UNRESERVED | set(left), case=case, space=space)
            for left in _LEFT_ALONE
            for case in "xX"
            for space in ("%20", "+")
        ),
        *(_json(value, ascii_only=ascii_only) for ascii_only in (True, False)),
        _json(value, ascii_only=True).replace("/", "\\/"),
        value.replace("\\", "\\\\").replace("'", "\\'"),
        *("".join(table.get(char, char) for char in value) for table in (_HTML, _HTML_DECIMAL)),
        data.hex(),
        data.hex().upper(),
        *_base64(data),
    }
    return tuple(
        sorted(
            (f for f in found if len(f) >= MIN_LENGTH and _LINE_BREAKS.isdisjoint(f)),
            key=lambda form: (-len(form), form),
        )
    )


def is_searchable(value: str) -> bool:
    """Tell whether a value can be looked for in free text.

    Not when it is shorter than `MIN_LENGTH`, has fewer than four different characters, or
    is a widespread default: its places in a text would mostly be no secret, and the
    placeholders there would tell everybody what the password is.
    """
    return (
        len(value) >= MIN_LENGTH
        and len(set(value)) >= _MIN_DISTINCT
        and value.lower() not in _DEFAULTS
    )


def _token_line(line: str) -> bool:
    return (
        len(line) >= _MIN_LINE
        and not line.startswith("-----")
        and not any(char.isspace() or char in "\"'" for char in line)
    )


def _percent(data: bytes, kept: frozenset[str], *, case: str, space: str) -> str:
    return "".join(
        chr(byte)
        if chr(byte) in kept
        else space
        if byte == 32  # noqa: PLR2004 - the code of a blank
        else f"%{byte:02{case}}"
        for byte in data
    )


def _json(value: str, *, ascii_only: bool) -> str:
    out = []
    for char in value:
        if char in _SHORT_ESCAPES:
            out.append(_SHORT_ESCAPES[char])
        elif char < " " or (ascii_only and not char.isascii()):
            units = char.encode("utf-16-be", "surrogatepass").hex()
            out.extend(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
        else:
            out.append(char)
    return "".join(out)


def _base64(data: bytes) -> set[str]:
    """Return the characters of base64 that depend on `data` alone, wherever it begins."""
    found = set()
    for shift in range(3):
        text = binascii.b2a_base64(b"\0" * shift + data, newline=False).decode()
        first = (0, 2, 3)[shift]
        # The last group is shared with whatever follows unless the data fill it.
        last = (shift + len(data)) * 8 // 6
        inner = text[first:last]
        found |= {inner, inner.translate(_URL_SAFE)}
    return found
