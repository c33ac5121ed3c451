"""Where effects are handed in: each goes to the poster of its kind."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from codeflow_engine.domain.effect import Effect, EffectKind, Receipt
from codeflow_engine.errors import PublishError
from codeflow_engine.providers.vcs.github.posting.checks import Checks
from codeflow_engine.providers.vcs.github.posting.commits import Commits
from codeflow_engine.providers.vcs.github.posting.entries import oldest
from codeflow_engine.providers.vcs.github.posting.issues import Issues
from codeflow_engine.providers.vcs.github.posting.labels import Labels
from codeflow_engine.providers.vcs.github.posting.poster import Poster
from codeflow_engine.providers.vcs.github.posting.pull import Pull
from codeflow_engine.providers.vcs.github.posting.resolutions import Resolutions
from codeflow_engine.providers.vcs.github.posting.reviews import Reviews
from codeflow_engine.providers.vcs.github.posting.sarifs import Sarifs
from codeflow_engine.providers.vcs.github.posting.summaries import Summaries

__all__ = ["deliver", "find_effects", "withdraw"]

_POSTERS: Final[Mapping[EffectKind, Poster]] = {
    EffectKind.REVIEW: Reviews(),
    EffectKind.SUMMARY: Summaries(),
    EffectKind.CHECK: Checks(),
    EffectKind.LABEL: Labels(),
    EffectKind.ISSUE: Issues(),
    EffectKind.COMMIT: Commits(),
    EffectKind.SARIF: Sarifs(),
    EffectKind.RESOLUTION: Resolutions(),
}
_EXTERNAL: Final = re.compile(r"([a-z]{1,20}):([A-Za-z0-9_.~%,=-]*)")


async def find_effects(
    effects: Sequence[Effect], pull_of: Callable[[str], Pull]
) -> tuple[Receipt, ...]:
    """Find which effects stand.

    Args:
        effects: Of any kind and target.
        pull_of: Gives the pull request that a target names.

    Raises:
        CodeflowError: A look-up failed.
    """
    groups: defaultdict[tuple[str, EffectKind], list[Effect]] = defaultdict(list)
    for effect in effects:
        groups[effect.target, effect.kind].append(effect)
    found = []
    for (target, kind), group in groups.items():
        found += await _POSTERS[kind].find(pull_of(target), group)
    return tuple(found)


async def deliver(effect: Effect, pull: Pull) -> Receipt:
    """Write an effect, unless it stands.

    Raises:
        PublishError: It is about a head that is the head no more.
        CodeflowError: It failed; where that is retryable, it may stand all the same.
    """
    poster = _POSTERS[effect.kind]
    standing = oldest(await poster.find(pull, [effect]))
    if standing is not None:
        return standing
    await pull.check_head(effect.head)
    return await poster.write(pull, effect)


async def withdraw(receipt: Receipt, pull: Pull) -> None:
    """Take back what a receipt names.

    Raises:
        PublishError: It is no receipt of ours, or of something that cannot be taken back.
        CodeflowError: It failed.
    """
    found = _EXTERNAL.fullmatch(receipt.external_id)
    word = found[1] if found else ""
    for poster in _POSTERS.values():
        if found and word in poster.prefixes:
            await poster.take_back(pull, receipt, found[2])
            return
    raise PublishError(f"{receipt.external_id!r} is nothing that was written to GitHub")
