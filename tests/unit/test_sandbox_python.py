"""Python programs: `python -I -m`, with the engine's own package in reach."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import codeflow_engine
from codeflow_engine.errors import SandboxError
from codeflow_engine.sandbox import Isolation, Limits, Sandbox

FLAGS = "import sys; f = sys.flags; print(f.isolated, f.utf8_mode, f.dont_write_bytecode)"


def execute(statement: str) -> list[str]:
    """Give a module of the standard library, and its words, that execute a statement."""
    return ["timeit", "-n1", "-r1", statement]


async def test_a_module_reads_its_input_and_words(sandbox: Sandbox) -> None:
    """A module runs as `__main__`, with its own words and the given input."""
    done = await sandbox.run_python("json.tool", "--compact", stdin=b'{"a": [1, 2]}')

    assert (done.returncode, done.stdout, done.stderr) == (0, b'{"a":[1,2]}\n', b"")


async def test_the_interpreter_is_isolated_and_writes_no_bytecode(sandbox: Sandbox) -> None:
    """Neither user directories nor the working directory are on the path; text is UTF-8."""
    done = await sandbox.run_python(*execute(f"{FLAGS}; print(sys.dont_write_bytecode, sys.path)"))

    flags, path = done.stdout.decode().splitlines()[:2]
    assert flags == "1 1 0"
    assert path.startswith("True ")
    assert "''" not in path
    assert os.path.expanduser("~") + "/.local" not in path  # noqa: ASYNC240, PTH111 - no I/O


async def test_a_module_that_does_not_exist_ends_with_its_own_words(sandbox: Sandbox) -> None:
    """A missing module is the program's failure, told on its standard error."""
    done = await sandbox.run_python("codeflow_engine.no_such_module")

    assert done.returncode == 1
    assert b"No module named codeflow_engine.no_such_module" in done.stderr


async def test_the_status_of_a_module_is_its_own(sandbox: Sandbox) -> None:
    """`SystemExit` and an uncaught error have the statuses that Python gives them."""
    exits = await sandbox.run_python("json.tool", "--no-such-option")
    fails = await sandbox.run_python(*execute("1 / 0"))

    assert exits.returncode == 2
    assert fails.returncode == 1
    assert b"ZeroDivisionError" in fails.stderr


async def test_a_module_is_bound_by_the_limits(sandbox: Sandbox) -> None:
    """A Python program runs under the same limits as any other."""
    statement = (
        "import resource as r; print(r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_AS))"
    )

    done = await sandbox.run_python(
        *execute(statement), limits=Limits(open_files=99, memory_bytes=10**9)
    )

    assert done.stdout.decode().splitlines()[0] == "(99, 99) (1000000000, 1000000000)"


async def test_installed_packages_can_be_imported(sandbox: Sandbox) -> None:
    """Packages of the interpreter's own installation are in the view."""
    done = await sandbox.run_python(*execute("import pluggy; print(pluggy.__name__)"))

    assert done.stdout.splitlines()[0] == b"pluggy"


async def test_s16_files_beside_the_host_or_the_package_shadow_nothing(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `json.py` in the host's working directory is never imported, nor one on its path."""
    (tmp_path / "json.py").write_text("raise SystemExit('evil')")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('evil')")
    (tmp_path / "codeflow_engine").mkdir()
    (tmp_path / "codeflow_engine" / "__init__.py").write_text("raise SystemExit('evil')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    tool = await sandbox.run_python("json.tool", stdin=b"1", readable=[tmp_path])
    own = await sandbox.run_python("codeflow_engine.errors", readable=[tmp_path])

    assert (tool.returncode, tool.stdout) == (0, b"1\n")
    assert (own.returncode, own.stderr) == (0, b"")


@pytest.mark.parametrize("rung", list(Isolation))
def test_the_own_package_is_found_where_only_the_path_variable_led_to_it(
    rung: Isolation, tmp_path: Path
) -> None:
    """`-I` ignores `PYTHONPATH`; the package is importable all the same, and alone."""
    source = tmp_path / "source"
    source.mkdir()
    package = Path(codeflow_engine.__file__).parent
    (source / "codeflow_engine").symlink_to(package)
    (source / "json.py").write_text("raise SystemExit('evil')")
    host = (
        "import asyncio, sys\n"
        "from codeflow_engine.sandbox import Sandbox\n"
        "async def main():\n"
        "  async with Sandbox(prefer=sys.argv[1]) as sandbox:\n"
        "    done = await sandbox.run_python('codeflow_engine.errors')\n"
        "    print(done.returncode, done.stderr.decode())\n"
        "    done = await sandbox.run_python('json.tool', stdin=b'1')\n"
        "    print(done.returncode, done.stderr.decode())\n"
        "sys.path.remove(sys.argv[2])\n"  # the host itself is not what is tested
        "sys.path.append(sys.argv[2])\n"
        "asyncio.run(main())\n"
    )

    ran = subprocess.run(
        [sys._base_executable, "-c", host, rung.value, str(source)],
        env={"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.stdout.split(), ran.stderr) == (["0", "0"], "")


@pytest.mark.parametrize("name", ["", "python3", "uwsgi", "missing/python"])
async def test_an_interpreter_that_is_none_is_a_clear_error(name: str, tmp_path: Path) -> None:
    """Inside uWSGI and the like `sys.executable` is empty or no Python; the error says so."""
    (tmp_path / "uwsgi").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "uwsgi").chmod(0o755)
    python = str(tmp_path / name) if name in {"uwsgi", "missing/python"} else name

    async with Sandbox(python=python) as sandbox:
        if name == "python3":  # a name is looked for in the system's directories only
            sandbox._ladder._python = "./python3"
        with pytest.raises(SandboxError, match=r"no Python .*Sandbox\(python="):
            await sandbox.run_python("json.tool")


async def test_an_interpreter_that_does_not_start_is_never_taken_for_a_program(
    tmp_path: Path,
) -> None:
    """When the inner step never answers, nothing is taken for the program's end."""
    (tmp_path / "python3").write_text("#!/bin/sh\necho '[]'\nexit 0\n")
    (tmp_path / "python3").chmod(0o755)

    async with Sandbox(python=str(tmp_path / "python3"), prefer=Isolation.NONE) as sandbox:
        with pytest.raises(SandboxError, match="could not confine"):
            await sandbox.run_python("json.tool")


async def test_a_rung_that_fails_is_refused_with_its_reason(tmp_path: Path) -> None:
    """The rung is found by trying it; why a better one failed can be read."""
    (tmp_path / "python3").write_text("#!/bin/sh\necho 'no namespaces today' >&2\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)

    async with Sandbox(python=str(tmp_path / "python3")) as sandbox:
        assert await sandbox.isolation() is Isolation.NONE
        assert "no namespaces today" in sandbox.refusals[Isolation.UNSHARE]
        assert list(sandbox.refusals) == [Isolation.BWRAP, Isolation.UNSHARE]
