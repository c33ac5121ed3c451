"""The check of a backend tells what its suite finds, whatever the backend does to it."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import pytest

from codeflow_engine.errors import ConfigurationError, MissingDependencyError
from codeflow_engine.testing.checking import (
    CheckOptions,
    Checkup,
    RuleOutcome,
    RuleResult,
    Verdict,
    check,
)
from codeflow_engine.testing.contracts import ObserverContract

RULES = {name for name in dir(ObserverContract) if name.startswith("test_")}
dear = partial(pytest.param, marks=pytest.mark.fault)
"""One more of a kind: each check is a process that collects a suite."""

PASSED, FAILED = RuleOutcome.PASSED, RuleOutcome.FAILED
SKIPPED, UNCHECKED = RuleOutcome.SKIPPED, RuleOutcome.UNCHECKED


async def checked(name: str, **options: object) -> Checkup:
    """Check something of `checked_backends`."""
    (checkup,) = await check(
        f"checked_backends:{name}", CheckOptions(**options), environment=os.environ
    )  # type: ignore[arg-type]
    return checkup


def outcomes(checkup: Checkup) -> dict[str, RuleOutcome]:
    """Give what came out of each test."""
    return {result.name: result.outcome for result in checkup.results}


def reasons(checkup: Checkup, outcome: RuleOutcome) -> dict[str, str]:
    """Give the reasons of one outcome."""
    return {one.name: str(one.reason) for one in checkup.results if one.outcome is outcome}


def listed(folder: Path) -> list[Path]:
    """List a directory."""
    return sorted(folder.iterdir())


@pytest.mark.parametrize("name", ["Good", dear("factory")])
async def test_a_backend_that_keeps_its_contract(name: str) -> None:
    """Every test of its kind's suite has passed, and says its rule."""
    checkup = await checked(name)

    assert checkup.verdict is Verdict.KEPT
    assert checkup.suite == "ObserverContract"
    assert outcomes(checkup) == dict.fromkeys(RULES, PASSED)
    assert all(result.rule.endswith(".") for result in checkup.results)
    assert "checked_backends" not in sys.modules


async def test_a_provider_without_a_server_answers_by_itself() -> None:
    """Any model stands for all of them, and what no server can do to it is skipped."""
    (checkup,) = await check("llm:echo")

    assert checkup.verdict is Verdict.KEPT
    assert checkup.suite == "LLMContract"
    assert "its `endpoint` is None" in reasons(checkup, SKIPPED)["test_a_cut_answer_says_so"]


async def test_a_provider_with_a_server_is_not_asked_for_real() -> None:
    """Most of its rules are unchecked until its author says what the server replies."""
    (checkup,) = await check("llm:openai")

    assert checkup.verdict is Verdict.INCOMPLETE
    assert "fixture `wire`" in reasons(checkup, UNCHECKED)["test_an_answer_is_whole"]


async def test_a_broken_rule_is_told_in_its_own_words(capfd: pytest.CaptureFixture[str]) -> None:
    """With the values that were compared; what the backend prints goes nowhere."""
    checkup = await checked("Forgetful")
    told = reasons(checkup, FAILED)

    assert checkup.verdict is Verdict.BROKEN
    assert told.keys() < RULES
    assert "too many" in told["test_it_takes_every_kind_of_event"]
    assert "assert 5 < 5" in told["test_it_takes_every_kind_of_event"]
    assert outcomes(checkup)["test_making_it_does_nothing"] is PASSED
    assert capfd.readouterr() == ("", "")


async def test_a_backend_that_fails_to_close_is_broken() -> None:
    """Also where each test itself has passed."""
    checkup = await checked("Clinging")

    told = reasons(checkup, FAILED)
    assert told["test_it_returns_quickly"] == "afterwards: OSError: it does not let go"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Leaving", "SystemExit: 0"),
        dear("Interrupting", "KeyboardInterrupt"),
        dear("Panicking", "BaseException: panic"),
        ("Vanishing", "its process ended with exit status 0"),
        dear("Crashing", "its process was ended by SIGABRT"),
        dear("Hanging", "it was not done within 5 s"),
    ],
)
async def test_a_backend_that_ends_the_check_has_failed(name: str, reason: str) -> None:
    """The test that it ended has failed, and every other one is accounted for."""
    # What ends by itself is given the time of a busy machine.
    checkup = await checked(name, timeout=5.0 if name == "Hanging" else 60.0)

    assert checkup.verdict is Verdict.BROKEN
    assert reasons(checkup, FAILED)["test_it_takes_every_kind_of_event"] == reason
    assert outcomes(checkup).keys() == RULES
    assert outcomes(checkup)["test_making_it_does_nothing"] is PASSED


@pytest.mark.fault
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("BornRaising", "cannot be created: OSError: no such server"),
        dear("BornLeaving", "cannot be created: SystemExit: 0"),
        dear("BornVanishing", "cannot be checked: its process ended with exit status 0"),
        dear("BornHanging", "cannot be checked: it was not done within 3 s"),
        ("Demanding", "cannot be created without url, word"),
        dear("Nothing", "derives from no contract; there are LLM, "),
        dear("number", "makes a int, which derives from no contract"),
        ("WORD", "is a str, and makes no backend"),
        dear("READY", "is a backend; give its class"),
        ("Absent", "has no 'Absent'"),
        dear("TestOfNoKind", "derives from the suite of no kind"),
        dear("TestWithConstructor", "pytest collects no test of TestWithConstructor: "),
        dear("TestUncollected", "pytest collects no test of TestUncollected: "),
        ("TestMismarked", "function uses no argument 'nothing'"),
    ],
)
async def test_what_is_no_backend_is_refused(name: str, reason: str) -> None:
    """What cannot be made is an error of the target, and no result."""
    with pytest.raises(ConfigurationError) as error:
        await checked(name, timeout=3.0 if name == "BornHanging" else 60.0)

    assert reason in error.value.message


@pytest.mark.parametrize("name", [dear("BornBoasting"), "Boasting"])
async def test_megabytes_of_an_error_are_cut(name: str) -> None:
    """Whether it comes before the tests or from one of them, a table has to hold it."""
    try:
        told = list(reasons(await checked(name), FAILED).values())
    except ConfigurationError as error:
        told = [error.message]

    assert told
    assert all(one.endswith("zzz ...") and len(one) < 1200 for one in told)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no_such_module:Class", "there is no module 'no_such_module'"),
        ("json.nothing:Class", "there is no module 'json.nothing'"),
        ("checked_backends:", "is not of the form package.module:Class"),
        (":Class", "is not of the form package.module:Class"),
        ("nonsense", "'nonsense' is no backend and no installed plugin"),
        ("observer:nonsense", "known: llm:anthropic, "),
        ("memory", "'memory' is more than one backend: cache:memory, storage:memory"),
    ],
)
async def test_a_target_that_means_nothing_is_refused(target: str, reason: str) -> None:
    """The error says what can be meant."""
    with pytest.raises(ConfigurationError) as error:
        await check(target)

    assert reason in error.value.message


async def test_options_that_cannot_work_are_refused() -> None:
    """A check that would write into what is of worth, or end before it begins, does not run."""
    wrong = [
        ("Good", {"timeout": 0.0}, "timeout above 0"),
        ("Good", {"timeout": float("nan")}, "timeout above 0"),
        ("Good", {"timeout": float("inf")}, "timeout above 0"),
        ("Good", {"settings": "settings.toml"}, "no section in a settings file"),
        ("TestGood", {"change": "."}, "takes no --change"),
        ("PlacedCache", {"url": "acme:///var/db"}, "the URL has to hold {tmp}"),
    ]

    for name, options, reason in wrong:
        with pytest.raises(ConfigurationError) as error:
            await checked(name, **options)
        assert reason in error.value.message


async def test_every_test_has_a_place_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL gives each test an empty directory, and within the test always the same."""
    monkeypatch.setenv("PLACES", str(tmp_path / "places"))

    checkup = await checked("PlacedCache", url="acme://{tmp}")

    places = (tmp_path / "places").read_text("utf-8").splitlines()
    assert reasons(checkup, FAILED).keys() == {"test_making_it_does_nothing"}
    assert len(set(places)) >= len(checkup.results) - 1
    assert len(places) > len(set(places))
    assert not any(map(os.path.exists, places))


async def test_the_environment_is_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this process reaches the target by itself."""
    monkeypatch.setenv("PLACES", "/dev/null")

    with pytest.raises(ConfigurationError, match="KeyError: 'PLACES'"):
        await check("checked_backends:PlacedCache", CheckOptions(url="acme://{tmp}"))


async def test_an_authors_own_class_runs_with_its_fixtures() -> None:
    """Those in the class and beside it; what the backend does not declare is complete."""
    checkup = await checked("TestGood")

    assert checkup.verdict is Verdict.KEPT
    assert outcomes(checkup) == dict.fromkeys(RULES, PASSED) | {
        "test_more": SKIPPED,
        "test_twice[1]": PASSED,
        "test_twice[2]": PASSED,
    }
    assert reasons(checkup, SKIPPED) == {"test_more": "the backend does not declare publish"}


async def test_a_class_that_evades_its_suite_is_not_complete() -> None:
    """What it leaves out, replaces, skips or cannot run is told, and is never green."""
    checkup = await checked("TestEvasive")

    assert checkup.verdict is Verdict.BROKEN
    assert reasons(checkup, FAILED) == {"test_expected": "as expected: still"}
    told = reasons(checkup, UNCHECKED)
    assert told.pop("test_skipped") == "not today"
    assert told.pop("test_lost").startswith("there is no fixture 'from_conftest'")
    evaded = "TestEvasive leaves it out, or has another test in its place"
    assert told == dict.fromkeys(
        ("test_it_returns_quickly", "test_it_takes_every_kind_of_event"), evaded
    )


async def test_a_fixture_that_is_not_defined_leaves_a_check_incomplete() -> None:
    """Nothing has failed, and nothing is known."""
    checkup = await checked("TestWithoutFixture")

    assert checkup.verdict is Verdict.INCOMPLETE
    assert outcomes(checkup) == dict.fromkeys(RULES, UNCHECKED)
    assert "has to define the fixture `create`" in str(checkup.results[0].reason)


async def test_the_users_own_pytest_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither files of the working directory nor variables reach the suite; none is written."""
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('read')\n")
    (tmp_path / "json.py").write_text("raise RuntimeError('read')\n")
    (tmp_path / "acme_here.py").write_text("from codeflow_engine.testing.fakes import *\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    before = listed(tmp_path)

    (checkup,) = await check("acme_here:FakeObserver", environment=os.environ)

    assert checkup.verdict is Verdict.KEPT
    assert listed(tmp_path) == before


@pytest.mark.parametrize("package", ["pytest", "pytest_asyncio"])
async def test_without_pytest_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """A user who installed the engine alone learns what to install."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingDependencyError, match=r"codeflow-engine\[testing\]"):
        await check("checked_backends:Good")


def result(outcome: RuleOutcome) -> RuleResult:
    """Make a result."""
    return RuleResult(name="test_it", rule="It does.", outcome=outcome)


@pytest.mark.parametrize(
    ("found", "error", "verdict"),
    [
        ((PASSED,), None, Verdict.KEPT),
        ((PASSED, SKIPPED), None, Verdict.KEPT),
        ((PASSED, UNCHECKED), None, Verdict.INCOMPLETE),
        ((SKIPPED,), None, Verdict.INCOMPLETE),
        ((), None, Verdict.INCOMPLETE),
        ((), "no", Verdict.UNUSABLE),
        ((PASSED,), "no", Verdict.UNUSABLE),
        ((PASSED, FAILED, UNCHECKED), "no", Verdict.BROKEN),
    ],
)
def test_a_verdict_follows_from_the_results(
    found: tuple[RuleOutcome, ...], error: str | None, verdict: Verdict
) -> None:
    """Nothing is kept that was not tested, and a broken rule counts more than all others."""
    results = tuple(map(result, found))

    assert Checkup(subject="a:b", results=results, error=error).verdict is verdict
