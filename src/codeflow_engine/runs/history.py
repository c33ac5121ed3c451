"""What a run has done before, held against what its workflow asks for now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from codeflow_engine.domain.journal import StepKind, StepRecord
from codeflow_engine.errors import NonDeterminismError, WorkflowError

__all__ = ["History", "Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a step in its run."""

    name: str
    key: str
    position: int
    kind: StepKind
    record: StepRecord | None
    """What is known of it; None where it was never asked for."""

    @property
    def title(self) -> str:
        """What the step is called in a message."""
        return _title(self.name, self.key)


def _title(name: str, key: str) -> str:
    """Write the name of a step for people."""
    shown = key[1:] if key.startswith("=") else "" if key == "#1" else key
    return f"{name} {shown}".rstrip()


class History:
    """Gives each step its place, and finds out where a workflow takes another way.

    Steps without a key are sequential: they have to be asked for in the order of the records.
    Steps with a key may run at the same time, so that each is found by its name and key. A
    record that nobody asks for is one of another workflow than the present one.
    """

    def __init__(self, run_id: str, steps: Iterable[StepRecord]) -> None:
        self._run_id = run_id
        known = sorted(steps, key=lambda step: step.position)
        self._known = {(step.name, step.key): step for step in known}
        self._position = known[-1].position if known else 0
        # An event that is told at another place than before does no harm.
        firm = [step for step in known if step.kind is not StepKind.EMIT]
        self._missing = {(step.name, step.key): step for step in firm}
        self._sequence = [step for step in firm if step.key.startswith("#")]
        self._asked = 0
        self._places: set[tuple[str, str]] = set()
        self._counts: Counter[str] = Counter()

    @property
    def missing(self) -> StepRecord | None:
        """The first record that the workflow has not asked for yet."""
        return next(iter(self._missing.values()), None)

    def place(self, name: str, key: str | None, kind: StepKind) -> Place:
        """Give a step its place.

        Raises:
            NonDeterminismError: Another step was asked for here before.
            WorkflowError: A step of this name and key was asked for already.
        """
        if key is None:
            self._counts[name] += 1
            written = f"#{self._counts[name]}"
            if kind is not StepKind.EMIT:
                self._check_order(name, written)
        else:
            written = f"={key}"
        identity = (name, written)
        if identity in self._places:
            raise WorkflowError(f"step {name!r} with key {key!r} stands twice in the workflow")
        self._places.add(identity)
        record = self._known.get(identity)
        self._missing.pop(identity, None)
        if record is None:
            self._position += 1
            return Place(name=name, key=written, position=self._position, kind=kind, record=None)
        if record.kind is not kind:
            raise self.mismatch(record, f"{kind} {name!r}")
        return Place(name=name, key=written, position=record.position, kind=kind, record=record)

    def mismatch(self, expected: StepRecord, got: str) -> NonDeterminismError:
        """Make the error for a workflow that takes another way than it did before.

        Args:
            expected: What it should have asked for.
            got: What it asks for instead.
        """
        title = _title(expected.name, expected.key)
        return NonDeterminismError(
            f"run {self._run_id} asks for {got} at position {expected.position}, where its "
            f"journal holds {expected.kind} {title!r}: its workflow was changed meanwhile; "
            f"raise the version, and keep the code of this one under `earlier`"
        )

    def _check_order(self, name: str, key: str) -> None:
        place, self._asked = self._asked, self._asked + 1
        if place >= len(self._sequence):
            return
        expected = self._sequence[place]
        if (expected.name, expected.key) != (name, key):
            raise self.mismatch(expected, f"step {_title(name, key)!r}")
