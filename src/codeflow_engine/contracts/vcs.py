"""The contract of VCS hosts: where changes come from and effects go to."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from enum import StrEnum

from codeflow_engine.contracts.backend import Backend
from codeflow_engine.domain.change import Change, ChangeRequest, FileContent
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.discussion import Thread
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.sandbox import Sandbox

__all__ = ["VCS", "VCSCapability"]


class VCSCapability(StrEnum):
    """What a VCS host can do beyond reading."""

    PUBLISH = "publish"
    """It takes effects: `find_effects` and `deliver` work."""

    WITHDRAW = "withdraw"
    """It takes effects back: `withdraw` works."""

    DISCUSS = "discuss"
    """It knows what people say about a change: `read_threads` works."""


class VCS(Backend):
    """Reads changes, and delivers effects where it has that capability.

    Revisions, paths and texts that come out of a change are data: none of them may become
    an option, a command or a configuration of a program. Calls must not block the event
    loop; one that is cancelled ends soon, as cancelled, and nothing of it goes on.
    """

    @property
    def secrets(self) -> tuple[str, ...]:
        """Keys and tokens that it uses now; the engine shows them nowhere. Read before each call.

        One shorter than 8 characters is not looked for: no text would be left.
        """
        return ()

    @abstractmethod
    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        """Read the whole change; idempotent, and pinned to full revision ids.

        A full id has 40 or 64 hexadecimal digits; only a head may be `WORKTREE` or `INDEX`
        instead. The diff is complete, or the call fails: a host that can give only a part
        says so by an error, never by a shorter diff. Each file that differs has an entry,
        and each entry shows how, or says that it is binary.

        Raises:
            ChangeUnavailableError: No such repository, revision or merge base, or objects
                of it are missing.
            ProviderError: The host failed otherwise.
        """

    @abstractmethod
    async def read_files(
        self, change: Change, paths: Sequence[str], *, side: Side, limit: int, sandbox: Sandbox
    ) -> tuple[FileContent, ...]:
        """Read files at the change's base (old side) or head (new side).

        The answer has one entry per path, in the order given. A file that is absent, larger
        than `limit` bytes, not a file, or no longer what the diff was made from comes back
        with a reason instead of content; only the absent one has `exists` unset. A link is
        never followed: its content is its target, and its mode says so. Content is what the
        repository stores, byte for byte, also when the change has moved on since.

        Raises:
            ProviderError: The host failed; nothing was read.
        """

    async def canonical(self, target: str) -> str:
        """Give the one name of a change, which `fetch_change` gives it as its `target`.

        A host that knows a change by several names, such as the address of its page, has to
        say so: all effects go to the one name, and two of the same effect under two names
        would be two.

        Raises:
            ChangeUnavailableError: The host has no change of such a name.
            ProviderError: The host failed.
        """
        return target

    async def read_head(self, target: str, sandbox: Sandbox) -> str | None:
        """Say where a change stands now: what `fetch_change` gives it as its `head`.

        It is asked before each plan is applied; a host that can tell without the whole change
        should.

        Raises:
            ChangeUnavailableError: There is no such change.
            ProviderError: The host failed.
        """
        return (await self.fetch_change(ChangeRequest(target=target), sandbox)).head

    async def find_effects(self, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
        """Find which effects stand on the host already, by our own author's markers alone.

        What was found has a receipt with `found` set; other effects are left out. One that
        stands there more than once has as many receipts.

        Raises:
            ConfigurationError: The host has no `PUBLISH` capability.
            ProviderError: The look-up failed; nothing may then be written.
        """
        targets = ", ".join(sorted({repr(effect.target) for effect in effects})) or "a change"
        raise ConfigurationError(f"{type(self).__name__} cannot publish to {targets}")

    async def deliver(self, effect: Effect) -> Receipt:
        """Write one effect, after a look whether it stands there already.

        One that does is not written again: its receipt is that of the first time, with
        `found` set.

        Raises:
            ConfigurationError: The host has no `PUBLISH` capability.
            ProviderError: The write failed, or may have; the caller looks before it retries.
        """
        raise ConfigurationError(f"{type(self).__name__} cannot publish to {effect.target!r}")

    async def withdraw(self, target: str, receipt: Receipt) -> None:
        """Take back one effect of our own author; one that is gone already is no error.

        Other effects stay, those with the same key too.

        Raises:
            ConfigurationError: The host has no `WITHDRAW` capability.
            ProviderError: The write failed, or may have.
        """
        raise ConfigurationError(f"{type(self).__name__} cannot take back {receipt.key!r}")

    async def read_threads(self, target: str) -> tuple[Thread, ...]:
        """Read all threads beside the code of a change, in the order in which they began.

        Whose thread it is, and who may write to the repository, is what the host says, and
        never what stands in a text.

        Raises:
            ConfigurationError: The host has no `DISCUSS` capability.
            ChangeUnavailableError: There is no such change.
            ProviderError: The host failed; a part of the threads is never given as all.
        """
        raise ConfigurationError(f"{type(self).__name__} knows no discussion of {target!r}")
