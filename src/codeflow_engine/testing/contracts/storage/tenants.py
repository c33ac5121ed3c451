"""Tests of tenants, who know nothing of each other."""

from __future__ import annotations

from datetime import timedelta

from codeflow_engine.contracts import Pruned, Storage
from codeflow_engine.domain.run import RunStatus
from codeflow_engine.testing.values import NOON, dismissal, event, known, review, run

__all__ = ["TenantTests"]

_STRANGERS = ("", "A", "a ", "_", "a' OR '1'='1", "a\x00")
"""Tenants with no rows, which somebody may take for one that has some."""


class TenantTests:
    """Every identity is one within a tenant."""

    async def test_s32_a_tenant_never_sees_a_row_of_another_one(self, backend: Storage) -> None:
        """Neither by listing, nor by an identity that it knows."""
        await backend.put_runs([run("r1", "a"), run("r2", "b")])
        for tenant, own in (("a", "r1"), ("b", "r2")):
            await backend.append_events(tenant, [event(own, 1)])
            await backend.put_reviews(tenant, [review(own)], [known(own)])
            await backend.put_dismissals(tenant, [dismissal(own)])

        seen = {tenant: await _seen(backend, tenant) for tenant in ("a", "b", *_STRANGERS)}

        theirs = {"a": {"r1"}, "b": {"r2"}}
        assert seen == {tenant: theirs.get(tenant, set()) for tenant in seen}

    async def test_s32_a_row_of_another_tenant_is_never_replaced(self, backend: Storage) -> None:
        """The same identity names another row there, of each kind of record."""
        for tenant in ("a", "b", ""):
            await backend.put_runs([run("r1", tenant, error=tenant)])
            await backend.append_events(tenant, [event("r1", 1, step=tenant)])
            await backend.put_reviews(tenant, [review("r1", tenant)], [known("f1", title=tenant)])
            await backend.put_dismissals(tenant, [dismissal("f1", title=tenant)])

        for tenant in ("a", "b", ""):
            mine = run("r1", tenant, error=tenant)
            assert await backend.get_runs(tenant, ["r1"]) == (mine,)
            assert await backend.find_runs(tenant) == (mine,)
            assert await backend.read_events(tenant, "r1") == (event("r1", 1, step=tenant),)
            assert await backend.get_reviews(tenant, ["r1"]) == (review("r1", tenant),)
            assert await backend.find_findings(tenant) == (known("f1", title=tenant),)
            assert await backend.find_dismissals(tenant) == (dismissal("f1", title=tenant),)

    async def test_a_batch_of_runs_may_be_of_several_tenants(self, backend: Storage) -> None:
        """A run says itself whose it is."""
        await backend.put_runs([run("r1", "a"), run("r1", "b"), run("r2", "b")])

        assert await backend.find_runs("a") == (run("r1", "a"),)
        assert await backend.find_runs("b") == (run("r2", "b"), run("r1", "b"))

    async def test_s32_a_tenant_never_removes_a_row_of_another_one(self, backend: Storage) -> None:
        """Neither a dismissal by its name, nor what is old."""
        for tenant in ("a", "b"):
            await backend.put_runs([run("r1", tenant, status=RunStatus.SUCCEEDED)])
            await backend.append_events(tenant, [event("r1", 1), event("r1", 2)])
            await backend.put_reviews(tenant, [review("r1")], [known("f1")])
            await backend.put_dismissals(tenant, [dismissal("f1", ends=0)])
        later = NOON + timedelta(days=1)

        for stranger in _STRANGERS:
            assert await backend.remove_dismissals(stranger, [dismissal("f1")]) == 0
            assert not await backend.prune(stranger, before=later)
        pruned = await backend.prune("a", before=later)

        assert pruned == Pruned(runs=1, findings=1, dismissals=1)
        assert [one.run_id for one in await backend.find_runs("b")] == ["r1"]
        assert len(await backend.read_events("b", "r1")) == 2
        assert await backend.get_reviews("b", ["r1"]) == (review("r1"),)
        assert await backend.find_findings("b") == (known("f1"),)
        assert await backend.find_dismissals("b") == (dismissal("f1", ends=0),)


async def _seen(storage: Storage, tenant: str) -> set[str]:
    """Collect the names of rows that a tenant sees, by every way to read."""
    names = ["r1", "r2"]
    found = {one.run_id for one in await storage.find_runs(tenant)}
    found |= {one.run_id for one in await storage.find_runs(tenant, status=RunStatus.PENDING)}
    found |= {one.run_id for one in await storage.get_runs(tenant, names)}
    found |= {one.run_id for one in await storage.get_reviews(tenant, names)}
    for name in names:
        found |= {one.run_id for one in await storage.read_events(tenant, name)}
        known = await storage.find_findings(tenant, change="c1", prefix=name)
        found |= {one.fingerprint for one in known}
    found |= {one.fingerprint for one in await storage.find_findings(tenant)}
    found |= {one.fingerprint for one in await storage.find_dismissals(tenant)}
    return found | {one.fingerprint for one in await storage.find_dismissals(tenant, names)}
