"""Cost: linear in the text whatever stands in it, bounded hold-back, cheap to import."""

# ruff: noqa: S311 - seeded values made for tests alone
from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from random import Random
from re import _parser as sre  # the only way to a pattern's width
from string import ascii_letters
from typing import TYPE_CHECKING

import pytest

from codeflow_engine.redaction import RULES, Redactor
from codeflow_engine.redaction.scan import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTILE = [
    *("eyJ", "eyJ-", "eyJaaaa.", "://", "://a:", "://a:b@", "password", "password=", "key="),
    *("password: str = ", "-----BEGIN PRIVATE KEY-----\n", "PRIVATE KEY", "Private-Lines: 3\n"),
    *("-----END PRIVATE KEY-----\n", "AAAA" * 16 + "\n", "a", "ghp_", "[redacted:jwt]", ":AA"),
    *("[redacted:", "[redacted:jwt]token='", "Authorization: ", "bearer ", '"auth":"', "-", "~"),
    *("glpat-", "sk-", "-sk-", "\n", " ", "hunter2-", "aaaaabbbbb", "ghp_" + "a1B2c3" * 6 + " "),
    *("password='a1B2c3d4e5f6' ", "pass(", 'token\\\\"', "é", "Basic YTpi", "MTaaaaaaaaaaaaaaaaa"),
]


def seconds(text: str, redactor: Redactor) -> float:
    """Return the processor time that redacting a text takes, the best of two."""
    taken = []
    for _ in range(2):
        start = time.thread_time()
        redactor.redact(text)
        taken.append(time.thread_time() - start)
    return min(taken)


@pytest.mark.parametrize("piece", HOSTILE)
def test_s20_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    """Four times a hostile text costs about four times as much, not sixteen."""
    redactor = Redactor(secrets=["hunter2-very-secret", "aaaaabbbbbccccc"])
    size = 12_000
    text = (piece * (4 * size // len(piece) + 1))[: 4 * size]
    redactor.redact(text[:1000])

    small, large = seconds(text[:size], redactor), seconds(text, redactor)

    # 5 ms for what a shared machine adds to either.
    assert large <= 8 * small + 0.005


def test_s20_one_long_line_costs_what_many_lines_cost() -> None:
    """A line of some megabytes without a secret does not stall."""
    rng = Random(1)
    words = ["".join(rng.choices(ascii_letters, k=rng.randint(2, 9))) for _ in range(5000)]
    line = " ".join(rng.choices(words, k=400_000))
    redactor = Redactor()

    many, one = seconds(line.replace(" ", "\n", -1), redactor), seconds(line, redactor)

    assert one <= 3 * many + 0.01


def test_no_rule_looks_further_than_it_says() -> None:
    """Reach covers each pattern's width, so that the place of a cut changes nothing."""
    for rule in RULES:
        widest = sre.parse(rule.pattern).getwidth()[1]

        assert widest + 1 <= rule.reach, rule.id
        assert rule.reach <= 1640


@pytest.mark.parametrize("piece", [*HOSTILE, "the token, a word ", "x = f(y)\n"])
def test_a_stream_holds_back_a_bounded_piece(piece: str) -> None:
    """At most some 1,700 characters wait, or the lines of what may be a key."""
    stream = Redactor(secrets=["hunter2-very-secret"]).stream()
    text = piece * (12_000 // len(piece))
    longest = 129 * 65 if "AAAA" in piece else 1700

    for start in range(0, len(text), 97):
        stream.feed(text[start : start + 97])

        assert len(stream._text) - stream._settled <= longest
        assert len(stream._text) <= longest + 64


def test_a_stream_of_prose_is_shown_word_by_word() -> None:
    """Ordinary text is held back for a word or two, also where it speaks of tokens."""
    prose = "The function checks the token before it opens the connection to the host. " * 20
    stream = Redactor().stream()
    held = []

    for start in range(0, len(prose), 4):
        stream.feed(prose[start : start + 4])
        held.append(len(stream._text) - stream._settled)

    assert max(held) <= 80
    assert sum(held) / len(held) <= 20


def test_importing_is_cheap_and_compiles_nothing() -> None:
    """Importing costs less than importing dataclasses does, and compiles no pattern."""
    code = (
        "import re, time, typing, threading, binascii, math\n"
        "a = time.process_time(); import dataclasses\n"
        "b = time.process_time(); import codeflow_engine.errors\n"
        "compiled = []; real = re.compile\n"
        "re.compile = lambda *args: compiled.append(args) or real(*args)\n"
        "c = time.process_time(); import codeflow_engine.redaction\n"
        "d = time.process_time(); print((d - c) / (b - a), len(compiled))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(3)
    ]

    assert min(float(ratio) for ratio, _ in runs) < 1.5
    assert {count for _, count in runs} == {"0"}


@pytest.mark.parametrize("before", [0, WINDOW - 1, WINDOW])
def test_a_vendors_key_is_found_as_far_from_its_name_as_a_rule_allows(before: int) -> None:
    """What is looked for only in text with a UUID is told by one in the next window, too."""
    name = f'squarespace{"_" * 37}key\\\\"]]'
    way = f'{" " * 8}: {"A" * 31}==={" " * 8}[\\\\"'
    uuid = "0F3A9C1e-7b2d-4e6f-8a90-c4d51b7e2f38"
    text = "\n" * before + name + way + uuid + '"'

    found = Redactor().find(text)

    assert len(name + way) == 112
    assert [(span.rule, text[span.start : span.end]) for span in found] == [("vendor-uuid", uuid)]


@pytest.mark.fault
def test_s20_fifty_megabytes_on_one_line_stall_no_other_thread() -> None:
    """While a huge line is searched in a thread, the loop goes on at its usual pace."""
    line = "some words of a line without an end " * 1_400_000
    redactor = Redactor()

    def spin() -> None:
        end = time.perf_counter() + 2
        while time.perf_counter() < end:
            pass

    usual = asyncio.run(longest_stall(spin))
    stall = asyncio.run(longest_stall(lambda: redactor.find(line)))

    assert stall <= 0.02 + 3 * usual


async def longest_stall(work: Callable[[], object]) -> float:
    """Return for how long at most the loop did not run while a thread did some work."""
    task = asyncio.create_task(asyncio.to_thread(work))
    longest, last = 0.0, time.perf_counter()
    while not task.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    await task
    return longest
