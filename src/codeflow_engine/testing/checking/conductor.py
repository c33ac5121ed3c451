"""Runs a suite by pytest, away from any configuration of the user, and tells what happens."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from codeflow_engine.errors import CodeflowError
from codeflow_engine.plugins.containment import tell
from codeflow_engine.testing.checking.values import RuleOutcome

__all__ = ["conduct"]

_KIT = "codeflow_engine.testing.contracts."
_CLASS = "TestTarget"
_INI = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
_HINTS = re.compile(
    r"\s{0,9}(?:Omitting \d+ identical items?, use -vv to show|Use -vv? to get more diff)"
)
"""What pytest advises, which nobody can follow here."""


def conduct(resolve: Callable[[Path], Any], room: Path, say: Callable[..., None]) -> None:
    """Run the suite of a target; every event of it is told.

    Args:
        resolve: Finds the target, as a `Subject`, given an empty directory.
        room: A private directory.
        say: Takes the events.
    """
    ini, file = room / "pytest.ini", room / "test_target.py"
    ini.write_text(_INI, "utf-8")
    file.write_text("", "utf-8")
    words = [
        *("-c", str(ini), "--rootdir", str(room), "--basetemp", str(room / "tests")),
        # Nothing is captured: this process has no output that anybody could see.
        *("--noconftest", "-p", "no:cacheprovider", "--import-mode", "importlib", "-s", "-q"),
        *("-p", "pytest_asyncio.plugin", "-p", "codeflow_engine.testing.pytest_plugin"),
    ]
    conductor = _Conductor(resolve, room, say)
    status = pytest.main([*words, str(file)], plugins=[conductor])
    if status == pytest.ExitCode.INTERNAL_ERROR:
        say("broken", message=conductor.crash or "pytest failed")


class _Escaped(Exception):  # noqa: N818 - it is shown to nobody
    """Stands for what would have ended the whole session."""


class _Conductor:
    """The one plugin that decides what is collected, and reports."""

    def __init__(
        self, resolve: Callable[[Path], Any], room: Path, say: Callable[..., None]
    ) -> None:
        self._resolve = resolve
        self._room = room
        self._say = say
        self._module = ModuleType("test_target")
        self._undefined: BaseException | None = None
        self._refused = False
        self.crash: str | None = None
        """What broke pytest itself, if anything did."""

        self._ends: list[tuple[str, RuleOutcome, str | None]] = []
        self._seconds = 0.0
        self._name = ""

    def pytest_sessionstart(self) -> None:
        """Find the target, now that the assertions of what it imports are rewritten."""
        directory = self._room / "first"
        directory.mkdir()
        try:
            subject = self._resolve(directory)
        except CodeflowError as error:
            self._say("refused", message=error.message)
            pytest.exit("refused")
        self._say("suite", name=subject.suite.__name__)
        if subject.make is None:
            self._adopt(subject.suite)
        else:
            setattr(self._module, _CLASS, _suite_of(subject))

    def _adopt(self, suite: type) -> None:
        """Take in a class of the author's with the fixtures that lie beside it."""
        home = inspect.getmodule(suite)
        for name, value in vars(home).items() if home is not None else ():
            if not name.startswith(("__", "test", "Test")):
                setattr(self._module, name, value)
        setattr(self._module, _CLASS, suite)

    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Module:
        """Let the one empty file stand for the target's class."""
        made: pytest.Module = pytest.Module.from_parent(parent, path=module_path)
        made.obj = self._module
        return made

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell which rules there are, before the first is tested."""
        suite = getattr(self._module, _CLASS)
        if not session.items:
            self._refuse(
                f"pytest collects no test of {suite.__name__}: a test class has no constructor, "
                f"and its __test__ is not False"
            )
            return
        found = {item.name: _rule(getattr(item, "obj", None)) for item in session.items}
        self._say("rules", rules=list(found.items()))
        tested = {name.partition("[")[0] for name in found}
        for name, own in _changed(suite, tested):
            self._say("left_out", name=name, rule=_rule(own), suite=suite.__name__)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note what broke."""
        self.crash = f"pytest failed: {tell(excinfo.value)}"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a class that pytest cannot take in, such as one with a mark that is wrong."""
        if report.failed:
            self._refuse(f"pytest cannot collect it: {report.longrepr}")

    def _refuse(self, message: str) -> None:
        """Tell why there is no test; the first reason counts."""
        if not self._refused:
            self._say("refused", message=message)
        self._refused = True

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Note where a fixture says that the author has to define it."""
        try:
            return (yield)
        except pytest.fail.Exception as error:
            if _says_so_itself(fixturedef.func, error):
                self._undefined = error
            raise
        except (KeyboardInterrupt, SystemExit, pytest.exit.Exception) as error:
            raise _Escaped(tell(error)) from error

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self) -> Generator[None, Any, Any]:
        """Keep a test from ending the session."""
        try:
            return (yield)
        except (KeyboardInterrupt, SystemExit, pytest.exit.Exception) as error:
            raise _Escaped(tell(error)) from error

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Tell that a test begins, for the case that it never ends."""
        self._undefined = None
        self._ends.clear()
        self._seconds = 0.0
        self._name = item.name
        self._say("start", name=item.name)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Judge one of a test's three phases."""
        report = yield
        self._seconds += report.duration
        if call.excinfo is not None:
            # Imported now, since the assertions of this module are rewritten too.
            from codeflow_engine.testing.contracts.backend import UNCONCERNED

            unconcerned = item.stash.get(UNCONCERNED, False)
            outcome, reason = self._judge(call.excinfo, report, unconcerned=unconcerned)
            self._ends.append((report.when, outcome, reason))
        elif getattr(report, "wasxfail", None) is not None:
            self._ends.append((report.when, RuleOutcome.FAILED, "it was expected to fail"))
        return report

    def _judge(
        self,
        error: pytest.ExceptionInfo[BaseException],
        report: pytest.TestReport,
        *,
        unconcerned: bool,
    ) -> tuple[RuleOutcome, str]:
        said = _short(error.value, report)
        if hasattr(report, "wasxfail"):
            return RuleOutcome.FAILED, f"as expected: {said}"
        if unconcerned:
            return RuleOutcome.SKIPPED, said
        if isinstance(error.value, pytest.skip.Exception) or error.value is self._undefined:
            # Nobody knows the class that was made of the target by its name.
            return RuleOutcome.UNCHECKED, said.replace(_CLASS, "a test class", 1)
        if isinstance(error.value, pytest.FixtureLookupError):
            missing = error.value.argname
            return RuleOutcome.UNCHECKED, (
                f"there is no fixture {missing!r}; it has to stand in the class or its module, "
                f"since no conftest.py is read"
            )
        return RuleOutcome.FAILED, said

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """Tell what came out of a test; the first thing that went wrong says why."""
        when, outcome, reason = next(iter(self._ends), ("call", RuleOutcome.PASSED, None))
        if when == "teardown":
            reason = f"afterwards: {reason}"
        self._say("end", name=self._name, outcome=outcome, reason=reason, seconds=self._seconds)


def _suite_of(subject: Any) -> type:
    """Derive a test class from a suite, with the fixtures that can be made of the target."""

    @pytest.fixture
    def create(self: object, tmp_path: Path) -> Callable[[], Any]:  # noqa: ARG001 - a method
        return lambda: subject.make(tmp_path)

    from codeflow_engine.testing.contracts import Published

    @pytest.fixture
    def published(self: object) -> Callable[[object], Published]:  # noqa: ARG001 - a method
        # What the change holds is not known, so the tests that compare with it are left out.
        return lambda _: Published(request=subject.request)

    body: dict[str, Any] = {"create": create}
    if subject.request is not None:
        body["published"] = published
    return type(_CLASS, (subject.suite,), body)


def _rule(test: object) -> str:
    first = (inspect.getdoc(test) or "").partition("\n\n")[0]
    return " ".join(first.split())


def _changed(suite: type, tested: set[str]) -> list[tuple[str, object]]:
    """List the tests of the kit that a class of the author's leaves out or replaces."""
    found: dict[str, object] = {}
    for one in reversed(suite.__mro__):
        if one.__module__.startswith(_KIT):
            found |= {name: own for name, own in vars(one).items() if name.startswith("test_")}
    return [
        (name, own)
        for name, own in found.items()
        if name not in tested or getattr(suite, name, None) is not own
    ]


def _says_so_itself(fixture: Callable[..., Any], error: BaseException) -> bool:
    """Say whether a fixture of the kit failed by its own words, and not in what it called."""
    function = inspect.unwrap(fixture)
    if not getattr(function, "__module__", "").startswith(_KIT):
        return False
    frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    return getattr(function, "__code__", None) in frames[-2:]


def _short(error: BaseException, report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if isinstance(error, pytest.fail.Exception | pytest.skip.Exception):
        told = error.msg or type(error).__name__
    elif isinstance(error, _Escaped):
        told = str(error)
    else:
        told = crash.message if crash is not None else tell(error)
    told = _HINTS.sub("", told.removeprefix("AssertionError: ")).rstrip()
    if told == type(error).__name__ and crash is not None:
        told = f"{told} in {Path(crash.path).name}, line {crash.lineno}"
    return told
