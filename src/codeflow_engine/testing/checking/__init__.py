"""Runs the contract suite of a backend and says what came out, as values.

The suite runs in a process of its own, so that a backend which hangs, leaves the interpreter
or writes to standard output harms nobody: it is told as a failure.
"""

from codeflow_engine.testing.checking.running import check
from codeflow_engine.testing.checking.values import (
    CheckOptions,
    Checkup,
    RuleOutcome,
    RuleResult,
    Verdict,
)

__all__ = ["CheckOptions", "Checkup", "RuleOutcome", "RuleResult", "Verdict", "check"]
