"""Streams: chunks cut anywhere, what waits and what is shown at once."""

from __future__ import annotations

import pytest

from codeflow_engine.redaction import Redactor, Rule

GITHUB = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
ROW = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{ROW}\n{ROW[::-1]}\nQw==\n-----END RSA PRIVATE KEY-----\n"
VALUE = "s3cr3t tOk3n/valu3"
TEXTS = [
    f'x = "{GITHUB}", password="k3J9x0Q2m4", n\n{GITHUB}',
    f"{KEY}{GITHUB} after\n",
    f"+{ROW}\n+{ROW}\n+Qw==\n+-----END RSA PRIVATE KEY-----\n+done\n",
    f"-----BEGIN PRIVATE KEY-----\n{ROW * 5}\n{ROW}\nthe end of it\n",
    f"say {VALUE} and s3cr3t%20tOk3n%2Fvalu3 or s3cr3t tOk",
    f"{ROW}\n-----END RSA PRIVATE KEY-----{'y' * 600}\n",
    "postgresql://app:[redacted:url-password]@db [redacted:jwt]sk-" + "a1" * 20,
    "a3X8Q~" + "aZ3~" * 9 + " 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",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P so",
]


@pytest.mark.parametrize("text", TEXTS)
def test_two_chunks_show_what_the_whole_text_shows(text: str) -> None:
    """A secret that is cut at any place between two chunks is redacted all the same."""
    redactor = Redactor(secrets=[VALUE])
    whole = redactor.redact(text)

    for cut in range(len(text) + 1):
        stream = redactor.stream()
        assert stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.flush() == whole


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("text", TEXTS)
def test_many_small_chunks_show_what_the_whole_text_shows(text: str, size: int) -> None:
    """Chunks of a character or a few are no different from two halves."""
    redactor = Redactor(secrets=[VALUE])
    stream = redactor.stream()

    shown = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]

    assert "".join([*shown, stream.flush()]) == redactor.redact(text)


def test_text_without_a_sign_of_secrets_is_shown_at_once() -> None:
    """Words that begin no keyword do not wait for the end of their line."""
    assert Redactor().stream().feed("The quick brown fox jumped over it, ") == (
        "The quick brown fox jumped over it, "
    )


def test_a_token_is_replaced_before_its_end_is_known() -> None:
    """Once the form is clear the placeholder is shown, and the rest swallowed as it comes."""
    stream = Redactor().stream()

    shown = [stream.feed(f"use {GITHUB} "), stream.feed("now "), stream.flush()]

    assert "".join(shown) == "use [redacted:github-token] now "
    assert shown[0] == "use [redacted:github-token] "


def test_a_token_of_any_length_is_swallowed_in_small_memory() -> None:
    """A token that never ends is replaced once and is not kept."""
    stream = Redactor().stream()
    shown = stream.feed(GITHUB)

    for _ in range(200):
        shown += stream.feed("x9" * 500)
        assert len(stream._text) < 3000

    assert shown + stream.flush() == "[redacted:github-token]"


def test_what_follows_an_open_key_waits_for_its_line() -> None:
    """In a key's block a line is shown when it is whole, and what follows it with it."""
    stream = Redactor().stream()

    first = stream.feed(f"-----BEGIN PRIVATE KEY-----\n{GITHUB} is")
    rest = stream.feed(" no key\nat all ") + stream.flush()

    assert first == "-----BEGIN PRIVATE KEY-----\n"
    assert rest == "[redacted:github-token] is no key\nat all "


def test_a_stream_can_be_used_for_the_next_text() -> None:
    """Flushing ends a text; nothing of it is left for the next one."""
    stream = Redactor().stream()
    stream.feed(f"-----BEGIN PRIVATE KEY-----\n{ROW}\n{GITHUB}")
    stream.flush()

    assert stream.feed("abcd\n") + stream.flush() == "abcd\n"
    assert stream.flush() == ""


def test_a_stream_knows_the_secrets_of_its_beginning() -> None:
    """A value that is registered later is for the next stream."""
    redactor = Redactor()
    early = redactor.stream()
    redactor.add_secret(VALUE)
    late = redactor.stream()

    assert early.feed(f"{VALUE}. ") + early.flush() == f"{VALUE}. "
    assert late.feed(f"{VALUE}. ") + late.flush() == "[redacted:configured]. "


def test_a_rule_with_blanks_before_its_keyword_is_waited_for() -> None:
    """An offset over blanks holds back a few characters of every line."""
    own = Rule(
        id="pin",
        title="Pin",
        pattern=r"[0-9]{4} is my pin",
        keywords=("pin",),
        offset=11,
        blanks=3,
    )
    stream = Redactor(rules=[own]).stream()
    text = "a line\n1234 is my pin, 1234 is not\n"

    assert "".join([*map(stream.feed, text), stream.flush()]) == (
        "a line\n[redacted:pin], 1234 is not\n"
    )


def test_a_stream_without_rules_looks_for_registered_values_alone() -> None:
    """No rule at all is a choice too."""
    stream = Redactor(secrets=[VALUE], rules=()).stream()

    assert stream.feed(f"{GITHUB} {VALUE[:9]}") == f"{GITHUB} "
    assert stream.feed(VALUE[9:]) + stream.flush() == "[redacted:configured]"
