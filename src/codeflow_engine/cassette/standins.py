"""What an engine gets where it asks for a backend by its name."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from codeflow_engine.cassette.analyzer import TapedAnalyzer
from codeflow_engine.cassette.entry import Call
from codeflow_engine.cassette.models import Provider, replayed_llm
from codeflow_engine.cassette.originals import Originals
from codeflow_engine.cassette.tape import Tape
from codeflow_engine.cassette.vcs import TapedVCS
from codeflow_engine.contracts import LLM, VCS, Analyzer, AnalyzerCapability, Backend, VCSCapability
from codeflow_engine.pace.clock import Clock
from codeflow_engine.plugins.backends import StandIns
from codeflow_engine.plugins.registry import Kind

__all__ = ["TapedBackends"]


class TapedBackends(StandIns):
    """Puts a tape in front of hosts and analyzers, or in their place.

    Args:
        tape: What goes through.
        path: The file, for errors.
        clock: Counts the seconds of analyzers.
        seconds: Time after which a review gives an analyzer up.
    """

    def __init__(self, tape: Tape, *, path: str, clock: Clock, seconds: float) -> None:
        self._tape = tape
        self._path = path
        self._clock = clock
        self._seconds = seconds
        self._originals = Originals(tape.redactor)
        self._made: dict[tuple[Kind, str], Backend] = {}

    def names(self, kind: Kind, live: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """List the names of a kind: a replay those of the recording."""
        if kind is not Kind.ANALYZER:
            return live()
        call = Call(kind="analyzer", name="", method="names")
        return self._tape.tell(call, tuple[str, ...], live)

    def get(self, kind: Kind, name: str, live: Callable[[], Backend]) -> Backend:
        """Give the backend of a name, with the tape in front of it."""
        if kind not in {Kind.VCS, Kind.ANALYZER, Kind.LLM}:
            return live()
        call = Call(kind=kind.value, name=name, method="get")
        if kind is Kind.LLM:
            provider = self._tape.tell(call, Provider, lambda: Provider.of(_of(LLM, live())))
            return replayed_llm(provider, self._path) if self._tape.is_replay else live()
        able = self._tape.tell(call, tuple[str, ...], lambda: _able(live()))
        known = self._made.get((kind, name))
        if known is None:
            known = self._made.setdefault((kind, name), self._make(kind, name, able, live))
        return known

    def _make(
        self, kind: Kind, name: str, able: tuple[str, ...], live: Callable[[], Backend]
    ) -> Backend:
        if kind is Kind.VCS:
            return TapedVCS(
                name,
                _capabilities(VCSCapability, able),
                tape=self._tape,
                originals=self._originals,
                host=lambda: _of(VCS, live()),
            )
        return TapedAnalyzer(
            name,
            _capabilities(AnalyzerCapability, able),
            tape=self._tape,
            originals=self._originals,
            clock=self._clock,
            seconds=self._seconds,
            analyzer=lambda: _of(Analyzer, live()),
        )


def _able(backend: Backend) -> tuple[str, ...]:
    return tuple(sorted(str(one) for one in backend.capabilities))


def _of[B: Backend](contract: type[B], backend: Backend) -> B:
    assert isinstance(backend, contract)  # noqa: S101 - the registry has looked
    return backend


def _capabilities(kind: type[StrEnum], able: tuple[str, ...]) -> frozenset[StrEnum]:
    """Read capabilities that this version knows; nobody asks for others."""
    known = {one.value: one for one in kind}
    return frozenset(known[name] for name in able if name in known)
