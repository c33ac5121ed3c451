"""A scan runs in a process of its own; whatever it does there, it is never a clean report."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import hostile_scans
import pytest

from codeflow_engine.contracts.analyzer import Analysis
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff
from codeflow_engine.errors import AnalyzerError
from codeflow_engine.providers.analyzer import scan as scan_module
from codeflow_engine.providers.analyzer.scan import ScanLimits, run_scan
from codeflow_engine.providers.analyzer.scanning import Scan
from codeflow_engine.sandbox import Isolation, Sandbox
from codeflow_engine.storage.memory import MemoryCache
from stopwatch import stopwatch

QUOTED = "hunter2-hunter2"
PATCH = "".join(
    f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-x\n+{QUOTED}\n" for name in ("a.py", "b.py")
)
SHORT = ScanLimits(timeout=1.5)


async def unread(*_: Any) -> Any:
    raise AssertionError("no file is read")


def analysis(text: str = PATCH) -> Analysis:
    diff = Diff.parse(text)
    return Analysis(
        change=Change.from_diff(diff), units=diff.units, read_files=unread, cache=MemoryCache()
    )


@pytest.fixture(params=[None, Isolation.NONE], ids=["best", "none"])
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """Give a sandbox on the best rung that there is, and one on the lowest."""
    async with Sandbox(prefer=request.param) as made:
        yield made


@pytest.fixture
async def best() -> AsyncIterator[Sandbox]:
    """Give a sandbox on the best rung."""
    async with Sandbox() as made:
        yield made


async def test_an_honest_scan_gives_a_report(sandbox: Sandbox) -> None:
    """The control: the same road with a function that keeps to its form."""
    asked = analysis()

    report = await run_scan(hostile_scans.honest, asked, sandbox)

    assert report.examined == asked.units
    assert report.findings == report.declined == ()


async def test_a_long_answer_is_read_to_its_end(best: Sandbox) -> None:
    """Every row counts, however many there are."""
    hunks = "".join(f"@@ -{at} +{at} @@\n-x\n+y\n" for at in range(1, 15_000, 3))
    asked = analysis(f"--- a/a\n+++ b/a\n{hunks}")

    report = await run_scan(hostile_scans.alternates, asked, best)

    assert report.examined == asked.units[1::2]
    assert report.declined == tuple((unit, "no") for unit in asked.units[::2])


async def test_a_large_request_goes_through_a_file(
    best: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copying it would block the loop; the process reads the same."""
    monkeypatch.setattr(scan_module, "_COPIED", 10)
    asked = analysis()

    report = await run_scan(hostile_scans.honest, asked, best)

    assert report.examined == asked.units


async def test_a_request_that_finds_no_room_on_disk_is_an_error(
    best: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is scanned, and the reason is the system's."""

    def no_room(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/place")

    monkeypatch.setattr(scan_module, "_COPIED", 10)
    monkeypatch.setattr(Path, "open", no_room)

    with pytest.raises(AnalyzerError, match="could not be written: No space left") as caught:
        await run_scan(hostile_scans.honest, analysis(), best)

    assert "/secret/place" not in caught.value.message


async def test_s17_a_scan_sees_nothing_of_the_host(
    best: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No variable of the host, no file of it, no module that costs time."""
    if await best.isolation() is Isolation.NONE:
        pytest.skip("nothing isolates programs here")
    monkeypatch.setenv("API_KEY", QUOTED)
    secret = tmp_path / "secret"
    secret.write_text(QUOTED)
    settings = {
        "paths": [str(secret), "/etc/passwd", str(Path.cwd() / "pyproject.toml")],
        "modules": ["asyncio", "pydantic", "codeflow_engine.contracts", "subprocess", "socket"],
    }

    report = await run_scan(hostile_scans.tells, analysis(), best, settings=settings)

    (finding,) = report.findings
    assert "API_KEY" not in finding.message
    assert "'modules': [], 'readable': []" in finding.message
    assert report.declined == ((analysis().units[1], "another language"),)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("scan", "what"),
    [
        (hostile_scans.raises, r"ValueError \(at hostile_scans:\d+\)"),
        (hostile_scans.raises_late, r"KeyError \(at hostile_scans:\d+\)"),
        (hostile_scans.leaves, r"before its answer was complete \(exit status 0\)"),
        (hostile_scans.leaves_at_once, r"before its answer was complete \(exit status 0\)"),
        (hostile_scans.leaves_badly, r"before its answer was complete \(exit status 3\)"),
        (hostile_scans.dies, r"before its answer was complete \(SIGSEGV\)"),
        (hostile_scans.forges, r"goes on behind its end"),
        (hostile_scans.skips, r"it does not give one result for each unit in turn"),
        (hostile_scans.repeats, r"it gives more results than there are units"),
        (hostile_scans.strays, r"a finding names another file than its unit does"),
        (hostile_scans.lies_about_types, r"wrong fields: line"),
    ],
)
async def test_a_scan_that_crashes_or_lies_is_an_error(
    sandbox: Sandbox, scan: Scan, what: str
) -> None:
    """The error names the scan and what happened, and holds nothing of the change."""
    with pytest.raises(AnalyzerError, match=f"hostile_scans:{scan.__name__} .*{what}") as caught:
        await run_scan(scan, analysis(), sandbox)

    assert QUOTED not in repr(caught.value)
    assert QUOTED not in repr(caught.value.__cause__)


@pytest.mark.parametrize("scan", [hostile_scans.hangs, hostile_scans.spins])
async def test_a_scan_that_never_ends_is_ended(sandbox: Sandbox, scan: Scan) -> None:
    """The deadline holds, whatever signals it ignores, and is named."""
    async with stopwatch() as watch:
        with pytest.raises(AnalyzerError, match=r"did not end within 1\.5"):
            await run_scan(scan, analysis(), sandbox, limits=SHORT)

    assert watch.seconds < 15


async def test_s20_a_scan_that_eats_memory_fails_alone(sandbox: Sandbox) -> None:
    """Its address space is limited, so that the host does not notice."""
    with pytest.raises(AnalyzerError, match="MemoryError"):
        await run_scan(hostile_scans.eats, analysis(), sandbox)


async def test_a_scan_that_writes_too_much_is_an_error(sandbox: Sandbox) -> None:
    """An answer is whole or an error, never a part."""
    limits = ScanLimits(output_bytes=1_000_000, max_findings_per_file=1_000)

    with pytest.raises(AnalyzerError, match="wrote more than 1000000 bytes"):
        await run_scan(hostile_scans.floods, analysis(), sandbox, limits=limits)


async def test_what_a_scan_prints_is_no_answer(sandbox: Sandbox) -> None:
    """Print is a habit; it reaches neither the answer nor the report."""
    asked = analysis()

    report = await run_scan(hostile_scans.prints, asked, sandbox)

    assert report.examined == asked.units


async def test_a_cancelled_scan_is_ended(sandbox: Sandbox) -> None:
    """Cancellation goes through, and leaves no process behind."""
    running = asyncio.ensure_future(run_scan(hostile_scans.hangs, analysis(), sandbox))
    await asyncio.sleep(0.5)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(sandbox.aclose(), timeout=5)


async def test_a_closed_sandbox_is_an_error(best: Sandbox) -> None:
    """A sandbox that gives nothing is no reason for an empty report."""
    await best.aclose()

    with pytest.raises(AnalyzerError, match="could not be run: the sandbox is closed"):
        await run_scan(hostile_scans.honest, analysis(), best)


@pytest.mark.parametrize("name", ["nested", "lambda", "main", "gone"])
async def test_a_function_that_no_other_process_finds_is_refused(
    best: Sandbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what is wrong with it."""

    def nested(*_: Any) -> Any:
        return ()

    def main(*_: Any) -> Any:
        return ()

    main.__module__, main.__qualname__ = "__main__", "main"
    monkeypatch.setattr(sys.modules["__main__"], "main", main, raising=False)

    def gone(*_: Any) -> Any:
        return ()

    gone.__module__ = "no.such.module"
    scans: dict[str, Scan] = {
        "nested": nested,
        "lambda": lambda *_: (),
        "main": main,
        "gone": gone,
    }

    with pytest.raises(AnalyzerError, match="no function at the top level of a module"):
        await run_scan(scans[name], analysis(), best)


async def test_an_installed_plugin_is_found_without_naming_its_place(best: Sandbox) -> None:
    """A function of the interpreter's own directories needs no further path."""
    import pytest_asyncio.plugin

    with pytest.raises(AnalyzerError, match=r"pytest_asyncio\.plugin:fixture .*failed"):
        await run_scan(pytest_asyncio.plugin.fixture, analysis(), best)
