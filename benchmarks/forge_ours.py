"""This package's side of `bench_forge.py`: reviews of pull requests, all at once.

    python forge_ours.py TOLD COUNT --settings FILE [--model LATENCY] [--sample FILE]

`TOLD` is what `forge_server.py` has printed. It prints one line of JSON. With `--sample`, what
stands on the loop for longer than the target is written to a file, by samples of its stack.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from model_ours import Held

from codeflow_engine import AsyncEngine, Review
from codeflow_engine.domain.chat import ChatAnswer, ChatRequest
from codeflow_engine.providers.vcs.github import GitHub, GitHubSettings
from codeflow_engine.testing.fakes import FakeLLM, Reviewer

LIMIT = 0.020
_EVERY = 0.002


async def main() -> None:
    """Review, and tell."""
    options = argparse.ArgumentParser()
    options.add_argument("told", type=json.loads)
    options.add_argument("count", type=int)
    options.add_argument("--model", type=float, metavar="LATENCY")
    options.add_argument("--sample", type=Path, metavar="FILE")
    options.add_argument("--settings", type=Path)
    chosen = options.parse_args()
    told = chosen.told
    vcs = GitHub(GitHubSettings(token=told["token"], base_url=told["url"]))
    llm = [] if chosen.model is None else [Slow(chosen.model)]
    analyzers = ["secrets", "hygiene"]
    async with AsyncEngine(
        vcs=vcs, llm=llm, analyzers=analyzers, settings_file=str(chosen.settings)
    ) as engine:
        await engine.review("acme/shop#1")
        # As the guide on embedding says: what stands after the start is looked at no more.
        gc.collect()
        gc.freeze()
        held, collected = Held(), Collections()
        watching = asyncio.create_task(held.watch())
        sampler = Sampler(chosen.sample) if chosen.sample else None
        began, before = time.perf_counter(), used()
        numbers = [*range(2, chosen.count + 1), told["large"]]
        found = await asyncio.gather(*(review(engine, number) for number in numbers))
        seconds = time.perf_counter() - began
        cpu = used() - before
        watching.cancel()
        collected.close()
        if sampler is not None:
            sampler.close()
    await vcs.aclose()
    result: dict[str, Any] = {
        "held": held.longest,
        "held_wall": held.longest_wall,
        "gc": collected.longest,
        "seconds": seconds,
        "cpu": cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "units": sum(one.coverage.units for one in found),
        "calls": sum(one.usage.calls for one in found),
    }
    print(json.dumps(result))


class Collections:
    """Takes the time of Python's own collections of garbage on the loop's thread.

    They hold the loop, too, and the longer the more objects the host's process has.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        """In seconds of the thread's processor time."""

        self._thread = threading.get_ident()
        self._began = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.longest = max(self.longest, time.thread_time() - self._began)

    def close(self) -> None:
        """Look no more."""
        gc.callbacks.remove(self._note)


class Slow(FakeLLM):
    """A model that takes a while, and computes nothing on the loop meanwhile."""

    def __init__(self, latency: float) -> None:
        super().__init__("")
        self._says = Reviewer({"rebate": r"rebate_99\d\d ="})
        self._latency = latency

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Answer late."""
        text = await asyncio.to_thread(self._says, request)
        await asyncio.sleep(self._latency)
        return await FakeLLM(text).complete(request)


async def review(engine: AsyncEngine, number: int) -> Review:
    """Review one pull request, all of it."""
    found = await engine.review(f"acme/shop#{number}")
    assert found.outcome == "reviewed", found.reason
    return found


class Sampler:
    """Looks at the loop's thread again and again, and counts where it stands for too long."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._beat = 0
        self._over = threading.Event()
        self._found: list[tuple[float, Counter[str]]] = []
        self._task = asyncio.create_task(self._count())
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    async def _count(self) -> None:
        while True:
            self._beat += 1
            await asyncio.sleep(_EVERY)

    def _watch(self) -> None:
        beat, since, seen = -1, time.perf_counter(), Counter[str]()
        while not self._over.wait(_EVERY):
            now = time.perf_counter()
            if self._beat != beat:
                if now - since > LIMIT and seen:
                    self._found.append((now - since, seen))
                beat, since, seen = self._beat, now, Counter()
                continue
            frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - the only way to see it
            stack = traceback.extract_stack(frame)[-9:]
            seen[" < ".join(f"{one.name}:{one.lineno}" for one in reversed(stack))] += 1

    def close(self) -> None:
        """Write what was found, the longest first."""
        self._over.set()
        self._watcher.join()
        self._task.cancel()
        lines = []
        for seconds, seen in sorted(self._found, key=lambda one: -one[0])[:25]:
            lines.append(f"{seconds * 1e3:.0f} ms, {seen.total()} samples")
            lines += [f"    {count} {stack}" for stack, count in seen.most_common(3)]
        self._path.write_text("\n".join(lines) + "\n", "utf-8")


def used() -> float:
    """Give the processor seconds of this process and of its children."""
    whole = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in whole)


if __name__ == "__main__":
    asyncio.run(main())
