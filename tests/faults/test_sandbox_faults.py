"""The sandbox under load, under attack on its resources, and inside an odd host."""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from codeflow_engine.errors import SandboxError, SandboxLimitError, SandboxTimeoutError
from codeflow_engine.sandbox import Isolation, Limits, Sandbox

pytestmark = pytest.mark.fault
MIB = 1024 * 1024


@pytest.fixture(params=list(Isolation))
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async with Sandbox(prefer=request.param) as made:
        if await made.isolation() is not request.param:
            pytest.skip(f"this machine has no rung {request.param}: {dict(made.refusals)}")
        yield made


def python(script: str, *words: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", script, *words]


def with_marker(marker: str) -> int:
    count = 0
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            count += entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes()
    return count


def gone(marker: str) -> bool:
    """Wait until no process of the machine has a marker on its command line."""
    end = time.monotonic() + 5
    while with_marker(marker):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def longest_stall(stop: asyncio.Event) -> float:
    """Measure, until stopped, the longest time for which the loop did not turn."""
    longest, last = 0.0, time.perf_counter()
    while not stop.is_set():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest


@pytest.mark.parametrize("isolate", [True, False])
async def test_cpu_time_past_its_limit_is_a_limit_error(sandbox: Sandbox, isolate: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A program that burns its CPU seconds is ended by the kernel, and the error says so."""
    with pytest.raises(SandboxLimitError, match="CPU time"):
        await sandbox.run(python("while True: pass"), limits=Limits(cpu_seconds=1), isolate=isolate)


async def test_a_hundred_programs_at_once_all_end_well(sandbox: Sandbox) -> None:
    """A hundred runs at once give a hundred right answers, and leave nothing open."""
    await sandbox.run(["true"])
    before = open_descriptors()

    done = await asyncio.gather(
        *(sandbox.run(["cat"], stdin=f"{n}".encode() * 1000) for n in range(100))
    )

    assert [one.stdout for one in done] == [f"{n}".encode() * 1000 for n in range(100)]
    assert open_descriptors() == before


async def test_the_loop_turns_while_programs_start(sandbox: Sandbox) -> None:
    """Starting 20 programs stalls the loop for less than starting them without a sandbox."""

    async def bare() -> None:
        argv = [sys.executable, "-I", "-c", "pass"]
        process = await asyncio.create_subprocess_exec(*argv, stdin=subprocess.DEVNULL)
        await process.wait()

    async def stall(start: Callable[[], Awaitable[object]]) -> float:
        stop = asyncio.Event()
        ticker = asyncio.create_task(longest_stall(stop))
        await asyncio.gather(*(start() for _ in range(20)))
        stop.set()
        return await ticker

    await sandbox.run(["true"])
    pairs = [(await stall(bare), await stall(lambda: sandbox.run(["true"]))) for _ in range(5)]

    peer, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    assert ours < max(0.02, 0.5 * peer), f"{ours * 1000:.1f} ms against {peer * 1000:.1f} ms"


@pytest.mark.parametrize("reads", [True, False])
async def test_thirty_megabytes_of_input_do_not_stall_the_loop(
    sandbox: Sandbox,
    reads: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Input goes in as the program reads; one that does not read meets its deadline."""
    stop = asyncio.Event()
    ticker = asyncio.create_task(longest_stall(stop))
    data = bytes(30 * MIB)

    if reads:
        done = await sandbox.run(["wc", "-c"], stdin=data)
        assert int(done.stdout) == 30 * MIB
    else:
        with pytest.raises(SandboxTimeoutError):
            await sandbox.run(["sleep", "60"], stdin=data, limits=Limits(timeout=1))

    stop.set()
    assert await ticker < 0.1


async def test_a_fork_bomb_ends_with_its_deadline(sandbox: Sandbox) -> None:
    """Whatever a program multiplies into is gone soon after its deadline."""
    if await sandbox.isolation() is Isolation.NONE and os.geteuid() != 0:
        pytest.skip("without namespaces a user's fork bomb is bounded by the user's own limit")
    marker = f"marker-{uuid.uuid4()}"
    # Slow enough not to take the test machine down, too fast to be killed one by one.
    bomb = python(
        "import os, time\n"
        "end = time.monotonic() + 20\n"
        "while time.monotonic() < end:\n"
        "  try: os.fork()\n"
        "  except OSError: pass\n"
        "  time.sleep(0.3)\n",
        marker,
    )

    with pytest.raises(SandboxTimeoutError):
        await sandbox.run(bomb, limits=Limits(timeout=2, processes=40))

    assert gone(marker)


async def test_memory_is_capped_for_a_program_that_takes_it_slowly(sandbox: Sandbox) -> None:
    """Address space is bounded however it is taken."""
    script = "a = []\nwhile True: a.append(bytearray(2**20))"

    done = await sandbox.run(python(script), limits=Limits(memory_bytes=200 * MIB))

    assert b"MemoryError" in done.stderr


async def test_a_program_that_fights_its_guards_ends_all_the_same(sandbox: Sandbox) -> None:
    """A program that stops whatever guards it sees does not escape its deadline."""
    script = (
        "import os, signal, sys, time\n"
        "marker = sys.argv[1].encode()\n"
        "for name in os.listdir('/proc') if os.path.isdir('/proc/1') else []:\n"
        "  if name.isdigit() and int(name) not in (os.getpid(), 1):\n"
        "    try:\n"
        "      if marker in open(f'/proc/{name}/cmdline', 'rb').read():\n"
        "        os.kill(int(name), signal.SIGSTOP)\n"
        "    except OSError: pass\n"
        "time.sleep(60)\n"
    )
    marker = f"marker-{uuid.uuid4()}"

    with pytest.raises((SandboxTimeoutError, SandboxError)):
        await sandbox.run(python(script, marker), limits=Limits(timeout=1))

    assert gone(marker)


async def test_many_cancellations_at_random_moments_leave_nothing(sandbox: Sandbox) -> None:
    """A hundred runs cancelled at moments spread over start and life leave no process."""
    marker = f"marker-{uuid.uuid4()}"
    await sandbox.run(["true"])
    before = open_descriptors()

    async def one(number: int) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(number * 0.004):
                await sandbox.run(python("import time; time.sleep(60)", marker))

    for batch in range(5):
        await asyncio.gather(*(one(batch * 20 + number) for number in range(20)))

    assert gone(marker)
    assert open_descriptors() == before


async def test_a_cancellation_takes_effect_at_once(sandbox: Sandbox) -> None:
    """From the cancellation to the end of the run passes far less than the grace of a kill."""
    taken = []
    for _ in range(10):
        task = asyncio.create_task(sandbox.run(["sleep", "60"]))
        await asyncio.sleep(0.3)
        begin = time.perf_counter()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        taken.append(time.perf_counter() - begin)

    assert statistics.median(taken) < 0.1
