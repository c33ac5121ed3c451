"""The verb of an engine that mends what a review has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codeflow_engine.domain.budget import Budget
    from codeflow_engine.domain.finding import Finding
    from codeflow_engine.domain.patch import Patch
    from codeflow_engine.domain.review import Review
    from codeflow_engine.engine.options import ChangeLike
    from codeflow_engine.engine.verbs import AsyncEngine
    from codeflow_engine.runs.executor import Executor

__all__ = ["FixingVerbs"]


class FixingVerbs:
    """Patches for findings."""

    _executor: Executor

    async def fix(
        self,
        found: Review | Finding | Iterable[Finding],
        change: ChangeLike | None = None,
        *,
        base: str | None = None,
        head: str | None = None,
        llm: str | Iterable[str] | None = None,
        budget: Budget | None = None,
    ) -> Patch:
        """Make a verified patch that mends findings; it is written nowhere.

        A finding that has a suggestion is mended by it; models are asked about the others,
        file by file. Every edit has to apply to lines that the change shows, to leave a file
        that parses, to bring in no package, and to keep off what runs or guards the
        repository. `Patch.left` has a reason for each finding that is not mended.

        Cancelling this call cancels the run.

        Args:
            found: A review, of which the new and open findings count, or findings.
            change: What they were found in, as for `review`. None: what the run of the
                review was asked about, which the storage has to know.
            base: As for `review`.
            head: As for `review`.
            llm: As for `review`.
            budget: As for `review`.

        Raises:
            ConfigurationError: The arguments cannot work, or nobody knows the change.
            RunNotFoundError: The run of the review is not in the storage.
            ChangeUnavailableError: No such repository or revision.
            CodeflowError: Whatever else kept the change from being read.
        """
        engine = cast("AsyncEngine", self)
        asked: dict[str, Any] = {"change": change, "base": base, "head": head}
        if change is None:
            asked |= await self._reviewed(found, base, head)
        asked |= {"findings": found, "llm": llm, "budget": budget}
        result: Patch = await engine._finish(await engine.submit("fix", asked))  # noqa: SLF001 - its own class
        return result

    async def _reviewed(self, found: object, base: str | None, head: str | None) -> dict[str, Any]:
        """Find what the run of a review was asked about."""
        from codeflow_engine.domain.review import Review
        from codeflow_engine.errors import ConfigurationError

        if not isinstance(found, Review):
            raise ConfigurationError("a finding does not hold its change: give the change, too")
        told = (await self._executor.known.look(found.run_id)).record.input
        if "head" not in told:
            raise ConfigurationError(
                "the review is of a patch, which its run does not hold: give the change, too"
            )
        named = {"base": base, "head": head}
        if base is None and head is None:
            named = {name: told[name] for name in named}
        return {"change": told["change"], **named}
