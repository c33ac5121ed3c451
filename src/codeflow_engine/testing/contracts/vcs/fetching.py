"""What a host gives for a change: all of it, and each time the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from codeflow_engine.contracts import VCS
from codeflow_engine.domain.change import INDEX, WORKTREE
from codeflow_engine.domain.diff import Side
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.errors import ChangeUnavailableError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.answering import answered, raised
from codeflow_engine.testing.contracts.cancelling import cancel_often
from codeflow_engine.testing.contracts.vcs.asking import fetch, read
from codeflow_engine.testing.contracts.vcs.published import Publish, example_of, shortcomings
from codeflow_engine.testing.contracts.watching import LONGEST_STALL, longest_stall
from codeflow_engine.testing.examples import TOGETHER, Example, ExampleFile, named

__all__ = ["FetchTests"]

_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class FetchTests:
    """Tests of `fetch_change`."""

    async def test_a_change_is_sound(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Every value has its declared type, whatever the author of the change has written."""
        given = await publish(named("hostile-text"))

        change = await fetch(backend, given, sandbox)

        assert is_sound(change), "a value of the change has another type than is declared"

    async def test_a_change_is_pinned(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Base and head are full ids, so that they mean the same for ever."""
        given = await publish(named("edit"))

        change = await fetch(backend, given, sandbox)

        assert _FULL.fullmatch(change.base or ""), f"the base {change.base!r} is no full id"
        if change.head not in {WORKTREE, INDEX}:
            assert _FULL.fullmatch(change.head or ""), f"the head {change.head!r} is no full id"

    async def test_a_change_has_one_name(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Whatever it is asked for by, the name under which effects go is that of the change."""
        given = await publish(named("edit"))
        change = await fetch(backend, given, sandbox)

        names = [
            await answered(backend.canonical(name), "giving the name of a change")
            for name in (given.request.target, change.target)
        ]

        assert names == [change.target] * 2

    async def test_a_change_stands_where_it_is_fetched(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """The head that is told is that of the change; one that is not there has none."""
        given = await publish(named("edit"))
        if given.request.head is not None or given.request.base is not None:
            pytest.skip("the change is asked for by its ends, and not by its name")
        change = await fetch(backend, given, sandbox)
        absent = given.absent or replace(given.request, target=f"{given.request.target} is no more")

        head = await answered(backend.read_head(change.target, sandbox), "reading a head")
        refused = await raised(backend.read_head(absent.target, sandbox))

        assert head == change.head
        assert isinstance(refused, ChangeUnavailableError)

    async def test_a_change_is_the_same_each_time(
        self, create: Callable[[], VCS], backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Fetched again, and by another instance, it is equal to the last value."""
        given = await publish(TOGETHER)
        first = await fetch(backend, given, sandbox)

        second = await fetch(backend, given, sandbox)
        other = await fetch(create(), given, sandbox)

        assert second == first
        assert other == first

    async def test_the_diff_is_complete(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Every file that differs has an entry, which makes the new content of the old one."""
        for example in (named("nothing"), TOGETHER):
            given = await publish(example)
            expected = example_of(given)

            change = await fetch(backend, given, sandbox)

            assert [*shortcomings(expected, change.diff)] == [], f"on {example.name!r}"

    async def test_a_change_that_moves_on_leaves_what_was_fetched(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Files are those of the fetched state, or come with a reason; never those of the new."""
        given = await publish(named("edit"))
        example = example_of(given)
        if given.push is None:
            pytest.skip("`Published.push` is not defined, so the change cannot move on")
        change = await fetch(backend, given, sandbox)

        pushed = given.push(_changed(example))
        if isinstance(pushed, Awaitable):
            await pushed
        later = await fetch(backend, given, sandbox)

        assert later != change, "the host does not see what was pushed"
        for side, tree in ((Side.OLD, example.base), (Side.NEW, example.head)):
            for file in await read(backend, change, [*tree], sandbox, side=side):
                assert file.exists, f"{file.path} was there when the change was fetched"
                if file.content is None:
                    assert file.reason, f"no reason is given for {file.path}"
                else:
                    assert file.content == tree[file.path].content, f"{file.path} is another one"

    async def test_changes_fetched_at_once_do_not_mix(
        self, create: Callable[[], VCS], backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Each is the one that it is alone."""
        given = [await publish(named(name)) for name in ("edit", "secrets", "odd-names")]
        alone = [await fetch(create(), one, sandbox) for one in given]

        fetched = await asyncio.gather(*(fetch(backend, one, sandbox) for one in given))

        assert list(fetched) == alone

    async def test_fetching_does_not_block_the_event_loop(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """While it waits for the host, everything else of the process goes on."""
        given = await publish(TOGETHER)

        stall = await longest_stall(lambda: fetch(backend, given, sandbox))

        assert stall < LONGEST_STALL

    async def test_fetching_ends_when_it_is_cancelled(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """At any moment: soon, as cancelled, with every process; and it works afterwards."""
        given = await publish(named("edit"))
        before = await fetch(backend, given, sandbox)

        await cancel_often(lambda: backend.fetch_change(given.request, sandbox))

        after = await fetch(backend, given, sandbox)
        assert after == before


def _changed(example: Example) -> Example:
    """Make another state of a change: each file that it has afterwards is another one."""
    head = {
        path: ExampleFile(content=file.content + b"later = 1\n", mode=file.mode)
        for path, file in example.head.items()
    }
    return Example(name=example.name, base=example.base, head=head)
