"""How programs end: nothing that they started is left, whatever happened."""

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from codeflow_engine.errors import SandboxError, SandboxTimeoutError
from codeflow_engine.sandbox import Completed, Isolation, Limits, Sandbox
from codeflow_engine.sandbox.ladder import Ladder

Ladders = dict[str, Ladder]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="survivors are looked for in Linux's /proc"
)

Run = Callable[..., Awaitable[Completed]]

# Starts a daemon in a session of its own, whose parent has ended, and that has nothing open.
DAEMON = """
import os, sys, time
reading, writing = os.pipe()
if not os.fork():
    os.setsid()
    if not os.fork():
        os.write(writing, b"x")
        os.closerange(0, 100)
        time.sleep(120)
    os._exit(0)
os.read(reading, 1)
print("started", flush=True)
if "stay" in sys.argv:
    time.sleep(120)
"""


def survivors(marker: str) -> list[int]:
    """List the processes of this machine whose command line holds a marker."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def runs(argv: list[str], times: int) -> bool:
    """Tell whether so many processes have these very words as their command line."""
    words = b"\0".join(map(str.encode, argv)) + b"\0"
    found = []
    for pid in survivors(argv[-1]):
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes() == words)
    return sum(found) >= times


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def held() -> set[str]:
    """Name the pipes and the process descriptors that this process has open.

    Only what a started program needs: an engine that another test left to its thread may
    open sockets and files of its own meanwhile.
    """
    names = set()
    for entry in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):
            name = str(entry.readlink())
            if name.startswith("pipe:") or "pidfd" in name:
                names.add(f"{entry.name} {name}")
    return names


def settles(state: Callable[[], bool], within: float) -> bool:
    """Wait until a state is reached."""
    end = time.monotonic() + within
    while not state():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def gone(marker: str, within: float) -> bool:
    """Wait until no process with a marker is left."""
    return settles(lambda: not survivors(marker), within)


@pytest.fixture
def marker() -> str:
    return f"marker-{uuid.uuid4()}"


@pytest.fixture(params=[True, False], ids=["isolated", "trusted"])
async def run(request: pytest.FixtureRequest, ladders: Ladders) -> AsyncIterator[Run]:
    """Give `Sandbox.run` on the best rung, and for trusted programs."""
    async with Sandbox() as made:
        made._ladder = ladders.setdefault("best", made._ladder)
        yield partial(made.run, isolate=request.param)


def sleeper(marker: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", "import time; time.sleep(120)", marker]


def daemon(marker: str, *words: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", DAEMON, *words, marker]


async def test_a_daemon_does_not_outlive_a_program_that_ended(
    sandbox: Sandbox, marker: str
) -> None:
    """When a program ends, what it left in another session ends too."""
    done = await sandbox.run(daemon(marker))

    assert done.stdout == b"started\n"
    assert gone(marker, within=2)


async def test_the_deadline_ends_a_program_and_its_daemon(sandbox: Sandbox, marker: str) -> None:
    """Past the deadline everything is killed, and the error says which program and when."""
    with pytest.raises(SandboxTimeoutError, match=r"python\S* ran past its 0\.5 s"):
        await sandbox.run(daemon(marker, "stay"), limits=Limits(timeout=0.5))

    assert gone(marker, within=2)


async def test_a_cancellation_ends_a_program_and_its_daemon(sandbox: Sandbox, marker: str) -> None:
    """A cancelled run has ended its program by the time it returns."""
    task = asyncio.create_task(sandbox.run(daemon(marker, "stay")))
    await asyncio.sleep(0.4)
    assert survivors(marker)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert gone(marker, within=2)


async def test_closing_ends_every_program(sandbox: Sandbox, marker: str) -> None:
    """`aclose` ends what runs; who waits for it learns why."""
    tasks = [asyncio.create_task(sandbox.run(daemon(marker, "stay"))) for _ in range(3)]
    await asyncio.sleep(0.5)

    await sandbox.aclose()

    assert gone(marker, within=2)
    for task in tasks:
        with pytest.raises(SandboxError, match="closed"):
            await task


async def test_a_trusted_program_ends_with_its_group(marker: str) -> None:
    """Without isolation the process group is killed; a background child is in it."""
    argv = [sys.executable, "-IS", "-c", "import os, time; os.fork(); time.sleep(120)", marker]
    async with Sandbox() as sandbox:
        with pytest.raises(SandboxTimeoutError):
            await sandbox.run(argv, isolate=False, limits=Limits(timeout=0.5))

    assert gone(marker, within=2)


async def test_a_trusted_program_takes_its_group_along_when_it_ends(marker: str) -> None:
    """What a trusted program leaves in its group does not outlive it."""
    script = "import os, time; os.fork() or (os.closerange(0, 3), time.sleep(120))"
    async with Sandbox() as sandbox:
        await sandbox.run([sys.executable, "-IS", "-c", script, marker], isolate=False)

    assert gone(marker, within=1)


async def test_a_process_that_keeps_the_output_open_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A trusted program's daemon that escaped and holds the output is told, not waited for."""
    monkeypatch.setattr("codeflow_engine.sandbox.child._PATIENCE", 0.3)
    async with Sandbox() as sandbox:
        with pytest.raises(SandboxError, match="holds its output open"):
            await sandbox.run(["sh", "-c", "setsid sleep 1 & sleep 0.1"], isolate=False)


async def test_a_cancellation_in_the_middle_of_the_start_leaves_nothing(
    run: Run, marker: str
) -> None:
    """At whichever turn of the loop it comes, a cancelled start leaves no process."""
    before = held()
    for turns in range(12):
        task = asyncio.create_task(run(sleeper(marker)))
        for _ in range(turns):
            await asyncio.sleep(0)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert gone(marker, within=1)
        for _ in range(500):  # with turns of the loop, where the last of a pipe may be read
            if held() <= before:
                break
            await asyncio.sleep(0.01)
        assert held() <= before


async def test_a_second_cancellation_does_not_leave_a_program(run: Run, marker: str) -> None:
    """Cancelled twice, a run still ends its program before it returns."""
    task = asyncio.create_task(run(sleeper(marker)))
    await asyncio.sleep(0.3)

    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not survivors(marker)


async def test_no_descriptor_and_no_zombie_is_left(run: Run) -> None:
    """After many ends of every kind the process has what it had before."""
    await run(["true"])
    before = open_descriptors()

    for argv, limits in [
        (["true"], Limits()),
        (["yes"], Limits(output_bytes=10)),
        (["sleep", "9"], Limits(timeout=0.2)),
        (["sh", "-c", "kill -9 $$"], Limits()),
        (["/no/such"], Limits()),
    ] * 2:
        with contextlib.suppress(SandboxError):
            await run(argv, stdin=bytes(200_000), limits=limits)

    assert settles(lambda: open_descriptors() == before, within=5)
    with contextlib.suppress(ChildProcessError):
        # Other tests' servers may live in this process; none of its children is a zombie.
        assert os.waitpid(-1, os.WNOHANG) == (0, 0)  # noqa: ASYNC222 - does not wait


def test_a_loop_outside_of_the_main_thread_works() -> None:
    """The synchronous face runs its loop in a thread of its own."""
    results: list[Completed] = []

    async def main() -> None:
        async with Sandbox() as sandbox:
            results.append(await sandbox.run(["echo", "isolated"]))
            results.append(await sandbox.run(["echo", "trusted"], isolate=False))

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join()

    assert [one.stdout for one in results] == [b"isolated\n", b"trusted\n"]


def test_d43_a_loop_that_is_closed_with_a_run_in_flight_leaves_no_program(marker: str) -> None:
    """A loop that was thrown away, as in a notebook, takes its programs along."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # "Task was destroyed"
    sandbox = Sandbox(prefer=Isolation.NONE)
    task = loop.create_task(sandbox.run(sleeper(marker)))
    loop.run_until_complete(asyncio.sleep(0.4))
    assert survivors(marker)

    loop.close()
    del task, sandbox
    gc.collect()

    assert gone(marker, within=2)


@pytest.mark.parametrize("isolate", [True, False])
async def test_without_process_descriptors_the_end_is_learnt_by_a_thread(
    isolate: bool,  # noqa: FBT001 - a parameter of the test
    marker: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a kernel without pidfd, and on other systems, everything works as well."""

    def absent(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", absent)
    async with Sandbox() as sandbox:
        done = await sandbox.run(["sh", "-c", "exit 4"], isolate=isolate)
        with pytest.raises(SandboxTimeoutError):
            await sandbox.run(sleeper(marker), isolate=isolate, limits=Limits(timeout=0.3))

    assert done.returncode == 4
    assert gone(marker, within=1)


def test_a_host_that_reaps_every_child_does_not_turn_failures_into_successes() -> None:
    """With SIGCHLD ignored the kernel forgets a child's status; that is an error, not 0."""
    host = (
        "import asyncio, signal\n"
        "from codeflow_engine.sandbox import Sandbox\n"
        "from codeflow_engine.errors import SandboxError\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "async def main():\n"
        "  async with Sandbox() as sandbox:\n"
        "    print((await sandbox.run(['sh', '-c', 'exit 5'])).returncode)\n"
        "    try: await sandbox.run(['sh', '-c', 'exit 5'], isolate=False)\n"
        "    except SandboxError as error: print(error)\n"
        "asyncio.run(main())\n"
    )

    ran = subprocess.run([sys.executable, "-c", host], capture_output=True, text=True, check=True)

    assert ran.stdout == "5\nthe exit status of sh is lost: the host reaps our children\n"


@pytest.mark.parametrize("way", [*Isolation, "trusted"])
def test_d7_no_program_outlives_an_engine_that_was_killed(
    way: str, marker: str, tmp_path: Path
) -> None:
    """SIGKILL of the engine ends its programs, and the next one removes their directories."""
    host = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from codeflow_engine.sandbox import Sandbox\n"
        "way, directory, *argv = sys.argv[1:]\n"
        "async def main():\n"
        "  trusted = way == 'trusted'\n"
        "  rung = 'none' if trusted else way\n"
        "  async with Sandbox(prefer=rung, directory=Path(directory)) as sandbox:\n"
        "    async with sandbox.workspace() as place:\n"
        "      (place / 'file').write_text('x')\n"
        "      print(await sandbox.isolation(), flush=True)\n"
        "      await sandbox.run(argv, isolate=not trusted)\n"
        "asyncio.run(main())\n"
    )
    # A trusted program's own children are its own care: it is no analyzer.
    argv = sleeper(marker) if way == "trusted" else daemon(marker, "stay")
    with subprocess.Popen(
        [sys.executable, "-c", host, way, str(tmp_path), *argv], stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None
        reached = engine.stdout.readline().strip()
        # What a program is started through asks to die with the engine, and then becomes it.
        assert settles(lambda: runs(argv, times=1 if way == "trusted" else 2), within=10)
        engine.send_signal(signal.SIGKILL)
        engine.wait()

    assert gone(marker, within=4)
    assert [entry.name[:9] for entry in tmp_path.iterdir()] == ["codeflow-"]

    async def again() -> None:
        async with Sandbox(directory=tmp_path) as sandbox, sandbox.workspace():
            pass

    asyncio.run(again())
    assert list(tmp_path.iterdir()) == []
    if way not in {"trusted", reached}:
        pytest.skip(f"this machine has no rung {way}")
