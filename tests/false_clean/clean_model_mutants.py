"""Changes of the stages that models stand in, each of which the matrix must find out."""

from __future__ import annotations

from clean_mutants import Mutant

_INSPECT = "review/inspect.py"
_INSPECTING = "workflows/inspecting.py"

MODEL_MUTANTS = (
    Mutant(
        "what a model does not account for counts as examined",
        _INSPECT,
        "frozenset(said.examined).intersection(chunk.units)",
        "frozenset(chunk.units)",
        ("strategy:inspect loses(examined)", "strategy:inspect loses-all(examined)"),
        models=True,
        quick=True,
    ),
    Mutant(
        "a model that gives no answer counts as a look",
        _INSPECT,
        "return _unasked(chunk, failure)",
        "return Inspected(examined=frozenset(chunk.units))",
        ("llm:complete raises-own", "strategy:inspect raises-own"),
        models=True,
    ),
    Mutant(
        "a strategy that crashes counts as a look",
        _INSPECT,
        'return _failed(chunk, f"{MODEL}: the strategy crashed with {kind}")',
        "return Inspected(examined=frozenset(chunk.units))",
        ("strategy:inspect raises-foreign",),
        models=True,
    ),
    Mutant(
        "what is said in a wrong type is taken",
        _INSPECT,
        "if not is_sound(said):",
        "if is_sound(said) and False:",
        ("strategy:inspect wrong(", "strategy:inspect none("),
        models=True,
    ),
    Mutant(
        "the report of models forgets what failed",
        _INSPECTING,
        "        examined=examined,\n        declined=(*parts.unshown",
        "        examined=frozenset(parts.to_review) - parts.unshown.keys(),\n"
        "        declined=(*parts.unshown",
        ("step:show forgets", "step:pack forgets", "llm:complete raises-own"),
        models=True,
    ),
    Mutant(
        "units that were lost on the way to models are declined",
        _INSPECTING,
        "declined=(*parts.unshown.items(), *shown.declined.items()),",
        'declined=tuple((unit, "") for unit in parts.to_review if unit not in examined),',
        ("step:show loses", "step:pack loses"),
        models=True,
    ),
    Mutant(
        "the ledger takes the silence of models for consent",
        "review/judge.py",
        "if unit not in accounted:",
        "if unit not in accounted and False:",
        ("step:show forgets", "step:pack forgets"),
        models=True,
    ),
    Mutant(
        "what is lost while suggestions are proved is not counted",
        "review/settle.py",
        "    _settle_units(account)\n    _settle_findings(account)\n",
        "    _settle_units(account)\n",
        ("step:prove loses", "step:prove forgets"),
        models=True,
    ),
    Mutant(
        "a unit that a model failed is covered",
        "domain/coverage.py",
        "        covered = (UnitState.REVIEWED, UnitState.EXCLUDED)",
        "        covered = (UnitState.REVIEWED, UnitState.EXCLUDED, UnitState.FAILED)",
        ("llm:complete raises-own", "step:show forgets"),
        models=True,
    ),
)
