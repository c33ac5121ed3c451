"""Fix commits: what is to be written of a patch."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final

from codeflow_engine.domain.effect import Effect, EffectKind, Plan, effect_key
from codeflow_engine.domain.patch import Patch
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.reports.prose import count

__all__ = ["plan_patch"]

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT: Final = 12
_LONGEST: Final = 200
_NO_BRANCH: Final = re.compile(
    # What git refuses (git-check-ref-format), and what a program could take for an option.
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|^/|^-|\.$|(?:^|/)\.|\.lock(?:/|$)|^@$"
)
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{8,64}")


def plan_patch(
    patch: Patch, *, provider: str, target: str, head: str | None = None, branch: str | None = None
) -> Plan:
    """Plan the commit of a patch on a branch of its own, on top of the head it was made for.

    Nothing of the text of others is in its message: a host acts on the messages of commits,
    and paths are others' words too.

    Args:
        patch: With at least one file.
        provider: Name of the VCS backend that will deliver it.
        target: The change, in the words of that backend.
        head: Revision that the change has; None takes that of the patch.
        branch: Where the commit goes; None makes a name from what is committed.

    Raises:
        ConfigurationError: The patch edits nothing, is of something that stands on no host or
            of another head, or git takes no branch of that name.
    """
    base = patch.revision
    if base is None or _COMMIT.fullmatch(base) is None:
        raise ConfigurationError(
            f"a patch of {base or 'a bare patch'} stands on no host that it could be "
            "committed to; fix a commit"
        )
    if head is not None and head != base:
        raise ConfigurationError(
            f"the patch was made for {base[:_SHORT]}, and not for {head[:_SHORT]}"
        )
    if not patch.files:
        raise ConfigurationError("the patch edits nothing, so there is nothing to commit")
    content = [[one.path, one.mode, one.after] for one in patch.files]
    _check_paths(patch)
    if branch is None:
        own = effect_key(target, EffectKind.COMMIT, base, content)
        branch = f"codeflow/fix-{own[:_SHORT]}"
    elif len(branch) > _LONGEST or not branch or _NO_BRANCH.search(branch):
        raise ConfigurationError(f"git takes no branch of the name {branch[:_LONGEST]!r}")
    effect = Effect(
        key=effect_key(target, EffectKind.COMMIT, base, [branch, content]),
        kind=EffectKind.COMMIT,
        target=target,
        head=base,
        payload={
            "branch": branch,
            "base": base,
            "message": _message(patch),
            "files": [
                {
                    "path": one.path,
                    "mode": one.mode,
                    "content": b64encode(one.content).decode("ascii"),
                }
                for one in patch.files
            ],
        },
    )
    return Plan(provider=provider, target=target, head=base, run_id=patch.run_id, effects=(effect,))


def _check_paths(patch: Patch) -> None:
    for one in patch.files:
        try:
            one.path.encode()
        except UnicodeEncodeError:
            raise ConfigurationError(
                "a file whose name is not UTF-8 cannot be committed through its host"
            ) from None


def _message(patch: Patch) -> str:
    """Say what is mended, by fingerprints alone."""
    names = sorted(name for name in patch.fixed if _FINGERPRINT.fullmatch(name))
    title = f"Fix {count(len(patch.fixed), 'finding')} in {count(len(patch.files), 'file')}"
    return "\n".join([title, "", *(f"Codeflow-Finding: {name}" for name in names)]).strip() + "\n"
