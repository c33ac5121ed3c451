from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from codeflow_engine import Category, Finding, Severity, hookimpl
from codeflow_engine.contracts import Observer
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import Diff
from codeflow_engine.domain.run import RunEvent, RunStarted
from codeflow_engine.plugins.dispatch import HookDispatch, Modified
from codeflow_engine.plugins.hooks import Hooks
from codeflow_engine.plugins.loader import load_plugins
from codeflow_engine.redaction import Redactor
from codeflow_engine.telemetry.logging import EngineLog
from raising import raising

EVENT = RunStarted(run_id="r1", sequence=1, at=datetime(2026, 1, 1, tzinfo=UTC), workflow="review")
CHANGE = Change.from_diff(Diff.parse("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"))
FINDING = Finding(
    fingerprint="f00d",
    path="x",
    line=1,
    end_line=1,
    severity=Severity.LOW,
    category=Category.STYLE,
    rule="acme/rule",
    title="title",
    message="message",
)


def dispatch(*plugins: object, observers: tuple[Observer, ...] = ()) -> HookDispatch:
    loaded = load_plugins(plugins, allow=())
    assert not loaded.failures
    return HookDispatch(loaded, observers, EngineLog(None, Redactor()))


def watcher(function: Callable[[RunEvent], Any], **options: bool) -> object:
    class Plugin:
        @hookimpl(**options)
        def codeflow_run_event(self, event: RunEvent) -> Any:
            return function(event)

    return Plugin()


def modifier(function: Callable[..., Any], **options: bool) -> object:
    class Plugin:
        @hookimpl(**options)
        def codeflow_modify_findings(self, findings: Any, change: Any) -> Any:
            return function(findings)

    return Plugin()


def titled(text: str) -> Callable[..., Any]:
    def change(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        return tuple(replace(one, title=one.title + text) for one in findings)

    return change


class Recording(Observer):
    """Keeps what it sees in a list that it shares with others."""

    def __init__(self, seen: list[str], name: str, error: BaseException | None = None) -> None:
        self.seen = seen
        self.name = name
        self.error = error

    async def on_event(self, event: RunEvent) -> None:
        self.seen.append(self.name)
        if self.error is not None:
            raise self.error


async def test_an_async_hook_is_awaited() -> None:
    """The event has been seen to the end when `notify` returns."""
    seen: list[RunEvent] = []

    class Plugin:
        @hookimpl
        async def codeflow_run_event(self, event: RunEvent) -> None:
            await asyncio.sleep(0)
            seen.append(event)

    await dispatch(Plugin()).notify(EVENT)

    assert seen == [EVENT]


async def test_a_hook_may_name_fewer_arguments() -> None:
    """An implementation without the argument is called without it."""
    calls: list[int] = []

    class Plugin:
        @hookimpl
        def codeflow_run_event(self) -> None:
            calls.append(1)

    await dispatch(Plugin()).notify(EVENT)

    assert calls == [1]


class Mute(Exception):  # noqa: N818 - a name as plugins have them
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    "error",
    [RuntimeError("boom"), SystemExit(3), asyncio.CancelledError(), StopIteration(), Mute()],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("late", [False, True], ids=["plain", "async"])
async def test_an_observing_hook_that_raises_is_logged(
    error: BaseException, late: object, caplog: pytest.LogCaptureFixture
) -> None:
    """The hooks after it see the event, and nothing is raised into the run."""
    seen: list[str] = []

    async def fail_later(_: RunEvent) -> None:
        await asyncio.sleep(0)
        raise error

    plugins = (
        watcher(fail_later if late else raising(error), tryfirst=True),
        watcher(lambda _: seen.append("second")),
    )
    with caplog.at_level(logging.WARNING, "codeflow_engine"):
        await dispatch(*plugins, observers=(Recording(seen, "observer"),)).notify(EVENT)

    assert seen == ["second", "observer"]
    (record,) = caplog.records
    assert record.message == "a plugin's hook failed"
    fields = vars(record)
    assert fields["plugin"] == "in-process Plugin #1"
    assert (fields["hook"], fields["run_id"]) == ("codeflow_run_event", "r1")
    assert fields["error"].startswith(("RuntimeError", type(error).__name__))


@pytest.mark.parametrize("answer", [42, "text", object(), [EVENT]], ids=lambda a: type(a).__name__)
async def test_an_observing_hook_that_returns_nonsense_changes_nothing(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Only what can be awaited means anything."""
    seen: list[str] = []

    with caplog.at_level(logging.WARNING, "codeflow_engine"):
        await dispatch(watcher(lambda _: answer), observers=(Recording(seen, "observer"),)).notify(
            EVENT
        )

    assert seen == ["observer"]
    assert not caplog.records


async def test_a_failing_observer_does_not_reach_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Observers are told in their order, each whatever the one before it did."""
    seen: list[str] = []
    observers = (
        Recording(seen, "first"),
        Recording(seen, "second", RuntimeError("boom")),
        Recording(seen, "third"),
    )

    with caplog.at_level(logging.WARNING, "codeflow_engine"):
        await dispatch(observers=observers).notify(EVENT)

    assert seen == ["first", "second", "third"]
    assert [vars(record)["plugin"] for record in caplog.records] == ["Recording"]


async def test_tryfirst_and_trylast_set_the_order() -> None:
    """One marked `tryfirst` sees an event before all others, one marked `trylast` after."""
    seen: list[str] = []

    await dispatch(
        watcher(lambda _: seen.append("last"), trylast=True),
        watcher(lambda _: seen.append("first"), tryfirst=True),
        watcher(lambda _: seen.append("middle")),
    ).notify(EVENT)

    assert seen == ["first", "middle", "last"]


async def cancelled_in(work: Coroutine[Any, Any, None]) -> bool:
    task = asyncio.create_task(work)
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


async def test_an_observer_that_takes_too_long_is_told_no_more_of_the_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It holds up one event for a moment; those of other runs it is told again."""
    told: list[RunEvent] = []

    async def think(event: RunEvent) -> None:
        told.append(event)
        await asyncio.sleep(30)

    hooks = dispatch(watcher(think))
    hooks._patience = 0.01
    other = replace(EVENT, run_id="other")

    with caplog.at_level(logging.WARNING, "codeflow_engine"):
        for event in (EVENT, EVENT, other):
            await hooks.notify(event)

    assert told == [EVENT, other]
    assert [vars(record)["error"] for record in caplog.records] == ["TimeoutError"] * 2


async def test_the_cancellation_of_a_run_goes_through_a_hook() -> None:
    """A run that is cancelled while a plugin thinks is cancelled, not told as a failure."""

    async def think(_: RunEvent) -> None:
        await asyncio.sleep(30)

    assert await cancelled_in(dispatch(watcher(think)).notify(EVENT))


async def test_an_interrupt_goes_through_a_hook() -> None:
    """Ctrl-C is not the plugin's failure."""
    hooks = dispatch(watcher(raising(KeyboardInterrupt())))

    with pytest.raises(KeyboardInterrupt):
        # Stepped by hand: a task would hand the interrupt to the loop of the test.
        hooks.notify(EVENT).send(None)


def test_modifications_are_chained() -> None:
    """Each plugin gets the findings of the one before it, in the order of their marks."""
    hooks = dispatch(
        modifier(titled("-c"), trylast=True),
        modifier(titled("-a"), tryfirst=True),
        modifier(titled("-b")),
    )

    (finding,) = hooks.modify_findings("r1", (FINDING,), CHANGE).findings

    assert finding.title == "title-a-b-c"


@pytest.mark.parametrize(
    "error",
    [RuntimeError("boom"), SystemExit(3), asyncio.CancelledError(), StopIteration()],
    ids=lambda error: type(error).__name__,
)
def test_a_modification_that_raises_is_undone_and_logged(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """The plugins around it have their effect."""
    hooks = dispatch(
        modifier(titled("-a"), tryfirst=True),
        modifier(raising(error)),
        modifier(titled("-c"), trylast=True),
    )

    with caplog.at_level(logging.WARNING, "codeflow_engine"):
        (finding,) = hooks.modify_findings("r1", (FINDING,), CHANGE).findings

    assert finding.title == "title-a-c"
    (record,) = caplog.records
    assert vars(record)["hook"] == "codeflow_modify_findings"
    assert vars(record)["plugin"] == "in-process Plugin #2"


async def unfinished() -> None: ...


@pytest.mark.parametrize(
    "make",
    [lambda: None, lambda: [FINDING], lambda: (FINDING, "x"), lambda: 42, unfinished],
    ids=["none", "list", "mixed", "number", "coroutine"],
)
def test_a_modification_of_a_wrong_type_is_undone_and_logged(
    make: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Only a tuple of findings is an answer; forgetting `return` does not drop them all."""
    hooks = dispatch(modifier(lambda _: make()))

    with caplog.at_level(logging.WARNING, "codeflow_engine"):
        assert hooks.modify_findings("r1", (FINDING,), CHANGE).findings == (FINDING,)

    (record,) = caplog.records
    assert vars(record)["error"].startswith("TypeError: a tuple of findings was expected, not a ")


def test_findings_can_be_dropped_and_added() -> None:
    """An empty tuple is an answer like any other; what it takes away is counted by plugin."""
    other = replace(FINDING, fingerprint="beef")

    emptied = dispatch(modifier(lambda _: ())).modify_findings("r1", (FINDING,), CHANGE)
    grown = dispatch(modifier(lambda old: (*old, other))).modify_findings("r1", (), CHANGE)

    told = {"dropped by plugin in-process Plugin #1": 1}
    assert emptied == Modified(findings=(), dropped=told)
    assert grown == Modified(findings=(other,), added=1)


def test_an_interrupt_goes_through_a_modification() -> None:
    """Ctrl-C is not the plugin's failure."""
    hooks = dispatch(modifier(raising(KeyboardInterrupt())))

    with pytest.raises(KeyboardInterrupt):
        hooks.modify_findings("r1", (FINDING,), CHANGE)


def test_without_plugins_findings_stay_as_they_are() -> None:
    """So says the specification of the hook, too."""
    assert dispatch().modify_findings("r1", (FINDING,), CHANGE) == Modified(findings=(FINDING,))
    assert Hooks().codeflow_modify_findings((FINDING,), CHANGE) == (FINDING,)


def test_the_change_is_handed_to_a_modification() -> None:
    """A plugin may look at what the findings are about."""
    seen: list[Change] = []

    class Plugin:
        @hookimpl
        def codeflow_modify_findings(self, change: Change, findings: Any) -> Any:
            seen.append(change)
            return findings

    dispatch(Plugin()).modify_findings("r1", (FINDING,), CHANGE)

    assert seen == [CHANGE]


async def test_s33_a_secret_in_the_error_of_a_hook_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What a plugin raises may hold what it was configured with."""
    phrase = "correct-horse-battery"
    loaded = load_plugins([watcher(raising(RuntimeError(f"401 for {phrase}")))], allow=())
    hooks = HookDispatch(loaded, (), EngineLog(None, Redactor(secrets=[phrase])))

    with caplog.at_level(logging.WARNING, "codeflow_engine"):
        await hooks.notify(EVENT)

    (record,) = caplog.records
    assert phrase not in str(vars(record))
    assert "401 for [redacted:" in vars(record)["error"]
