"""The forge of `bench_forge.py`: a process of its own, with pull requests that are there already.

    python forge_server.py COUNT LATENCY

It prints one line of JSON: where it is, a token, and the number of the large pull request, which
comes after `COUNT` small ones. It serves until its standard input ends.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator

from codeflow_engine.testing.examples import ExampleFile
from codeflow_engine.testing.forge import FakeForge
from codeflow_engine.testing.forge.limits import LimitRules

SMALL = (8, 60)
"""Files of a small change, and lines of each that it replaces."""

LARGE = (1_005, 105)
_WORDS = ("order", "price", "stock", "basket", "rebate", "invoice", "customer", "carrier")

type Tree = dict[str, ExampleFile]


def main() -> None:
    """Serve until there is no more input."""
    count, latency = int(sys.argv[1]), float(sys.argv[2])
    with FakeForge(limits=LimitRules(enabled=False)) as forge:
        repository = forge.repository("acme/shop")
        for number in range(count):
            repository.open_pull_request(*trees(f"small-{number}", *SMALL), base=f"base-{number}")
        large = repository.open_pull_request(*trees("large", *LARGE), base="base-large")
        pull = repository.pull(large)
        size = len(forge.run(repository.git.patch(pull.base_sha, pull.head_sha)))
        forge.faults.latency = latency
        token = forge.token("codeflow-app[bot]")
        told = {"url": forge.url, "token": token, "large": large, "bytes": size}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


def trees(name: str, files: int, lines: int) -> tuple[Tree, Tree]:
    """Make the trees of a change that replaces lines in files; the same ones each time."""
    chance = random.Random(name)  # noqa: S311 - words of a benchmark
    base, head = {}, {}
    for at in range(files):
        before = list(_lines(chance, lines + 20))
        after = [*before[:10], *_lines(chance, lines), *before[-10:]]
        path = f"{name}/part_{at % 9}/{chance.choice(_WORDS)}_{at}.py"
        base[path] = ExampleFile.of("".join(before))
        head[path] = ExampleFile.of("".join(after))
    return base, head


def _lines(chance: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        one, two, three = chance.choices(_WORDS, k=3)
        yield f"{one}_{chance.randrange(9999)} = {two}.{three}(row)\n"


if __name__ == "__main__":
    main()
