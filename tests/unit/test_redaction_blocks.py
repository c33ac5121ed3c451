"""Private keys: over many lines, on one, cut off at either end, and what is none."""

# ruff: noqa: S311 - seeded values made for tests alone
from __future__ import annotations

import json
from random import Random
from string import ascii_letters, digits

import pytest

from codeflow_engine.redaction import Redactor

HERE = "[redacted:private-key]"


def body(lines: int, *, width: int = 64, last: int = 26) -> list[str]:
    """Make the base64 lines of a key."""
    rng = Random(lines * width + last)
    chars = ascii_letters + digits + "+/"
    rows = ["".join(rng.choices(chars, k=width)) for _ in range(lines - 1)]
    return [*rows, "".join(rng.choices(chars, k=last)) + "=="]


def key(kind: str = "RSA ", *, lines: int = 12) -> str:
    """Make a whole key file, which no program would accept."""
    return "\n".join(
        [f"-----BEGIN {kind}PRIVATE KEY-----", *body(lines), f"-----END {kind}PRIVATE KEY-----", ""]
    )


def remains(shown: str, lines: list[str]) -> bool:
    """Tell whether eight characters in a row of some line are still shown."""
    return any(row[i : i + 8] in shown for row in lines for i in range(max(len(row) - 10, 1)))


@pytest.mark.parametrize(
    "kind", ["", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", "ED25519 ", "SSH2 ENCRYPTED "]
)
def test_a_key_of_each_kind_is_redacted_line_by_line(kind: str) -> None:
    """The header and the footer stay, each line between them gives way."""
    shown = Redactor().redact(f"before\n{key(kind)}after\n")

    assert shown == "\n".join(
        [
            "before",
            f"-----BEGIN {kind}PRIVATE KEY-----",
            *[HERE] * 12,
            f"-----END {kind}PRIVATE KEY-----",
            "after",
            "",
        ]
    )


@pytest.mark.parametrize(
    "wrap",
    [
        "{}",
        "+{}",
        "-{}",
        " {}",
        "    {}",
        "# {}",
        " * {}",
        "// {}",
        "> {}",
        '"{}\\n"',
        '    "{}\\n" +',
        "'{}',",
        '+  b"{}\\n"',
        "  12 | {}",
        "17:+{}",
        "{}\r",
    ],
)
def test_a_key_is_found_behind_whatever_its_lines_begin_with(wrap: str) -> None:
    """Diff markers, line numbers, comments, quotes and indentation stay, the key goes."""
    lines = key().splitlines()

    shown = Redactor().redact("\n".join(wrap.format(line) for line in lines))

    assert not remains(shown, lines[1:-1])
    assert (
        shown.split("\n")[5] == wrap.replace("\\n", "").format(HERE) or HERE in shown.split("\n")[5]
    )
    assert shown.count("\n") == len(lines) - 1


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"private_key": key(), "client_email": "a@example.test"}),
        json.dumps(json.dumps({"private_key": key()})),
        "KEY=" + key().replace("\n", " "),
        "KEY=" + key().replace("\n", "%0A"),
        "KEY='" + key().replace("\n", "\\r\\n") + "'",
        'key = "-----BEGIN RSA PRIVATE KEY-----" + "' + "".join(body(12)) + '"',
        key("ENCRYPTED ").replace("\n", "\\n", 40),
        "-----BEGIN RSA PRIVATE KEY-----\\nProc-Type: 4,ENCRYPTED\\n"
        "DEK-Info: AES-128-CBC,0A1B2C\\n\\n" + "\\n".join(body(12)),
    ],
)
def test_a_key_on_one_line_is_redacted(text: str) -> None:
    """Escaped, percent-encoded or flattened to one line, a key is still a key."""
    assert not remains(Redactor().redact(text), body(12))


def test_the_neighbours_of_a_key_on_one_line_stay() -> None:
    """A service account loses its key and nothing else."""
    account = {"type": "service_account", "private_key": key(), "client_email": "a@example.test"}

    shown = json.loads(Redactor().redact(json.dumps(account)))

    assert shown["client_email"] == "a@example.test"
    assert shown["private_key"].startswith(f"-----BEGIN RSA PRIVATE KEY-----\n{HERE}-----END")


def test_a_key_without_its_end_is_redacted() -> None:
    """A text that was cut off within a key shows none of it."""
    cut = key()[:500]

    assert not remains(Redactor().redact(cut), cut.splitlines()[1:])


def test_a_key_without_its_beginning_is_redacted() -> None:
    """A hunk that starts within a key is told by the footer."""
    lines = key().splitlines()[4:]

    shown = Redactor().redact("\n".join(["@@ -4,9 +4,9 @@", *(f" {line}" for line in lines)]))

    assert shown.split("\n") == [
        "@@ -4,9 +4,9 @@",
        *[f" {HERE}"] * 9,
        " -----END RSA PRIVATE KEY-----",
    ]


def test_a_footer_on_the_last_line_of_the_key_is_understood() -> None:
    """The end of a key may share a line with the footer."""
    lines = body(5)

    shown = Redactor().redact("\n".join(lines) + "-----END PRIVATE KEY-----")

    assert shown == "\n".join([HERE] * 5) + "-----END PRIVATE KEY-----"


def test_headers_and_empty_lines_within_a_key_are_passed_over() -> None:
    """An encrypted key's parameters are shown, its lines are not."""
    rows = body(3)
    text = "\n".join(
        [
            "-----BEGIN RSA PRIVATE KEY-----",
            "Proc-Type: 4,ENCRYPTED",
            "DEK-Info: AES-128-CBC,0A1B2C3D",
            "",
            *rows,
            "-----END RSA PRIVATE KEY-----",
        ]
    )

    shown = Redactor().redact(text).split("\n")

    assert shown == [*text.split("\n")[:4], HERE, HERE, HERE, "-----END RSA PRIVATE KEY-----"]


def test_keys_of_pgp_and_putty_are_redacted() -> None:
    """An armoured secret key and a PuTTY file hold base64 lines too."""
    rows = body(4)
    pgp = [
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "Version: 2",
        "",
        *rows,
        "-----END PGP PRIVATE KEY BLOCK-----",
    ]
    putty = ["PuTTY-User-Key-File-2: ssh-rsa", "Private-Lines: 4", *rows, "Private-MAC: 0123"]

    for lines in (pgp, putty):
        shown = Redactor().redact("\n".join(lines))
        assert not remains(shown, rows)
        assert shown.split("\n")[-1] == lines[-1]


def test_a_very_long_line_of_a_key_goes_as_a_whole() -> None:
    """A key whose base64 was never folded, or goes on for ever, leaves nothing."""
    row = "".join(body(700, last=3))

    shown = Redactor().redact(f"-----BEGIN PRIVATE KEY-----\n{row}\nMore of it follows here\n")

    assert shown == f"-----BEGIN PRIVATE KEY-----\n{HERE}\nMore of it follows here\n"


@pytest.mark.parametrize(
    "text",
    [
        'if line == "-----BEGIN PRIVATE KEY-----":\n    break\nelse:\n    continue\n',
        "-----BEGIN PRIVATE KEY-----\n\n\n\n\n\n\n\n\n\nsomething else entirely\n",
        "-----BEGIN PRIVATE KEY-----\nYour key goes here\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nabcdefabcdefabcdefabcdefabcdef\n",
        "-----BEGIN PRIVATE KEY-----\nmake_the_parser_for_private_key_files(text)\n",
        "-----BEGIN PRIVATE KEY----- is missing; see\nthe documentation\n",
        "-----BEGIN CERTIFICATE-----\n" + "\n".join(body(9)) + "\n-----END CERTIFICATE-----\n",
        "word\n-----END PRIVATE KEY-----\n",
        "see -----END PRIVATE KEY-----",
        "\n".join(body(4)) + "\nand so on\n-----END PRIVATE KEY-----\n",
        "x" * 300 + "-----END PRIVATE KEY-----\n",
    ],
)
def test_what_only_speaks_of_keys_is_left_alone(text: str) -> None:
    """A header alone is no secret, nor is prose behind one, nor a certificate."""
    assert Redactor().redact(text) == text


def test_lines_behind_the_footer_are_no_part_of_the_key() -> None:
    """A key ends with its footer; code that follows stays."""
    text = f"{key()}identifierOfMoreThanTwentyFourLetters9\n"

    assert Redactor().redact(text).endswith("-----\nidentifierOfMoreThanTwentyFourLetters9\n")


def test_a_second_key_is_found_behind_a_cut_off_one() -> None:
    """A header ends the block before it and opens its own."""
    first = "\n".join(key().splitlines()[:6])

    shown = Redactor().redact(f"{first}\n{key('EC ')}")

    assert shown.count(HERE) == 5 + 12
    assert not remains(shown, body(12))


def test_no_more_than_128_lines_before_a_footer_are_read() -> None:
    """What a stream has to hold back for a footer stays bounded."""
    shown = Redactor().redact("\n".join([*body(140), "-----END PRIVATE KEY-----"]))

    assert shown.count(HERE) == 128
    assert shown.startswith("\n".join(body(140)[:12]) + f"\n{HERE}\n")
