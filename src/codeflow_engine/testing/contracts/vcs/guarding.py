"""What a host makes of requests for nothing, and of those that want to be something else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import ChangeRequest
from codeflow_engine.errors import ChangeUnavailableError, CodeflowError
from codeflow_engine.plugins.containment import tell
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.answering import raised
from codeflow_engine.testing.contracts.vcs.published import Publish
from codeflow_engine.testing.examples import named

__all__ = ["GuardTests"]


class GuardTests:
    """Tests of requests that cannot be met."""

    async def test_a_change_that_is_not_there_is_unavailable(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """No such target is an error of its own, never an empty change."""
        given = await publish(named("edit"))
        absent = given.absent or replace(
            given.request, target=f"{given.request.target}-that-is-nowhere"
        )

        error = await _refusal(backend, absent, sandbox)

        assert isinstance(error, ChangeUnavailableError), f"it raised {tell(error)}"

    async def test_a_revision_that_is_not_there_is_unavailable(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """No such base or head is an error of its own, whether it looks like an id or a name."""
        given = await publish(named("edit"))

        for revision in ("no-such-revision", "0123456789abcdef0123456789abcdef01234567"):
            for request in (
                replace(given.request, base=revision),
                replace(given.request, head=revision),
            ):
                error = await _refusal(backend, request, sandbox)
                assert isinstance(error, ChangeUnavailableError), f"it raised {tell(error)}"

    async def test_requests_are_no_options_and_no_commands(
        self,
        backend: VCS,
        sandbox: Sandbox,
        publish: Publish,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What looks like an option or a command is refused, and nothing of it is done."""
        given = await publish(named("edit"))
        witness = tmp_path / "witness"
        here = tmp_path / "here"
        here.mkdir()
        monkeypatch.chdir(here)

        requests = list(_requests(given.request, witness))
        errors = await asyncio.gather(*(_refusal(backend, one, sandbox) for one in requests))

        for request, error in zip(requests, errors, strict=True):
            assert isinstance(error, CodeflowError), f"{request} raised {tell(error)}"
        assert not witness.exists(), "a command of a request was run"
        assert [*here.iterdir()] == [], "an option of a request was followed"


def _requests(request: ChangeRequest, witness: Path) -> Iterator[ChangeRequest]:
    commands = (f"touch {witness}", f"$(touch {witness})", f"; touch {witness}")
    options = (f"--upload-pack=touch {witness}", f"--output={witness}", "--output=owned", "-x")
    for target in (*options, f"ext::sh -c touch% {witness}", commands[1], "a\0b"):
        yield replace(request, target=target)
    for revision in (*options, *commands, "--", "a\0b", "a\n--all"):
        yield replace(request, head=revision)
        yield replace(request, base=revision)


async def _refusal(backend: VCS, request: ChangeRequest, sandbox: Sandbox) -> BaseException:
    """Give the error that a request ends with; it has to end with one."""
    error = await raised(backend.fetch_change(request, sandbox))
    if error is None:
        pytest.fail(f"{request} gave a change")
    return error
