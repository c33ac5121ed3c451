"""Runs a tool over the files of a change: cache, copies, processes, report."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from codeflow_engine.contracts.analyzer import Analysis, AnalyzerReport
from codeflow_engine.domain.diff import Unit
from codeflow_engine.domain.finding import RawFinding
from codeflow_engine.errors import AnalyzerError, SandboxError, SandboxTimeoutError
from codeflow_engine.providers.analyzer import keeping
from codeflow_engine.providers.analyzer.tools.choosing import Chosen, choose
from codeflow_engine.providers.analyzer.tools.source import Source
from codeflow_engine.providers.analyzer.tools.values import Copies, cores
from codeflow_engine.sandbox import Sandbox

if TYPE_CHECKING:
    from codeflow_engine.providers.analyzer.tools.tool import FileTool

__all__ = ["Outcome", "Told", "examine", "split"]

_FORM: Final = 1
"""Raised when the meaning of a kept row changes."""

_SMALL: Final = 256 * 1024
"""Bytes that are worth a process of their own: starting bandit takes as long as this."""

_LARGE: Final = 4 * 1024 * 1024
"""Bytes after which a further process begins, so that a fault takes few files along."""

_MOST: Final = 400
"""Files of one process; their names stand in its arguments."""

_MOST_RUNS: Final = 24
"""Processes that one batch may take to find the file that makes it fail: one of 400 takes 19."""

_MOST_FINDINGS: Final = 2_000
"""Findings of one file; one with more was not written for anybody to read."""

type Outcome = tuple[RawFinding, ...] | str
"""What was found in a file, or why it could not be examined."""

type Told = tuple[Sequence[Any] | None, Outcome]
"""The rows of a file, where there are any to keep, and the outcome."""


async def examine(tool: FileTool, analysis: Analysis, sandbox: Sandbox) -> AnalyzerReport:
    """Look at every changed Python file, and account for every unit."""
    limits = tool.limits
    chosen = await choose(
        analysis,
        tool.declines,
        file_bytes=limits.max_file_bytes,
        total_bytes=limits.max_total_bytes,
    )
    outcomes: dict[str, Outcome] = dict(chosen.unread)
    if chosen.sources:
        identity = await asyncio.to_thread(tool.identity)
        keys = await asyncio.to_thread(_keys, tool, identity, chosen.sources)
        kept = await keeping.load(analysis.cache, list(keys.values()))
        known = await asyncio.to_thread(_recall, tool, chosen.sources, keys, kept)
        outcomes.update(known)
        missing = [source for source in chosen.sources if source.path not in known]
        told = await _run_all(tool, missing, sandbox)
        fresh = {keys[path]: rows for path, (rows, _) in told.items() if rows is not None}
        await keeping.save(analysis.cache, fresh)
        outcomes.update((path, outcome) for path, (_, outcome) in told.items())
    return await asyncio.to_thread(_report, chosen, outcomes)


def _keys(tool: FileTool, identity: Any, sources: Iterable[Source]) -> dict[str, str]:
    return {
        source.path: keeping.digest([_FORM, tool.name, identity, source.copy_name], source.content)
        for source in sources
    }


def _recall(
    tool: FileTool, sources: Iterable[Source], keys: Mapping[str, str], kept: Mapping[str, Any]
) -> dict[str, Outcome]:
    """Read kept rows as if the tool had just told them; what cannot be true is a miss."""
    known: dict[str, Outcome] = {}
    for source in sources:
        rows = kept.get(keys[source.path])
        if isinstance(rows, list):
            try:
                known[source.path] = _findings(tool, rows, source)
            except AnalyzerError:
                continue
    return known


def _findings(tool: FileTool, rows: Sequence[Any], source: Source) -> Outcome:
    if len(rows) > _MOST_FINDINGS:
        return f"{tool.name} has more than {_MOST_FINDINGS} findings in it"
    try:
        return tuple(tool.finding(row, source) for row in rows)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        message = f"{tool.name} told of a finding that cannot be ({type(error).__name__})"
        raise AnalyzerError(message) from error


async def _run_all(tool: FileTool, sources: Sequence[Source], sandbox: Sandbox) -> dict[str, Told]:
    """Run as many processes at once as there are cores; one that fails harms no other."""
    processes = tool.limits.processes or cores()
    turns = asyncio.Semaphore(processes)

    async def one(batch: Sequence[Source]) -> dict[str, Told]:
        async with turns:
            return await _run_apart(tool, batch, sandbox)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(batch)) for batch in split(sources, processes)]
    return dict(chain.from_iterable(task.result().items() for task in tasks))


async def _run_apart(tool: FileTool, batch: Sequence[Source], sandbox: Sandbox) -> dict[str, Told]:
    """Run a batch; where that fails, run its halves, down to the file that is the cause.

    Both tools can be made to crash by a file (ruff aborts on 50,000 open brackets), which
    must not silence them about the files beside it. What hangs is not tried again.
    """
    told: dict[str, Told] = {}
    waiting = [batch]
    runs = 0
    while waiting:
        files = waiting.pop()
        runs += 1
        try:
            told.update(await _run(tool, files, sandbox))
        except (AnalyzerError, SandboxError) as error:
            final = isinstance(error, SandboxTimeoutError) or runs + len(waiting) >= _MOST_RUNS
            if final or len(files) == 1:
                told.update((source.path, (None, error.message)) for source in files)
            else:
                middle = len(files) // 2
                waiting += [files[middle:], files[:middle]]
    return told


def split(sources: Sequence[Source], processes: int) -> list[list[Source]]:
    """Spread files over processes by their size, the largest first.

    There are twice as many batches as processes where that is worth it, since time does not
    follow size exactly. The outcome depends on nothing but the files.
    """
    total = sum(len(source.content) for source in sources)
    wanted = max(
        min(2 * processes, -(-total // _SMALL)), -(-total // _LARGE), -(-len(sources) // _MOST), 1
    )
    batches: list[list[Source]] = [[] for _ in range(wanted)]
    sizes = [0] * wanted
    for source in sorted(sources, key=lambda one: (-len(one.content), one.path)):
        room = [at for at in range(wanted) if len(batches[at]) < _MOST]
        at = min(room, key=lambda place: (sizes[place], place))
        batches[at].append(source)
        sizes[at] += len(source.content)
    return [batch for batch in batches if batch]


async def _run(tool: FileTool, batch: Sequence[Source], sandbox: Sandbox) -> dict[str, Told]:
    size = sum(len(source.content) for source in batch)
    async with sandbox.workspace() as directory:
        named = {f"{directory}/{at}/{one.copy_name}": one for at, one in enumerate(batch)}
        await asyncio.to_thread(_write, named, transcode=tool.transcodes)
        copies = Copies(directory=directory, sources=named)
        told = await tool.run(copies, sandbox, tool.limits.of(size))
        return await asyncio.to_thread(_take, tool, copies, told)


def _write(named: Mapping[str, Source], *, transcode: bool) -> None:
    for path, source in named.items():
        data = source.text.encode() if transcode else source.content
        try:
            Path(path).parent.mkdir(mode=0o700)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
                file.write(data)
        except OSError as error:
            raise SandboxError(f"a copy could not be written: {error.strerror}") from error


def _take(
    tool: FileTool, copies: Copies, told: Mapping[str, Sequence[Any] | str]
) -> dict[str, Told]:
    """Hold the tool to an account of each file, and to nothing else."""
    if told.keys() - copies.sources.keys():
        raise AnalyzerError(f"{tool.name} speaks of a file that it was not given")
    taken: dict[str, Told] = {}
    for copy, source in copies.sources.items():
        rows = told.get(copy)
        if rows is None:
            taken[source.path] = None, f"{tool.name} did not account for the file"
        elif isinstance(rows, str):
            taken[source.path] = None, rows
        else:
            taken[source.path] = rows, _findings(tool, rows, source)
    return taken


def _report(chosen: Chosen, outcomes: Mapping[str, Outcome]) -> AnalyzerReport:
    examined: list[Unit] = []
    declined, failed = list(chosen.declined), list(chosen.failed)
    for unit, path in chosen.units:
        outcome = outcomes.get(path)
        if path in chosen.foreign:
            declined.append((unit, chosen.foreign[path]))
        elif isinstance(outcome, tuple):
            examined.append(unit)
        elif outcome is not None:
            failed.append((unit, outcome))
    return AnalyzerReport(
        findings=tuple(_offered(chosen, outcomes)),
        examined=tuple(examined),
        declined=tuple(declined),
        failed=tuple(failed),
    )


def _offered(chosen: Chosen, outcomes: Mapping[str, Outcome]) -> Iterator[RawFinding]:
    """Give the findings file by file; a suggestion stays where one hunk shows its lines."""
    for path, shown in chosen.hunks.items():
        outcome = outcomes.get(path)
        if not isinstance(outcome, tuple):
            continue
        for finding in sorted(outcome, key=_order):
            edit = finding.suggestion
            if edit is not None and not any(
                edit.start_line in lines and edit.end_line in lines for lines in shown
            ):
                finding = replace(finding, suggestion=None)  # noqa: PLW2901 - in its place
            yield finding


def _order(finding: RawFinding) -> tuple[int, int, str, str]:
    return finding.line or 0, finding.column or 0, finding.rule, finding.message
