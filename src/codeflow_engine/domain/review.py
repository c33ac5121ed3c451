"""The result of a review, and its stable JSON form."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from codeflow_engine.domain.coverage import Coverage, Outcome, UnitState
from codeflow_engine.domain.finding import Finding, FindingState, Severity
from codeflow_engine.domain.usage import Usage
from codeflow_engine.errors import SerializationError

if TYPE_CHECKING:
    from pandas import DataFrame

    from codeflow_engine.domain.change import Change

__all__ = ["SCHEMA_VERSION", "ChangeSummary", "Review", "Timing"]

SCHEMA_VERSION = 1
"""Version of the JSON form; its JSON Schema is `codeflow_engine/reports/review.schema.json`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSummary:
    """The change that was reviewed, in short."""

    title: str = ""
    base: str | None = None
    head: str | None = None
    files: int = 0
    """Number of file entries."""

    def __post_init__(self) -> None:
        if self.files < 0:
            raise ValueError("files are counted from 0")

    @classmethod
    def of(cls, change: Change) -> ChangeSummary:
        """Summarise a change."""
        return cls(
            title=change.title, base=change.base, head=change.head, files=len(change.diff.files)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When the review ran."""

    started_at: datetime
    """With a time zone; UTC where the engine made it."""

    seconds: float
    """Wall time from the start of the run to its result."""

    def __post_init__(self) -> None:
        if self.started_at.utcoffset() is None:
            raise ValueError("the start of a review has a time zone")
        if not 0 <= self.seconds < math.inf:
            raise ValueError("the time of a review is a finite number, at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a review found, and what it looked at.

    `outcome` and `reason` are derived from `coverage`, also for a review that was loaded
    from JSON; there is no way to set them.
    """

    run_id: str
    change: ChangeSummary
    findings: tuple[Finding, ...] = ()
    """Worst first; then those of earlier versions of the change that nobody reported again."""

    coverage: Coverage
    usage: Usage = field(default_factory=Usage)
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Findings that were not kept, counted by reason; a wrong anchor is the usual one."""

    isolation: str
    """The rung of the sandbox that analyzers ran on: `bwrap`, `unshare` or `none`."""

    timing: Timing

    def __post_init__(self) -> None:
        if min(self.dropped.values(), default=0) < 0:
            raise ValueError("dropped findings are counted from 0")

    @property
    def outcome(self) -> Outcome:
        """How the review ended, derived from the ledger."""
        return self.coverage.outcome

    @property
    def reason(self) -> str | None:
        """Why the outcome is not `reviewed`, derived from the ledger."""
        return self.coverage.reason

    def worst(self) -> Severity | None:
        """Find the severity of the worst finding that is new or open."""
        alive = (FindingState.NEW, FindingState.OPEN)
        live = [finding.severity for finding in self.findings if finding.state in alive]
        return min(live, key=lambda severity: severity.rank, default=None)

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form, as values that `json.dumps` takes."""
        from codeflow_engine.domain.encoding import to_plain

        plain = to_plain(replace(self, coverage=Coverage()))
        plain["coverage"] = self.coverage.to_json()
        outcome = {"outcome": self.outcome.value, "reason": self.reason}
        return {"schema": SCHEMA_VERSION, "run_id": plain.pop("run_id"), **outcome, **plain}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Review:
        """Load the JSON form; the outcome and all counts are derived anew.

        Raises:
            SerializationError: The data has another schema version or another form.
        """
        from codeflow_engine.domain.encoding import from_plain

        given: object = data
        schema = given.get("schema") if isinstance(given, Mapping) else None
        if type(schema) is not int or schema != SCHEMA_VERSION:
            found = f"schema {schema}" if type(schema) is int else "no known schema"
            raise SerializationError(
                f"a review of {found} cannot be read; this version reads schema {SCHEMA_VERSION}"
            )
        derived = {"schema", "outcome", "reason"}
        plain: dict[str, Any] = {key: value for key, value in data.items() if key not in derived}
        coverage = plain.get("coverage")
        if isinstance(coverage, Mapping):
            counts = {"units", "hunks", *UnitState}
            plain["coverage"] = {k: v for k, v in coverage.items() if k not in counts}
        return from_plain(cls, plain)

    def render(self, format: str = "text") -> str:  # noqa: A002 - the word of the command line
        """Render a report, a text that ends with a line feed.

        Args:
            format: `text`, `json`, `sarif`, `rdjson`, `markdown` or `html`.

        Raises:
            ConfigurationError: There is no such format; the message names those there are.
        """
        from codeflow_engine.reports import formats

        return formats.render(self.to_json(), format)

    def to_dataframe(self) -> DataFrame:
        """Make a pandas table with one row per finding, in the order of `findings`.

        | column | dtype | holds |
        |---|---|---|
        | `fingerprint` | `str` | identity of the finding |
        | `state` | category | `new`, `open`, `resolved` or `dismissed` |
        | `severity` | ordered category | `info` < `low` < `medium` < `high` < `critical` |
        | `category` | category | as in `Category` |
        | `rule` | `str` | source and check |
        | `path` | `str` | the file |
        | `side` | category | `new` or `old` |
        | `line`, `end_line`, `column` | `Int64` | counted from 1; missing where not known |
        | `title`, `message` | `str` | what is wrong |
        | `suggestion` | `str` | text that would take the place of the lines; else missing |
        | `confidence` | `float64` | from 0 to 1 |
        | `sources` | object | a tuple of the names of those who reported it |

        Columns and dtypes are the same without rows, which do not mean that the change is
        clean: `attrs` holds `run_id`, `outcome` and `reason`. Hidden characters are escaped.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        from codeflow_engine.reports import frame

        return frame.findings(self.to_json())

    def __str__(self) -> str:
        """Render the text report."""
        return self.render().removesuffix("\n")

    def __repr__(self) -> str:
        covered = self.coverage.units - len(self.coverage.uncovered)
        return (
            f"<Review {self.outcome.value}: {len(self.findings)} findings, "
            f"{covered} of {self.coverage.units} units covered>"
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - IPython's form
        printer.text(repr(self) if cycle else self._brief())

    def _repr_html_(self) -> str:
        from codeflow_engine.reports.html import fragment

        return fragment.review(self.to_json())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        from codeflow_engine.reports import mime

        makers = {
            "text/plain": self._brief,
            "text/html": self._repr_html_,
            "application/json": self.to_json,
        }
        return mime.bundle(makers, include, exclude)

    def _brief(self) -> str:
        from codeflow_engine.reports import text

        return text.brief(self.to_json()).removesuffix("\n")
