"""Changes of the package that swallow a fault, each with cells that must find it out.

Each one replaces a text that stands once in its file, in a copy of the package.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import codeflow_engine

PACKAGE = Path(codeflow_engine.__file__).parent


@dataclass(frozen=True)
class Mutant:
    """One change."""

    name: str
    file: str
    old: str
    new: str
    cells: tuple[str, ...] = ()
    """Words that choose the cells of the matrix to strike."""

    models: bool = False
    """Whether they are cells of the matrix of a review with a model."""

    tests: str = ""
    """In place of cells, what chooses tests of processes."""

    quick: bool = False
    """Whether it is tried at every run of the tests."""

    def apply(self, folder: Path) -> Path:
        """Copy the package into a folder, and change it there."""
        copied = folder / "codeflow_engine"
        shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__", ".*cache"))
        path = copied / self.file
        text = path.read_text("utf-8")
        assert text.count(self.old) == 1, f"{self.file} holds {self.old!r} not once"
        path.write_text(text.replace(self.old, self.new), "utf-8")
        return folder


_EXAMINED = "return SourceReport(source=name, examined=frozenset(analysis.units))"
_ANALYZE = "review/analyze.py"
_PERFORMING = "runs/performing.py"
_WRITER = "runs/writer.py"
_SETTLE = "review/settle.py"
_DISPATCH = "plugins/dispatch.py"

MUTANTS = (
    Mutant(
        "a crash of an analyzer counts as a look",
        _ANALYZE,
        "return failed_source(name, analysis.units, crashed_with(error))",
        _EXAMINED,
        ("second]] raises-foreign",),
        quick=True,
    ),
    Mutant(
        "an error of an analyzer counts as a look",
        _ANALYZE,
        "return failed_source(name, analysis.units, error.message)",
        _EXAMINED,
        ("second]] raises-own",),
    ),
    Mutant(
        "an analyzer that hangs counts as one that looked",
        _ANALYZE,
        "return failed_source(name, analysis.units, too_late(seconds))",
        _EXAMINED,
        ("second]] hangs",),
    ),
    Mutant(
        "what a report is silent about counts as examined",
        _ANALYZE,
        "asked.intersection(report.examined).difference(declined, failed)",
        "asked.difference(declined, failed)",
        ("second]] forgets",),
    ),
    Mutant(
        "values of a wrong type pass in a report",
        _ANALYZE,
        "if not is_sound(report) or not",
        "if not",
        ("second]] wrong(findings",),
    ),
    Mutant(
        "only the usual errors of an analyzer are contained",
        _ANALYZE,
        "    except BaseException as error:",
        "    except OSError as error:",
        ("second]] raises-foreign", "second]] raises-panic"),
    ),
    Mutant(
        "the ledger forgets who failed",
        "review/judge.py",
        "if reasons := failed.get(unit):",
        "if reasons := list[str]():",
        ("second]] raises-own",),
    ),
    Mutant(
        "the ledger takes silence for consent",
        "review/judge.py",
        "if unit not in accounted:",
        "if unit not in accounted and False:",
        ("step:analyze[second] loses",),
        quick=True,
    ),
    Mutant(
        "a failed unit is covered",
        "domain/coverage.py",
        "        covered = (UnitState.REVIEWED, UnitState.EXCLUDED)",
        "        covered = (UnitState.REVIEWED, UnitState.EXCLUDED, UnitState.FAILED)",
        ("second]] raises-foreign",),
    ),
    Mutant(
        "findings are not counted",
        _SETTLE,
        "    _settle_findings(account)\n    _settle_review",
        "    _settle_review",
        ("step:anchor loses", "step:fuse loses", "step:identify loses"),
        quick=True,
    ),
    Mutant(
        "units and reports are not counted",
        _SETTLE,
        "    _settle_units(account)\n    _settle_findings",
        "    _settle_findings",
        ("step:prepare loses", "step:analyze[second] loses(findings)"),
    ),
    Mutant(
        "the review is not held against its stages",
        _SETTLE,
        "    _settle_findings(account)\n    _settle_review(account, review)\n",
        "    _settle_findings(account)\n",
        ("step:judge loses",),
    ),
    Mutant(
        "a merged finding needs no other that stands for it",
        _SETTLE,
        "            kept = any(_stands_for(one, lost) for one in by_path.get(lost.path, ()))\n",
        "            kept = True\n",
        ("step:fuse loses",),
    ),
    Mutant(
        "partition drops what policy leaves out",
        "review/partition.py",
        "            decided[unit] = decision\n",
        "            pass\n",
        ("step:partition forgets",),
    ),
    Mutant(
        "anchor drops without counting",
        "review/anchor.py",
        'dropped[f"{report.source}: {reason}"] += 1',
        "pass",
        ("step:anchor forgets",),
    ),
    Mutant(
        "fuse keeps one finding",
        "review/fuse.py",
        "for group in groups), key=_rank))",
        "for group in groups), key=_rank)[:1])",
        ("step:fuse forgets",),
    ),
    Mutant(
        "a plugin that breaks takes the findings along",
        _DISPATCH,
        '                self._failed(origin, "codeflow_modify_findings", run_id, error)\n',
        "                findings = ()\n",
        ("hook:modify_findings raises",),
    ),
    Mutant(
        "what plugins drop is not counted",
        _DISPATCH,
        'dropped[f"dropped by plugin {origin}"] += gone',
        "pass",
        ("hook:modify_findings loses",),
    ),
    Mutant(
        "an observer that breaks keeps others from hearing",
        _DISPATCH,
        '            self._failed(origin, "codeflow_run_event", event.run_id, error)\n',
        "            raise\n",
        ("on_event[RunStarted] raises-foreign",),
    ),
    Mutant(
        "a cache that breaks fails its reader",
        "runs/scoped_cache.py",
        "        return None\n",
        "        raise\n",
        ("cache:get",),
    ),
    Mutant(
        "a run that failed is recorded as a success",
        _PERFORMING,
        "return self._state(RunStatus.FAILED, error=told, result=written)",
        "return self._state(RunStatus.SUCCEEDED, error=told, result=written)",
        ("vcs:fetch_change[fetch] raises",),
    ),
    Mutant(
        "a run that failed has the result of nothing",
        _PERFORMING,
        "return self._failed(raised), Outcome(error=raised)",
        "return self._failed(raised), Outcome()",
        ("vcs:fetch_change[fetch] raises",),
    ),
    Mutant(
        "a cancelled run has failed",
        _PERFORMING,
        "        if stop is Stop.CANCEL:\n            return self._cancelled()\n",
        "        if stop is Stop.CANCEL:\n            return self._timed_out()\n",
        ("step:fetch cancelled", "step:fetch closed"),
    ),
    Mutant(
        "a success that cannot be recorded is one",
        _PERFORMING,
        "if failed is not None and outcome is not None:",
        "if failed is not None and outcome is None:",
        ("journal:write[succeeded] raises-foreign",),
    ),
    Mutant(
        "a success is told before it is written",
        _PERFORMING,
        "if failed is None and not self._execution.is_lost:",
        "if not self._execution.is_lost:",
        ("write[succeeded] raises-away passes", "write[succeeded] hangs passes"),
    ),
    Mutant(
        "a durable storage that is away for a while makes a run fail",
        _PERFORMING,
        "return unreachable and self._stage.survives",
        "return False",
        ("write[fetch] raises-away passes", "write[analyze] raises-away passes"),
    ),
    Mutant(
        "a run whose success is in doubt has failed for whoever waits",
        _PERFORMING,
        "            outcome = None\n        self._live.outcome",
        "            pass\n        self._live.outcome",
        ("write[succeeded] raises-own-late",),
    ),
    Mutant(
        "a lost lease is taken for a success",
        _WRITER,
        "        if not is_written:\n",
        "        if not is_written and False:\n",
        ("write[succeeded] denies-undone", "write[fetch] denies-undone"),
    ),
    Mutant(
        "a refused end is told as one",
        "runs/live.py",
        "self.is_lost = self.is_lost or why is Stop.LOST",
        "self.is_lost = self.stop is None and why is Stop.LOST",
        ("write[cancelled] denies-undone",),
    ),
    Mutant(
        "a run that ended without success is told as a success",
        _WRITER,
        "            self._execution.events.withdraw(last)\n",
        "            pass\n",
        ("write[succeeded] raises-own",),
    ),
    Mutant(
        "an event whose storing failed is forgotten",
        _WRITER,
        "        self._execution.events.give_back(events)\n",
        "        pass\n",
        ("write[fetch] raises-own",),
    ),
    Mutant(
        "a step whose value is stored is executed again",
        "runs/context.py",
        "            if place.record is not None and place.record.state.is_final:\n"
        "                return await self._ledger.recall(place.record, kind)\n"
        "            await self._ledger.ready(place)\n"
        "            await self._ledger.reach",
        "            await self._ledger.ready(place)\n            await self._ledger.reach",
        ("write[gather] raises-away passes",),
    ),
    Mutant(
        "the value of another step of that name is read back",
        "runs/history.py",
        "record = self._known.get(identity)",
        "record = next((one for one in self._known.values() if one.name == name), None)",
        ("write[gather] raises-away passes",),
        quick=True,
    ),
    Mutant(
        "the record of an error is read back as a value",
        "runs/ledger.py",
        "if record.state is StepState.FAILED:",
        "if record.state is StepState.WAITING:",
        ("write[failed] raises-away passes",),
    ),
    Mutant(
        "a claim that may have been made is not asked for again",
        "runs/executor.py",
        "            self._worker.abandoned(run_id, error)\n",
        "            pass\n",
        ("claim raises-away-late passes",),
    ),
    Mutant(
        "what a storage answers is taken for an answer",
        "runs/batches.py",
        "if is_answer is not None and not all(map(is_answer, answers)):",
        "if is_answer is None and not all(map(bool, answers)):",
        ("write[fetch] wrong", "submit wrong(.0)"),
    ),
    Mutant(
        "a storage without a journal is shown what its journal refuses",
        "runs/mirroring.py",
        "held = [write for write in writes if self._fences.get(write.run_id) == write.fence]",
        "held = list(writes)",
        ("bare:append_events[RunFinished] raises-own",),
    ),
    Mutant(
        "a stored review is the result of a run that failed",
        "runs/outcomes.py",
        "        if status is RunStatus.SUCCEEDED:\n"
        "            return Outcome(value=await self._result(record, data))\n",
        "        if status is not RunStatus.CANCELLED:\n"
        "            return Outcome(value=await self._review(record))\n",
        ("write[succeeded] raises-own",),
    ),
    Mutant(
        "whoever follows is not told of the end",
        "runs/events.py",
        "        self._closed = True\n",
        "        self._closed = False\n",
        ("write[failed] raises-own",),
    ),
    Mutant(
        "who waits at a closed engine waits for ever",
        "runs/outcomes.py",
        "if was_drained:",
        "if was_drained and False:",
        ("write[fetch] closed passes",),
    ),
    Mutant(
        "the program tells only a failed review from a whole one",
        "hosts/cli/outcome.py",
        'if review.outcome != "reviewed":',
        'if review.outcome == "failed":',
        tests="program_ends and raising",
    ),
    Mutant(
        "a scan that cannot be run counts as a look",
        "providers/analyzer/scan.py",
        'raise AnalyzerError(f"the scan {name} could not be run: {error.message}") from error',
        "return AnalyzerReport(examined=analysis.units)",
        tests="full_disk or killed_is",
    ),
)
