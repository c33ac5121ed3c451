"""What a run keeps to itself before a host, and by which name it knows a change there."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from codeflow_engine import AsyncEngine
from codeflow_engine.domain.change import Change, ChangeRequest
from codeflow_engine.domain.effect import Effect, EffectKind, Plan, effect_key
from codeflow_engine.errors import PluginError, ProviderError, PublishError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.examples import EXAMPLES
from codeflow_engine.testing.fakes import FakeHost, FakeVCS

EXAMPLE = next(one for one in EXAMPLES if one.revisions[1])
HEAD = EXAMPLE.revisions[1] or ""
SECRET = "corner-shop-9000"  # noqa: S105 - nobody's
PAGE = f"https://forge.example/{EXAMPLE.name}"


class Named(FakeVCS):
    """A host that knows a change by the address of its page as well."""

    async def canonical(self, target: str) -> str:
        return EXAMPLE.name if target == PAGE else target

    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        name = await self.canonical(request.target)
        return await super().fetch_change(replace(request, target=name), sandbox)


class Keyed(FakeVCS):
    """A host whose key stands in what it says of a failure."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return (SECRET,)

    async def fetch_change(self, request: ChangeRequest, sandbox: Sandbox) -> Change:
        raise ProviderError(f"{request.target} was refused to {SECRET}")


class Broken(FakeVCS):
    """A host that fails to say which keys it uses, and tells one by it."""

    @property
    def secrets(self) -> tuple[str, ...]:
        raise ValueError(SECRET)


def commit(content: str, **more: Any) -> Plan:
    file = {
        "path": "a.py",
        "mode": "100644",
        "content": base64.b64encode(content.encode()).decode(),
    }
    effect = Effect(
        key=effect_key(EXAMPLE.name, EffectKind.COMMIT, HEAD, [content, more]),
        kind=EffectKind.COMMIT,
        target=EXAMPLE.name,
        head=HEAD,
        payload={"branch": "x", "base": HEAD, "message": "Mend it", "files": [file], **more},
    )
    return Plan(provider="fakevcs", target=EXAMPLE.name, head=HEAD, run_id="r", effects=(effect,))


@pytest.mark.parametrize(
    "plan",
    [commit(f"key = '{SECRET}'\n"), commit("x = 1\n", message=f"Use {SECRET}")],
    ids=["in-a-file", "in-the-message"],
)
async def test_a_commit_that_holds_a_secret_is_refused_and_not_changed(plan: Plan) -> None:
    """To blot it out would commit another file than was approved; another commit is written."""
    host = FakeHost(EXAMPLE)
    async with AsyncEngine(vcs=FakeVCS(host), secrets=[SECRET]) as engine:
        with pytest.raises(PublishError, match="holds a secret") as refused:
            await engine.apply(plan)
        receipts = await engine.apply(commit("x = 1\n"))

    assert SECRET not in str(refused.value)
    assert [one.found for one in receipts] == [False]
    (post,) = host.posts
    assert post.effect is not None
    assert post.effect.payload == commit("x = 1\n").effects[0].payload


@pytest.mark.parametrize(("kind", "error"), [(Keyed, ProviderError), (Broken, PluginError)])
async def test_s33_no_key_of_a_host_is_shown(kind: type[FakeVCS], error: type[Exception]) -> None:
    """Neither in what a caller gets nor in what is kept, also where the host tells it itself."""
    async with AsyncEngine(vcs=kind(FakeHost(EXAMPLE))) as engine:
        run = await engine.submit("review", {"change": EXAMPLE.name})
        with pytest.raises(error):
            await run.result()
        record = await run.refresh()

    assert record.error is not None
    assert SECRET not in record.error


async def test_g28_a_change_of_two_names_has_one_plan() -> None:
    """Published by either, it gets the same effects, and each of them once."""
    host = FakeHost(EXAMPLE)
    async with AsyncEngine(vcs=Named(host), analyzers=["secrets"]) as engine:
        plans = [await engine.plan(await engine.review(name)) for name in (PAGE, EXAMPLE.name)]
        for plan in plans:
            await engine.apply(plan)

    first, second = ([effect.key for effect in plan.effects] for plan in plans)
    assert {plan.target for plan in plans} == {EXAMPLE.name}
    assert first == second
    assert len(host.posts) == len(first)
