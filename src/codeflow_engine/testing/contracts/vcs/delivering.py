"""What becomes of effects: they stand on the host, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest

from codeflow_engine.contracts import VCS, VCSCapability
from codeflow_engine.domain.effect import Effect, Receipt
from codeflow_engine.domain.shape import is_sound
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.answering import answered, raised
from codeflow_engine.testing.contracts.backend import lacks, requires
from codeflow_engine.testing.contracts.vcs.asking import fetch
from codeflow_engine.testing.contracts.vcs.published import Publish, example_of
from codeflow_engine.testing.examples import named
from codeflow_engine.testing.values import NOON

__all__ = ["DeliveryTests"]

type _Make = Callable[[str, str, str], Effect]

_PUBLISH, _WITHDRAW = VCSCapability.PUBLISH, VCSCapability.WITHDRAW
_KEY, _OTHER, _UNKNOWN = "5" * 64, "6" * 64, "7" * 64


class DeliveryTests:
    """Tests of effects. They write, so that they need an example."""

    @requires(_PUBLISH)
    async def test_what_was_delivered_is_found(
        self,
        create: Callable[[], VCS],
        backend: VCS,
        sandbox: Sandbox,
        publish: Publish,
        effect: _Make,
    ) -> None:
        """It stands on the host: another instance, as after a restart, finds it there."""
        target, head = await _place(backend, sandbox, publish)

        receipt = await _deliver(backend, effect(target, head, _KEY))
        found = await _find(create(), [effect(target, head, _KEY)])

        assert (receipt.key, receipt.found) == (_KEY, False)
        assert [(one.key, one.found) for one in found] == [(_KEY, True)]
        assert [one.external_id for one in found] == [receipt.external_id]

    @requires(_PUBLISH)
    async def test_what_was_delivered_twice_stands_once(
        self,
        create: Callable[[], VCS],
        backend: VCS,
        sandbox: Sandbox,
        publish: Publish,
        effect: _Make,
    ) -> None:
        """The second time it is found; so it is by another instance, and it is the same one."""
        target, head = await _place(backend, sandbox, publish)
        once = effect(target, head, _KEY)
        first = await _deliver(backend, once)

        again = [await _deliver(one, once) for one in (backend, create())]

        assert [one.found for one in again] == [True, True]
        assert {one.external_id for one in again} == {first.external_id}
        assert len(await _find(backend, [once])) == 1

    @requires(_PUBLISH)
    async def test_effects_are_told_apart(
        self, backend: VCS, sandbox: Sandbox, publish: Publish, effect: _Make
    ) -> None:
        """Each key is an effect of its own; one that was not delivered is left out."""
        target, head = await _place(backend, sandbox, publish)
        unknown, *made = (effect(target, head, key) for key in (_UNKNOWN, _KEY, _OTHER))
        before = await _find(backend, [made[0], unknown])

        receipts = [await _deliver(backend, one) for one in made]
        found = await _find(backend, [unknown, *reversed(made)])
        alone = await _find(backend, [made[0], unknown])

        assert before == ()
        assert [one.key for one in alone] == [made[0].key]
        assert [one.found for one in receipts] == [False, False]
        assert {one.key: one.external_id for one in found} == {
            one.key: one.external_id for one in receipts
        }
        assert await _find(backend, []) == ()

    @requires(_PUBLISH)
    async def test_what_somebody_else_wrote_is_none_of_ours(
        self,
        backend: VCS,
        sandbox: Sandbox,
        publish: Publish,
        effect: _Make,
        forge: Callable[[Effect], Awaitable[None] | None] | None,
    ) -> None:
        """Another author's text with our marker is not found, and keeps nothing from standing."""
        if forge is None:
            pytest.skip("the fixture `forge` is not defined, so nobody else can write here")
        target, head = await _place(backend, sandbox, publish)
        ours = effect(target, head, _KEY)
        written = forge(ours)
        if isinstance(written, Awaitable):
            await written

        found = await _find(backend, [ours])
        receipt = await _deliver(backend, ours)

        assert found == ()
        assert not receipt.found

    @requires(_PUBLISH, _WITHDRAW)
    async def test_what_was_withdrawn_is_gone_and_nothing_else(
        self,
        create: Callable[[], VCS],
        backend: VCS,
        sandbox: Sandbox,
        publish: Publish,
        effect: _Make,
    ) -> None:
        """Another instance takes it back; that it is gone already is no error."""
        target, head = await _place(backend, sandbox, publish)
        made = [effect(target, head, key) for key in (_KEY, _OTHER)]
        receipts = [await _deliver(backend, one) for one in made]

        for _ in range(2):
            await answered(create().withdraw(target, receipts[0]), "withdrawing an effect")
        found = await _find(backend, made)

        assert [one.external_id for one in found] == [receipts[1].external_id]

    @lacks(_WITHDRAW)
    async def test_a_host_that_cannot_withdraw_says_so(self, backend: VCS) -> None:
        """The call is an error of configuration; nothing seems to be taken back."""
        receipt = Receipt(key=_KEY, external_id="1", found=False, at=NOON)

        refused = await raised(backend.withdraw("acme/shop#1", receipt))

        assert isinstance(refused, ConfigurationError)

    @lacks(_PUBLISH)
    async def test_a_host_that_cannot_publish_says_so(self, backend: VCS, effect: _Make) -> None:
        """Both calls are errors of configuration; nothing seems to be delivered."""
        ours = effect("acme/shop#1", "0" * 40, _KEY)
        found = await raised(backend.find_effects([ours]))
        delivered = await raised(backend.deliver(ours))

        assert isinstance(found, ConfigurationError)
        assert isinstance(delivered, ConfigurationError)


async def _deliver(backend: VCS, effect: Effect) -> Receipt:
    receipt = await answered(backend.deliver(effect), "delivering an effect")
    assert isinstance(receipt, Receipt), f"it returned a {type(receipt).__name__}"
    assert is_sound(receipt), "a value of the receipt has another type than is declared"
    return receipt


async def _find(backend: VCS, effects: Sequence[Effect]) -> tuple[Receipt, ...]:
    found = await answered(backend.find_effects(effects), "finding effects")
    assert isinstance(found, tuple)
    assert all(map(is_sound, found)), "a value of a receipt has another type than is declared"
    return found


async def _place(backend: VCS, sandbox: Sandbox, publish: Publish) -> tuple[str, str]:
    """Put a change there to write to; give its target and its head."""
    given = await publish(named("edit"))
    example_of(given)
    change = await fetch(backend, given, sandbox)
    return change.target, change.head or ""
