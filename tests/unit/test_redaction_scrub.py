"""Scrubbing of JSON-like values: every text in them, keys included, in the same shape."""

from __future__ import annotations

from collections import OrderedDict
from types import MappingProxyType

import pytest

from codeflow_engine.redaction import Redactor

GITHUB = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
SHOWN = "[redacted:github-token]"
NAMED = "[redacted:named-value]"


def test_texts_at_every_depth_are_redacted_in_the_same_shape() -> None:
    """Lists, tuples, mappings and bytes keep their kind and order; other values stay."""
    marker = object()
    value = {
        "a": [GITHUB, 1, None, True, 2.5, (GITHUB, [b"x " + GITHUB.encode()])],
        "b": {"c": {"d": f"x {GITHUB}"}},
        "e": ((), [], {}, "", b""),
        7: marker,
    }

    assert Redactor().scrub(value) == {
        "a": [SHOWN, 1, None, True, 2.5, (SHOWN, [b"x " + SHOWN.encode()])],
        "b": {"c": {"d": f"x {SHOWN}"}},
        "e": ((), [], {}, "", b""),
        7: marker,
    }


def test_the_value_itself_is_not_changed() -> None:
    """Scrubbing returns a copy."""
    value = {"a": [GITHUB]}

    Redactor().scrub(value)

    assert value == {"a": [GITHUB]}


@pytest.mark.parametrize("mapping", [OrderedDict, MappingProxyType])
def test_every_mapping_becomes_a_plain_dict(mapping: type) -> None:
    """A copy needs nothing of the original's kind."""
    assert Redactor().scrub(mapping({"a": GITHUB})) == {"a": SHOWN}


@pytest.mark.parametrize(
    "key",
    [
        *("password", "db_password", "dbPassword", "PASSWD", "passphrase", "token", "accessToken"),
        *("GITHUB_TOKEN", "client_secret", "api_key", "x-api-key", "apiKey", "private_key"),
        *("Authorization", "proxy-authorization", "Cookie", "set-cookie", "credentials"),
    ],
)
def test_s33_a_text_under_a_telling_key_goes_as_a_whole(key: str) -> None:
    """A key's name is reason enough, even when the value looks harmless."""
    assert Redactor().scrub({key: "hunter2"}) == {key: NAMED}
    assert Redactor().scrub({key: [b"hunter2", "x"]}) == {key: [NAMED.encode(), NAMED]}
    assert Redactor().scrub({key.encode(): "hunter2"}) == {key.encode(): NAMED}


@pytest.mark.parametrize(
    "key", ["tokens", "max_tokens", "token_type", "password_reset", "secretary", "keyboard", "key"]
)
def test_a_text_under_an_ordinary_key_stays(key: str) -> None:
    """Names that only resemble those of secrets take nothing away."""
    assert Redactor().scrub({key: "plain"}) == {key: "plain"}


def test_other_values_under_a_telling_key_stay() -> None:
    """Counts, absent values and nested objects are not texts; empty text hides nothing."""
    value = {"token": 42, "password": None, "secret": "", "credentials": {"user": "me"}}

    assert Redactor().scrub(value) == value


def test_header_pairs_are_understood() -> None:
    """HTTP libraries keep headers as pairs, often of bytes."""
    headers = [
        (b"authorization", b"opaque"),
        ("X-Api-Key", "opaque"),
        ["cookie", "opaque"],
        ("accept", "opaque"),
        ("token", "word"),
        ("authorization", "a", "b"),
    ]

    assert Redactor().scrub(headers) == [
        (b"authorization", NAMED.encode()),
        ("X-Api-Key", NAMED),
        ["cookie", NAMED],
        ("accept", "opaque"),
        ("token", "word"),
        ("authorization", "a", "b"),
    ]


def test_keys_are_redacted_and_no_entry_is_lost() -> None:
    """Two secret keys that look the same afterwards stay two entries."""
    other = GITHUB[:-1] + "b"
    value = {GITHUB: 1, other: 2, SHOWN: 3, GITHUB.encode(): 4, other.encode(): 5}

    scrubbed = Redactor().scrub(value)

    assert scrubbed == {
        SHOWN: 1,
        f"{SHOWN}#2": 2,
        f"{SHOWN}#3": 3,
        SHOWN.encode(): 4,
        f"{SHOWN}#2".encode(): 5,
    }


def test_scrubbing_twice_changes_nothing_more() -> None:
    """Placeholders under a telling key, in texts and as keys stay as they are."""
    redactor = Redactor()
    once = redactor.scrub({"password": "x", "a": GITHUB, GITHUB: "y", "token": GITHUB})

    assert redactor.scrub(once) == once


def test_a_value_of_any_depth_is_scrubbed() -> None:
    """Twenty thousand levels are no stack overflow."""
    value: object = GITHUB
    for level in range(20_000):
        value = [value] if level % 2 else {"a": value}

    scrubbed = Redactor().scrub(value)

    for level in reversed(range(20_000)):
        scrubbed = scrubbed[0] if level % 2 else scrubbed["a"]
    assert scrubbed == SHOWN


def test_bytes_that_are_no_text_pass_through() -> None:
    """Undecodable bytes around a secret are kept to the byte."""
    assert Redactor().scrub(b"\xff\x00" + GITHUB.encode() + b"\xfe") == (
        b"\xff\x00" + SHOWN.encode() + b"\xfe"
    )
