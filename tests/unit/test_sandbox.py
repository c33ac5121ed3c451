"""What every program gets from the sandbox, whatever the rung."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from codeflow_engine.errors import (
    ConfigurationError,
    SandboxError,
    SandboxLimitError,
)
from codeflow_engine.sandbox import Completed, Isolation, Limits, Sandbox
from codeflow_engine.sandbox.ladder import Ladder

Ladders = dict[str, Ladder]

PYTHON = [sys.executable, "-I", "-S", "-c"]
MIB = 1024 * 1024
Run = Callable[..., Awaitable[Completed]]


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture(params=[*Isolation, "trusted"])
async def run(request: pytest.FixtureRequest, ladders: Ladders) -> AsyncIterator[Run]:
    """Give `Sandbox.run` in each of its ways."""
    trusted = request.param == "trusted"
    async with Sandbox(prefer=Isolation.NONE if trusted else request.param) as made:
        made._ladder = ladders.setdefault(request.param, made._ladder)
        if not trusted and await made.isolation() is not request.param:
            pytest.skip(f"this machine has no rung {request.param}: {dict(made.refusals)}")
        yield partial(made.run, isolate=not trusted)


async def test_a_program_gets_its_input_and_gives_both_outputs_and_its_status(
    sandbox: Sandbox,
) -> None:
    """Input, both outputs and the exit status pass unchanged."""
    done = await sandbox.run(["sh", "-c", "cat; echo bad >&2; exit 7"], stdin=b"a\0b\xff")

    assert (done.returncode, done.stdout, done.stderr) == (7, b"a\0b\xff", b"bad\n")
    assert done.duration > 0
    assert done.signal is None


async def test_a_deadly_signal_is_told_as_a_negative_status(run: Run) -> None:
    """A program that dies of a signal ends with its negative number and its name."""
    done = await run(["sh", "-c", "kill -SEGV $$"])

    assert (done.returncode, done.signal) == (-signal.SIGSEGV, "SIGSEGV")


async def test_the_environment_is_five_fixed_variables_and_what_the_caller_adds(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable of the host reaches a program."""
    monkeypatch.setenv("CANARY", "secret")

    done = await run(["env"], env={"GIT_DIR": "/x"})

    names = {line.partition(b"=")[0] for line in done.stdout.splitlines()}
    assert names - {b"PWD"} == {b"HOME", b"TMPDIR", b"PATH", b"LC_ALL", b"TZ", b"GIT_DIR"}


async def test_home_temporary_and_working_directory_are_one_fresh_private_directory(
    run: Run,
) -> None:
    """A program starts in a writable directory of its own, and nothing of it remains."""
    script = "pwd; echo $HOME; echo $TMPDIR; stat -c %a .; echo left > file"

    first = await run(["sh", "-c", script])
    home, *rest, mode = first.stdout.decode().split()
    again = await run(["cat", f"{home}/file"])

    assert rest == [home, home]
    assert mode == "700"
    assert first.returncode == 0
    assert again.returncode != 0


async def test_no_descriptor_beyond_the_three_is_inherited(run: Run, tmp_path: Path) -> None:
    """Even a descriptor that the host made inheritable does not reach a program."""
    (tmp_path / "key").write_text("secret")
    script = (
        "import os\n"
        "for fd in range(3, 250):\n"
        "  try: os.fstat(fd); print(fd)\n"
        "  except OSError: pass\n"
    )
    with (tmp_path / "key").open() as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003 - its only form

        done = await run([*PYTHON, script])

    assert (done.returncode, done.stdout) == (0, b"")


async def test_a_program_leads_a_session_without_a_terminal(sandbox: Sandbox) -> None:
    """A program is in another session than the engine, so that no signal of its terminal comes."""
    done = await sandbox.run([*PYTHON, "import os; print(os.getsid(0))"], isolate=False)

    assert int(done.stdout) != os.getsid(0)


async def test_bytes_of_any_size_pass_both_ways_at_once(run: Run) -> None:
    """A program that echoes more than a pipe holds does not deadlock."""
    data = os.urandom(3 * MIB)

    done = await run(["cat"], stdin=data)

    assert done.stdout == data


async def test_input_that_nobody_reads_is_no_error(run: Run) -> None:
    """A program may end without having read its input."""
    done = await run(["true"], stdin=bytes(30 * MIB))

    assert done.returncode == 0


async def test_a_regular_file_can_be_the_input(sandbox: Sandbox, tmp_path: Path) -> None:
    """A file given as input is read by the program itself, unseen in its file system."""
    (tmp_path / "input").write_bytes(b"from a file")

    done = await sandbox.run(["cat"], stdin=tmp_path / "input")

    assert done.stdout == b"from a file"


@pytest.mark.parametrize("kind", ["fifo", "link", "directory", "missing"])
async def test_an_input_that_is_no_regular_file_is_refused(kind: str, tmp_path: Path) -> None:
    """A FIFO does not hold the loop, a link is not followed, and a missing file is told."""
    path = tmp_path / "input"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "directory":
        path.mkdir()

    async with Sandbox(prefer=Isolation.NONE) as sandbox:
        with pytest.raises(SandboxError):
            await sandbox.run(["cat"], stdin=path)


@pytest.mark.parametrize(
    ("stream", "limits"),
    [("1", Limits(output_bytes=100_000)), ("2", Limits(error_bytes=100_000))],
)
async def test_output_past_its_cap_ends_the_program_with_an_error(
    run: Run, stream: str, limits: Limits
) -> None:
    """Output is never cut in silence: one byte too many is an error."""
    with pytest.raises(SandboxLimitError, match="100000 bytes"):
        await run(["sh", "-c", f"yes >&{stream}"], limits=limits)


async def test_output_past_its_cap_is_an_error_also_of_a_program_that_has_ended() -> None:
    """However soon the program ends after one byte too many, it is noticed."""
    async with Sandbox() as sandbox:
        for _ in range(20):
            with pytest.raises(SandboxLimitError, match="10 bytes"):
                await sandbox.run(
                    ["echo", "eleven byte"], limits=Limits(output_bytes=10), isolate=False
                )


async def test_output_of_exactly_the_cap_is_whole(sandbox: Sandbox) -> None:
    """The cap itself is allowed."""
    done = await sandbox.run(
        ["head", "-c", "100000", "/dev/zero"], limits=Limits(output_bytes=100_000)
    )

    assert len(done.stdout) == 100_000


async def test_memory_past_its_limit_is_refused_to_the_program(run: Run) -> None:
    """An allocation past the address space fails inside the program."""
    done = await run(
        [*PYTHON, "import time; time.sleep(0.1); bytearray(800 * 1024 * 1024)"],
        limits=Limits(memory_bytes=400 * MIB),
    )

    assert done.returncode == 1
    assert b"MemoryError" in done.stderr


async def test_a_file_past_its_size_is_refused_to_the_program(run: Run) -> None:
    """No file grows past its limit; a program that ignores the signal gets an error."""
    limits = Limits(file_bytes=MIB)

    # The limits of a trusted program come when it runs already.
    code = "import time; time.sleep(0.3); open('f', 'wb').write(bytes(2**21))"
    done = await run([*PYTHON, code], limits=limits)

    assert done.returncode == 1
    assert b"OSError" in done.stderr


async def test_a_program_that_passes_the_size_of_files_dies_of_it(sandbox: Sandbox) -> None:
    """The signal that Python ignores for itself is in force for other programs."""
    argv = ["dd", "if=/dev/zero", "of=f", "bs=1M", "count=2"]

    with pytest.raises(SandboxLimitError, match="file size"):
        await sandbox.run(argv, limits=Limits(file_bytes=MIB + 4096))


async def test_open_files_are_limited(run: Run) -> None:
    """No more descriptors than allowed; a trusted program gets its limits once it runs."""
    script = "sleep 0.2; ulimit -n; ulimit -c"

    done = await run(["sh", "-c", script], limits=Limits(open_files=33))

    assert done.stdout == b"33\n0\n"


async def test_no_privilege_is_left_or_can_be_gained(sandbox: Sandbox) -> None:
    """A program has no capability, and a set-user-id file gives it none."""
    if sys.platform != "linux":
        pytest.skip("capabilities are a Linux notion")
    done = await sandbox.run(["cat", "/proc/self/status"])

    status = dict(line.split(":\t", 1) for line in done.stdout.decode().splitlines())
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"


async def test_sockets_are_denied_on_every_rung(sandbox: Sandbox) -> None:
    """Where the kernel filters calls, an isolated program cannot even make a socket."""
    if os.uname().machine not in {"x86_64", "aarch64"}:
        pytest.skip("the filter knows x86_64 and aarch64")
    script = (
        "import socket\n"
        "socket.socketpair()\n"
        "for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 40):\n"
        "  try: socket.socket(family)\n"
        "  except PermissionError: print('denied')\n"
    )

    done = await sandbox.run([*PYTHON, script])

    assert done.stdout == b"denied\n" * 4


async def test_check_turns_a_bad_status_into_an_error(sandbox: Sandbox) -> None:
    """With `check`, only status 0 is an end; the message holds no output."""
    with pytest.raises(SandboxError, match="sh ended with exit status 3") as caught:
        await sandbox.run(["sh", "-c", "echo secret >&2; exit 3"], check=True)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "argv", [[], ["no-such-program"], ["./sh"], ["bin/sh"], ["/no/such"], ["/etc"]]
)
async def test_a_program_that_cannot_be_found_is_an_error(argv: list[str]) -> None:
    """Only an absolute path or a name in the system's directories names a program."""
    async with Sandbox(prefer=Isolation.NONE) as sandbox:
        with pytest.raises(SandboxError, match="cannot run"):
            await sandbox.run(argv)


async def test_s16_a_program_in_the_working_directory_is_never_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither `PATH` nor the host's working directory says which program runs."""
    for name in ("git", "bwrap", "setpriv", "evil"):
        (tmp_path / name).write_text("#!/bin/sh\necho evil\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".:{tmp_path}")

    async with Sandbox() as sandbox:
        done = await sandbox.run(["echo", "good"], isolate=False)
        for name in ("evil", "./evil", f"../{tmp_path.name}/evil"):
            with pytest.raises(SandboxError, match="cannot run"):
                await sandbox.run([name], isolate=False)

    assert done.stdout == b"good\n"


async def test_a_nul_in_an_argument_is_an_error(run: Run) -> None:
    """What no argument vector can hold is refused, and leaks no descriptor."""
    await run(["true"])  # opens what a sandbox keeps open
    before = open_descriptors()

    with pytest.raises(SandboxError, match="NUL"):
        await run(["echo", "a\0b"])

    assert open_descriptors() == before
    with pytest.raises(SandboxError, match="variable") as caught:
        await run(["true"], env={"A=B": "canary"})
    assert "canary" not in str(caught.value)


async def test_a_file_that_cannot_be_executed_is_an_error(sandbox: Sandbox, tmp_path: Path) -> None:
    """An executable without a known format is not mistaken for a program that failed."""
    (tmp_path / "odd").write_bytes(b"\x00\x01not a program")
    (tmp_path / "odd").chmod(0o755)

    with pytest.raises(SandboxError, match="odd"):
        await sandbox.run([tmp_path / "odd"])


async def test_errors_and_reprs_hold_neither_input_nor_environment(sandbox: Sandbox) -> None:
    """A message never repeats what the program was given to read or to know."""
    with pytest.raises(SandboxError) as caught:
        await sandbox.run(
            ["yes"],
            stdin=b"canary-in",
            env={"KEY": "canary-env"},
            limits=Limits(output_bytes=10),
        )

    assert "canary" not in repr(caught.value) + str(sandbox.__dict__)


def test_limits_must_be_positive() -> None:
    """A limit of nothing is a mistake, and says which one."""
    with pytest.raises(ConfigurationError, match=r"Limits\.timeout must be positive, not 0"):
        Limits(timeout=0)
    with pytest.raises(ConfigurationError, match=r"Limits\.processes"):
        Limits(processes=-1)


async def test_unlimited_is_possible(run: Run) -> None:
    """`None` sets no limit of that kind."""
    limits = Limits(
        cpu_seconds=None,
        memory_bytes=None,
        file_bytes=None,
        processes=None,
        open_files=None,
        output_bytes=None,
        error_bytes=None,
    )

    done = await run(["sh", "-c", "ulimit -v"], limits=limits)

    assert done.stdout == b"unlimited\n"


async def test_a_closed_sandbox_starts_nothing() -> None:
    """After `aclose` every verb is an error, and closing again is none."""
    sandbox = Sandbox(prefer=Isolation.NONE)
    await sandbox.aclose()
    await sandbox.aclose()

    with pytest.raises(SandboxError, match="closed"):
        await sandbox.run(["true"])
    with pytest.raises(SandboxError, match="closed"):
        async with sandbox.workspace():
            pass


async def test_isolated_runs_take_turns_and_trusted_ones_do_not() -> None:
    """No more isolated programs than allowed run at once; trusted ones never wait for them."""
    async with Sandbox(parallel=1) as sandbox:
        slow = asyncio.create_task(sandbox.run(["sleep", "0.5"]))
        await asyncio.sleep(0.2)
        waiting = asyncio.create_task(sandbox.run(["true"]))
        trusted = await sandbox.run(["echo", "trusted"], isolate=False)
        assert not slow.done()
        assert not waiting.done()
        await waiting
        assert slow.done()

    assert trusted.stdout == b"trusted\n"
    with pytest.raises(ConfigurationError, match="parallel"):
        Sandbox(parallel=0)


async def test_many_programs_run_at_once(sandbox: Sandbox) -> None:
    """Runs of one sandbox do not wait for each other, and keep their outputs apart."""
    done = await asyncio.gather(*(sandbox.run(["echo", str(n)]) for n in range(8)))

    assert [one.stdout for one in done] == [f"{n}\n".encode() for n in range(8)]
