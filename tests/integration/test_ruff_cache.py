"""What ruff and bandit found in a file is kept by what is in the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from tool_changes import WatchedSandbox, analysis_of, fates

from codeflow_engine.contracts.analyzer import AnalyzerReport
from codeflow_engine.contracts.cache import Cache
from codeflow_engine.providers.analyzer import keeping
from codeflow_engine.providers.analyzer.bandit import BanditAnalyzer, BanditSettings
from codeflow_engine.providers.analyzer.ruff import RuffAnalyzer, RuffSettings
from codeflow_engine.storage.memory import MemoryCache

BAD = b"import os\nx = eval(y)  # noqa: F821\n"
FILES = {"a.py": BAD, "p/__init__.py": b"import re\n", "clean.py": b"z = 1\n"}
BOTH = pytest.mark.parametrize("tool", [RuffAnalyzer, BanditAnalyzer])


class OpenCache(MemoryCache):
    """A cache whose content a test can look at and change."""

    @property
    def held(self) -> dict[str, bytes]:
        return {key: value for key, (value, _) in self._items.items()}

    async def change(self, how: Callable[[str, bytes], bytes]) -> None:
        await self.put({key: how(key, value) for key, value in self.held.items()}, ttl=60.0)


async def look(
    tool: Any, cache: Cache, files: Mapping[str, bytes | str] = FILES
) -> tuple[AnalyzerReport, list[bytes]]:
    """Look at files; also give the content of every private copy that was made."""
    asked = analysis_of(files, cache=cache)
    async with WatchedSandbox() as sandbox:
        report = await tool.analyze(asked, sandbox)
    return report, [data for copies in sandbox.copies for data in copies.values()]


@BOTH
async def test_d25_a_second_look_runs_nothing(tool: Any) -> None:
    """The same files give an equal report, without any process."""
    cache = OpenCache()

    first, _ = await look(tool(), cache)
    second, copied = await look(tool(), cache)

    assert copied == []
    assert second == first
    assert first.findings


@BOTH
async def test_only_what_changed_is_looked_at(tool: Any) -> None:
    """A file with new content is run, and one that only moved is not."""
    cache = OpenCache()
    await look(tool(), cache)
    moved = {"new/place.py": BAD, "p/__init__.py": b"import re\n", "clean.py": b"eval(1)\n"}

    report, copied = await look(tool(), cache, moved)

    assert copied == [b"eval(1)\n"]
    if tool is RuffAnalyzer:
        assert {one.path for one in report.findings} == {"new/place.py", "p/__init__.py"}
    else:
        assert {one.path for one in report.findings} == {"new/place.py", "clean.py"}


async def test_a_name_that_rules_depend_on_is_part_of_the_key() -> None:
    """The same text in `__init__.py` is looked at anew."""
    cache = OpenCache()
    await look(RuffAnalyzer(), cache, {"a.py": b"import re\n"})

    _, copied = await look(RuffAnalyzer(), cache, {"__init__.py": b"import re\n"})

    assert copied == [b"import re\n"]


@pytest.mark.parametrize(
    "other",
    [
        RuffAnalyzer(RuffSettings(honour_suppressions=False)),
        RuffAnalyzer(RuffSettings(select=("F",))),
        BanditAnalyzer(),
        BanditAnalyzer(BanditSettings(select=("B307",))),
    ],
    ids=["suppressions", "rules", "tool", "tool and tests"],
)
async def test_other_settings_are_not_answered_from_the_cache(other: Any) -> None:
    """Tool and settings are in the key."""
    cache = OpenCache()
    await look(RuffAnalyzer(), cache)

    _, copied = await look(other, cache)

    assert len(copied) == 3


@pytest.mark.parametrize("name", ["ruff", "bandit"])
async def test_another_version_of_the_tool_is_not_answered_from_the_cache(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installed version is in the key."""
    tool: Any = {"ruff": RuffAnalyzer, "bandit": BanditAnalyzer}[name]
    cache = OpenCache()
    await look(tool(), cache)
    monkeypatch.setattr(f"codeflow_engine.providers.analyzer.{name}.version", lambda _: "99.9")

    _, copied = await look(tool(), cache)

    assert len(copied) == 3


def forged(rows: Any) -> Callable[[str, bytes], bytes]:
    return lambda key, _: keeping._seal(key, json.dumps(rows).encode())


SPOILT: dict[str, Callable[[str, bytes], bytes]] = {
    "cut off": lambda _, value: value[:-2],
    "empty": lambda _, __: b"",
    "garbage": lambda _, __: b"\xff" * 200,
    "emptied": lambda _, value: value[:64] + b"[[]]",
    "of another file": lambda _, __: keeping._seal("analyzer:0", b"[]"),
    "nested": lambda key, _: keeping._seal(key, b"[" * 100_000),
    "no list": forged({"rows": []}),
    "rows of another form": forged([["F401"]]),
    "a line that is not there": forged([["F401", "n", "m", [77, 1], [77, 2], []]]),
    "an unknown rule": forged([["../x", "n", "m", [1, 1], [1, 2], []]]),
    "texts that are none": forged([["F401", "n", 5, [1, 1], [1, 2], []]]),
    "edits that are none": forged([["F401", "n", "m", [1, 1], [1, 2], [[1, 2, 3]]]]),
}


@pytest.mark.fault
@pytest.mark.parametrize(
    ("tool", "how"),
    [*((RuffAnalyzer, how) for how in SPOILT), (BanditAnalyzer, "rows of another form")],
)
async def test_d25_a_spoilt_cache_is_a_miss(tool: Any, how: str) -> None:
    """Whatever the cache holds, the report is the one that the tool gives."""
    cache = OpenCache()
    first, _ = await look(tool(), cache)
    await cache.change(SPOILT[how])

    second, copied = await look(tool(), cache)

    assert second == first
    assert len(copied) == 3


@BOTH
async def test_d25_a_cache_that_forgets_everything_changes_nothing(tool: Any) -> None:
    """A backend that keeps nothing, or answers what it was not asked, is an empty one."""

    class Useless(Cache):
        async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
            return {"stranger": b"x" * 100}

        async def put(self, items: Mapping[str, bytes], *, ttl: float) -> None:
            assert ttl > 0

        async def discard(self, keys: Sequence[str]) -> None: ...

    cached, _ = await look(tool(), OpenCache())
    report, copied = await look(tool(), Useless())

    assert report == cached
    assert len(copied) == 3


async def test_only_complete_results_are_kept() -> None:
    """A file that the tool gave up on, and one that could not be read, are asked for again."""
    cache = OpenCache()
    files = {"broken.py": b"x = (\n", "gone.py": "absent", "a.py": BAD}

    first, _ = await look(BanditAnalyzer(), cache, files)
    second, copied = await look(BanditAnalyzer(), cache, files)

    assert len(cache.held) == 1
    assert copied == [b"x = (\n"]
    assert second == first
    assert fates(analysis_of(files), second)["gone.py"] == "failed: absent"
