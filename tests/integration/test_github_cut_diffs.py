"""A diff of GitHub that was cut where nothing of its form is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from github_forges import fetch, github

from codeflow_engine.providers.vcs.github.target import Target
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.forge import FakeForge, Repository
from codeflow_engine.testing.forge.faults import Act, Fault

LIMIT = 1024 * 1024


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with FakeForge() as made:
        yield made


@pytest.fixture
def shop(forge: FakeForge) -> Repository:
    return forge.repository("acme/shop")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as made:
        yield made


async def test_g23_a_diff_that_ends_between_two_hunks_is_not_the_whole(
    forge: FakeForge, shop: Repository, sandbox: Sandbox
) -> None:
    """Each line of it ends, and no file is missing: only the numbers of lines tell."""
    before = "".join(f"{number}\n" for number in range(100))

    async def pull(padding: int) -> int:
        after = before.replace("\n5\n", f"\n{'5' * 300}\n")
        after = after.replace("\n90\n", f"\n{'9' * padding}\n")
        return await asyncio.to_thread(shop.open_pull_request, {"a": before}, {"a": after})

    def sizes(text: bytes) -> tuple[int, int]:
        start = text.rindex(b"\n@@") + 1
        return start, len(text) - start

    async def text(number: int) -> bytes:
        backend = github(forge)
        told = shop.pull(number)
        path = f"/repos/acme/shop/compare/{told.base_sha}...{told.head_sha}"
        client = backend._client(Target.parse(f"acme/shop#{number}", backend._place))
        found = await client.raw(path, accept="application/vnd.github.diff", limit=LIMIT)
        await backend.aclose()
        return found

    first, second = sizes(await text(await pull(10)))
    number = await pull(10 + first - second)
    assert len(set(sizes(await text(number)))) == 1
    # The first request of the comparison asks for the merge base, the second one for the diff.
    forge.faults.add(Fault(act=Act.TRUNCATE, method="GET", path="*/compare/*", on=2))

    change = await fetch(forge, sandbox, f"acme/shop#{number}")

    (file,) = change.diff.files
    assert len(file.hunks) == 2
