"""What each rule of ruff means here: how bad it is, and what kind of harm."""

from __future__ import annotations

from typing import Final

from codeflow_engine.domain.finding import Category, Severity

__all__ = ["SELECT", "meaning"]

SELECT: Final = ("E4", "E7", "E9", "F", "W605", "B", "ASYNC", "PLE")
"""Rules about what is wrong or likely to be, and ruff's own few of style. Those about
security stay with bandit, so that nothing is told twice."""

_MEANINGS: Final = {
    "invalid-syntax": (Severity.HIGH, Category.CORRECTNESS),
    "A": (Severity.LOW, Category.MAINTAINABILITY),
    "ANN": (Severity.LOW, Category.MAINTAINABILITY),
    "ASYNC": (Severity.MEDIUM, Category.PERFORMANCE),
    "B": (Severity.MEDIUM, Category.CORRECTNESS),
    "BLE": (Severity.MEDIUM, Category.RELIABILITY),
    "C90": (Severity.LOW, Category.MAINTAINABILITY),
    "D": (Severity.LOW, Category.DOCUMENTATION),
    "DTZ": (Severity.MEDIUM, Category.CORRECTNESS),
    "E9": (Severity.HIGH, Category.CORRECTNESS),
    "E722": (Severity.MEDIUM, Category.RELIABILITY),
    "F": (Severity.LOW, Category.MAINTAINABILITY),
    "F5": (Severity.MEDIUM, Category.CORRECTNESS),
    "F6": (Severity.MEDIUM, Category.CORRECTNESS),
    "F7": (Severity.HIGH, Category.CORRECTNESS),
    "F82": (Severity.HIGH, Category.CORRECTNESS),
    "F811": (Severity.MEDIUM, Category.CORRECTNESS),
    "PERF": (Severity.LOW, Category.PERFORMANCE),
    "PLE": (Severity.HIGH, Category.CORRECTNESS),
    "PLR": (Severity.LOW, Category.MAINTAINABILITY),
    "PLW": (Severity.MEDIUM, Category.CORRECTNESS),
    "PT": (Severity.LOW, Category.TESTING),
    "RUF": (Severity.LOW, Category.MAINTAINABILITY),
    "S": (Severity.MEDIUM, Category.SECURITY),
    "SIM": (Severity.LOW, Category.MAINTAINABILITY),
    "TRY": (Severity.LOW, Category.RELIABILITY),
    "UP": (Severity.LOW, Category.MAINTAINABILITY),
}
"""By the longest beginning of a rule's code that stands here; `SIM` is none of `S`."""

_OTHER: Final = (Severity.LOW, Category.STYLE)


def meaning(code: str) -> tuple[Severity, Category]:
    """Give severity and category of a rule."""
    if code in _MEANINGS:
        return _MEANINGS[code]
    letters = code.rstrip("0123456789")
    for length in range(len(code), len(letters) - 1, -1):
        if code[:length] in _MEANINGS:
            return _MEANINGS[code[:length]]
    return _OTHER
