"""Scans: analyzers whose work is a pure function over the text of a diff.

```python
from codeflow_engine.providers.analyzer.scan import run_scan


class AcmeAnalyzer(Analyzer):
    async def analyze(self, analysis, sandbox):
        return await run_scan(scan_for_acme, analysis, sandbox)
```

The function runs in a process of its own, with nothing of the host in reach. It may hang,
crash or eat memory there: the outcome is an `AnalyzerError`, never an empty report.

The answer of a scan that ships with the engine is kept by all that it depends on. One of a
plugin is not: nobody could tell when its code has changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from itertools import batched
from pathlib import Path
from typing import Any, Final

from codeflow_engine.contracts.analyzer import Analysis, AnalyzerReport
from codeflow_engine.errors import (
    AnalyzerError,
    ConfigurationError,
    SandboxError,
    SandboxTimeoutError,
)
from codeflow_engine.providers.analyzer import keeping
from codeflow_engine.providers.analyzer.report_reader import ReportReader
from codeflow_engine.providers.analyzer.scanning import Scan, wire
from codeflow_engine.sandbox import Completed, Limits, Sandbox

__all__ = ["ScanLimits", "run_scan"]

_OWN: Final = "codeflow_engine."
_PACKAGE: Final = Path(__file__).parents[2]
_CODE: Final = ("domain", "providers/analyzer/checks", "providers/analyzer/scanning", "redaction")
"""Where the code lies that an answer depends on."""

_PROGRAM: Final = "codeflow_engine.providers.analyzer.scanning.child"
_BATCH: Final = 2048
"""Units or rows between two looks at the event loop: one to three milliseconds."""

_COPIED: Final = 16 * 1024 * 1024
"""Bytes of a request that are copied on the loop's thread: about five milliseconds."""

_MB: Final = 1_000_000
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLimits:
    """What a scan may use; time and memory grow with the diff."""

    timeout: float = 20.0
    """Seconds that any scan has."""

    timeout_per_mb: float = 10.0
    """Further seconds for each million bytes of the diff."""

    memory_bytes: int = 512 * _MIB
    """Address space that any scan has."""

    memory_per_byte: int = 24
    """Further bytes of address space for each byte of the diff."""

    output_bytes: int = 64 * _MIB
    """Longest answer."""

    max_findings_per_file: int = 100
    """Findings of one file that are shown. One finding more tells that there are others,
    and the units that hold those count as not examined."""

    max_findings: int = 5_000
    """Findings of the whole change that are shown, in the same way."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ConfigurationError(
                    f"ScanLimits.{field.name} must be positive, not {getattr(self, field.name)!r}"
                )

    def of(self, size: int) -> Limits:
        """Give the limits of the process that scans a diff of `size` bytes."""
        timeout = self.timeout + self.timeout_per_mb * size / _MB
        return Limits(
            timeout=timeout,
            cpu_seconds=int(timeout) + 1,
            memory_bytes=self.memory_bytes + self.memory_per_byte * size,
            processes=4,
            output_bytes=self.output_bytes,
        )


_DEFAULT: Final = ScanLimits()


async def run_scan(
    scan: Scan,
    analysis: Analysis,
    sandbox: Sandbox,
    *,
    settings: Mapping[str, Any] | None = None,
    limits: ScanLimits = _DEFAULT,
) -> AnalyzerReport:
    """Run a scan over the units of an analysis.

    Args:
        scan: A function at the top level of a module that can be imported by its name.
        analysis: The diff and the units.
        sandbox: Where the process runs.
        settings: Plain JSON data for the scan.
        limits: What the process may use.

    Raises:
        AnalyzerError: The scan could not be run, did not end well, or gave an answer of
            another form. The message holds nothing of the change.
    """
    name, roots = _address(scan)
    data = analysis.change.diff.data
    runs = array("q")
    for batch in batched(analysis.units, _BATCH):
        runs.extend(wire.pack_units(batch))
        await asyncio.sleep(0)
    caps = (limits.max_findings_per_file, limits.max_findings)
    key = None
    if scan.__module__.startswith(_OWN):
        made_by = [wire.FORM, name, dict(settings or {}), caps]
        key = await asyncio.to_thread(_key, made_by, runs.tobytes(), data)
        if (report := await _recall(key, name, analysis)) is not None:
            return report
    head = wire.write_head(
        scan=name,
        roots=[str(root.parent) for root in roots],
        settings=settings or {},
        caps=caps,
        sizes=(len(runs) * runs.itemsize, len(data)),
    )
    done = await _run(name, (head, runs.tobytes(), data), roots, sandbox, limits=limits)
    status = done.signal or f"exit status {done.returncode}"
    report = await _read(name, done.stdout, status, analysis)
    if key is not None:
        await keeping.save(analysis.cache, {key: done.stdout.decode("ascii")})
    return report


def _key(made_by: Any, units: bytes, data: bytes) -> str:
    """Name an answer by all that it depends on: also the code, and Python's tables of letters.

    A version would not do: it stays the same while somebody works on the rules. Reading
    the code takes three milliseconds.
    """
    code = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((_PACKAGE / folder).rglob("*.py")):
            code.update(path.read_bytes())
    return keeping.digest([made_by, sys.version, code.hexdigest()], units, data)


async def _recall(key: str, name: str, analysis: Analysis) -> AnalyzerReport | None:
    """Read a kept answer as if a process had just given it; a wrong one is a miss."""
    kept = (await keeping.load(analysis.cache, [key])).get(key)
    if not isinstance(kept, str) or not kept.isascii():
        return None
    try:
        return await _read(name, kept.encode("ascii"), "exit status 0", analysis)
    except AnalyzerError:
        return None


async def _run(
    name: str,
    request: tuple[bytes, ...],
    roots: Sequence[Path],
    sandbox: Sandbox,
    *,
    limits: ScanLimits,
) -> Completed:
    size = len(request[-1])
    try:
        async with _input(sandbox, *request) as stdin:
            return await sandbox.run_python(
                _PROGRAM, stdin=stdin, limits=limits.of(size), readable=roots
            )
    except SandboxTimeoutError as error:
        seconds = limits.of(size).timeout
        raise AnalyzerError(f"the scan {name} did not end within {seconds:g} s") from error
    except SandboxError as error:
        raise AnalyzerError(f"the scan {name} could not be run: {error.message}") from error


@asynccontextmanager
async def _input(sandbox: Sandbox, *parts: bytes) -> AsyncIterator[bytes | Path]:
    """Put a request together: in memory, or in a file where copying would block the loop."""
    if sum(map(len, parts)) <= _COPIED:
        yield b"".join(parts)
        return
    async with sandbox.workspace() as directory:
        path = directory / "request"
        await asyncio.to_thread(_write, path, parts)
        yield path


def _write(path: Path, parts: Sequence[bytes]) -> None:
    try:
        with path.open("xb") as file:
            file.writelines(parts)
    except OSError as error:
        raise SandboxError(f"its input could not be written: {error.strerror}") from error


def _address(scan: Scan) -> tuple[str, Sequence[Path]]:
    """Give the name of a scan, and where its package lies if that is no usual place."""
    module, name = scan.__module__, scan.__qualname__
    found = sys.modules.get(module)
    if module == "__main__" or getattr(found, name, None) is not scan:
        raise AnalyzerError(
            f"the scan {module}:{name} is no function at the top level of a module; "
            "a process of its own could not import it"
        )
    package = sys.modules[module.partition(".")[0]]
    places = getattr(package, "__path__", None) or [package.__file__]
    roots = [Path(place).resolve() for place in places if place]
    own = module.startswith(_OWN)
    return f"{module}:{name}", [] if own else [root for root in roots if not _is_usual(root)]


def _is_usual(path: Path) -> bool:
    """Tell whether an interpreter of this installation finds modules there by itself."""
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    parts = {"lib", "lib64", "lib32"}
    return any(path.is_relative_to(Path(prefix, part)) for prefix in prefixes for part in parts)


async def _read(name: str, answer: bytes, status: str, analysis: Analysis) -> AnalyzerReport:
    reader = ReportReader(name, analysis)
    position = count = 0
    while (newline := answer.find(b"\n", position)) >= 0:
        reader.feed(answer[position:newline])
        position = newline + 1
        count += 1
        if count % _BATCH == 0:
            await asyncio.sleep(0)
    return reader.finish(whole=position == len(answer), status=status)
