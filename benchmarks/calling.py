"""Asks a model again and again, and measures what a call costs this process."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

__all__ = ["KEY", "MODEL", "OUTPUT", "SYSTEM", "Ask", "Subject", "main"]

type Ask = Callable[[str], Awaitable[str]]
"""Sends the words of a user, and gives those of the model."""

type Subject = Callable[[str], AbstractAsyncContextManager[Ask]]
"""Opens the way to a server at a URL."""

MODEL = "gpt-5.1"
KEY = "sk-bench-6f1d2c9b7a4e83"
OUTPUT = 1_000
SYSTEM = "You review changes of code. Name each defect with its file and line, and nothing else."

SIZES = {"small": 8_000, "large": 100_000}
"""Characters of the prompts, which are ASCII."""

AT_ONCE = 100
WARM = 30


def prompts(size: int) -> Iterator[str]:
    """Give prompts of a size: one piece of code, and in each another number.

    The code is that of benchmarks, in none of which the key stands: the gateway would take it out.
    """
    code = "".join(
        path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("bench_*.py"))
    )
    lines = [f"+{line}" for line in code.encode("ascii", "replace").decode().splitlines()]
    text = "\n".join(lines)
    text = (text * (size // len(text) + 1))[:size]
    for number in itertools.count(1):
        yield f"{text}\nQuestion {size}-{number}."


async def measure(ask: Ask, calls: int) -> dict[str, float]:
    """Give milliseconds of CPU for a call, one after the other and many at once."""
    told = {}
    for name, size in SIZES.items():
        asked = prompts(size)
        await in_turn(ask, asked, WARM)
        told[name] = await in_turn(ask, asked, calls)
    asked = prompts(SIZES["small"] + 1)
    await at_once(ask, asked, 1)
    told["at_once"] = await at_once(ask, asked, max(calls // AT_ONCE, 1))
    return told


async def in_turn(ask: Ask, asked: Iterator[str], calls: int) -> float:
    """Ask one after the other."""
    texts = list(itertools.islice(asked, calls))
    began = time.process_time()
    said = [await ask(text) for text in texts]
    return taken(began, texts, said)


async def at_once(ask: Ask, asked: Iterator[str], batches: int) -> float:
    """Ask many at once, some times."""
    texts = list(itertools.islice(asked, AT_ONCE * batches))
    said: list[str] = []
    began = time.process_time()
    for at in range(0, len(texts), AT_ONCE):
        said += await asyncio.gather(*map(ask, texts[at : at + AT_ONCE]))
    return taken(began, texts, said)


def taken(began: float, texts: list[str], said: list[str]) -> float:
    """Give milliseconds for a call, once it is sure that each answer is that of its question."""
    cpu = time.process_time() - began
    for text, answer in zip(texts, said, strict=True):
        digest = hashlib.sha256(f"{SYSTEM}\n{text}".encode()).hexdigest()
        assert answer.endswith(digest), f"an answer to something else: {answer}"
    return cpu / len(texts) * 1000


def main(subjects: Mapping[str, Subject]) -> int:
    """Measure what the arguments name (subject, URL, calls), and print a line of JSON."""
    name, url, calls = sys.argv[1:]

    async def measured() -> dict[str, float]:
        async with subjects[name](url) as ask:
            return await measure(ask, int(calls))

    print(json.dumps(asyncio.run(measured())))
    return 0
