"""Webhooks: signed deliveries to a URL, their log, and redelivery with the same GUID."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from codeflow_engine.testing.forge.clock import ForgeClock, stamp
from codeflow_engine.testing.forge.refusal import not_found

__all__ = ["Delivery", "Hook", "Webhooks", "sign"]

_PATIENCE = 10.0
"""Seconds after which a delivery counts as failed (G4)."""


def sign(secret: str, body: bytes) -> str:
    """Sign the raw bytes of a delivery for the header `X-Hub-Signature-256`.

    Source: "Validating webhook deliveries", /webhooks/using-webhooks/
    validating-webhook-deliveries (G1).
    """
    return "sha256=" + hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Where events of a repository or an app are sent."""

    id: int
    url: str
    secret: str
    events: tuple[str, ...]
    form: bool = False
    """Whether the payload is sent as a form, `payload=...`, instead of JSON (G7)."""
    app_id: int | None = None
    """The app that it belongs to; None for a hook of a repository."""

    def wants(self, event: str) -> bool:
        """Tell whether an event is sent to it; `ping` always is."""
        return event == "ping" or bool({"*", event} & set(self.events))


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One attempt to send an event."""

    id: int
    guid: str
    hook: Hook
    event: str
    action: str | None
    body: bytes
    headers: dict[str, str]
    at: float
    redelivery: bool
    status_code: int = 0
    status: str = ""
    duration: float = 0.0
    answer: str = ""

    def document(self) -> dict[str, Any]:
        """Give the entry of the list of deliveries."""
        return {
            "id": self.id,
            "guid": self.guid,
            "delivered_at": stamp(self.at),
            "redelivery": self.redelivery,
            "duration": round(self.duration, 2),
            "status": self.status,
            "status_code": self.status_code,
            "event": self.event,
            "action": self.action,
            "installation_id": None,
            "repository_id": None,
            "throttled_at": None,
        }

    def whole(self) -> dict[str, Any]:
        """Give the document of one delivery, with what was sent and answered."""
        return {
            **self.document(),
            "url": self.hook.url,
            "request": {"headers": dict(self.headers), "payload": json.loads(self.payload())},
            "response": {"headers": {}, "payload": self.answer},
        }

    def payload(self) -> bytes:
        """Give the JSON that was sent, also where it was sent as a form."""
        if not self.hook.form:
            return self.body
        from urllib.parse import parse_qs

        return parse_qs(self.body.decode("ascii"))["payload"][0].encode("utf-8")


@dataclass(slots=True)
class Webhooks:
    """The hooks of the forge and the log of their deliveries."""

    clock: ForgeClock
    log: list[Delivery] = field(default_factory=list)
    _hooks: dict[int, Hook] = field(default_factory=dict)

    def add(
        self,
        url: str,
        *,
        secret: str,
        events: tuple[str, ...] = ("*",),
        form: bool = False,
        app_id: int | None = None,
    ) -> Hook:
        """Send events to a URL from now on."""
        number = 700 + len(self._hooks)
        hook = self._hooks[number] = Hook(
            id=number, url=url, secret=secret, events=events, form=form, app_id=app_id
        )
        return hook

    def of_app(self, app_id: int) -> Hook:
        """Find the hook of an app, which has one at most."""
        for hook in self._hooks.values():
            if hook.app_id == app_id:
                return hook
        raise not_found()

    def publish(self, event: str, payload: Mapping[str, Any]) -> list[Delivery]:
        """Deliver an event to each hook that wants it, under one GUID.

        Source: "Webhook events and payloads", section "Delivery headers".
        """
        guid = str(uuid4())
        wanted = [hook for hook in self._hooks.values() if hook.wants(event)]
        return [self.send(hook, event, payload, guid=guid) for hook in wanted]

    def send(
        self, hook: Hook, event: str, payload: Mapping[str, Any], *, guid: str | None = None
    ) -> Delivery:
        """Deliver an event, and wait for the answer. Nobody may hold the forge's lock.

        Source: "Webhook events and payloads", section "Delivery headers",
        /webhooks/webhook-events-and-payloads; "Handling failed webhook deliveries",
        /webhooks/using-webhooks/handling-failed-webhook-deliveries: it is not sent again by
        itself (G5).
        """
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
        action = payload.get("action")
        if hook.form:
            from urllib.parse import urlencode

            body = urlencode({"payload": body.decode("utf-8")}).encode("ascii")
        delivery = self._make(hook, event, body, guid or str(uuid4()), redelivery=False)
        delivery.action = action if isinstance(action, str) else None
        self._attempt(delivery)
        return delivery

    def redeliver(self, hook_id: int, delivery_id: int) -> Delivery:
        """Send the same bytes again, with the same GUID.

        Source: "Redelivering webhooks", /webhooks/testing-and-troubleshooting-webhooks/
        redelivering-webhooks (G6).
        """
        first = self.find(hook_id, delivery_id)
        again = self._make(first.hook, first.event, first.body, first.guid, redelivery=True)
        again.action = first.action
        self._attempt(again)
        return again

    def deliveries(self, hook_id: int) -> list[Delivery]:
        """List the deliveries of a hook, the newest first."""
        if hook_id not in self._hooks:
            raise not_found()
        return [each for each in reversed(self.log) if each.hook.id == hook_id]

    def find(self, hook_id: int, delivery_id: int) -> Delivery:
        """Find a delivery in the log."""
        for each in self.deliveries(hook_id):
            if each.id == delivery_id:
                return each
        raise not_found()

    def _make(
        self, hook: Hook, event: str, body: bytes, guid: str, *, redelivery: bool
    ) -> Delivery:
        kind = "x-www-form-urlencoded" if hook.form else "json"
        headers = {
            "Content-Type": f"application/{kind}",
            "User-Agent": "GitHub-Hookshot/forge",
            "X-GitHub-Delivery": guid,
            "X-GitHub-Event": event,
            "X-GitHub-Hook-ID": str(hook.id),
            "X-GitHub-Hook-Installation-Target-Type": "repository",
        }
        if hook.secret:
            digest = hmac.new(hook.secret.encode("utf-8"), body, hashlib.sha1)
            headers["X-Hub-Signature"] = f"sha1={digest.hexdigest()}"
            headers["X-Hub-Signature-256"] = sign(hook.secret, body)
        made = Delivery(
            id=90_000 + len(self.log),
            guid=guid,
            hook=hook,
            event=event,
            action=None,
            body=body,
            headers=headers,
            at=self.clock.now(),
            redelivery=redelivery,
        )
        self.log.append(made)
        return made

    def _attempt(self, delivery: Delivery) -> None:
        import time

        if not delivery.hook.url.startswith(("http://", "https://")):
            delivery.status = "invalid url"
            return
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            delivery.hook.url, data=delivery.body, headers=delivery.headers, method="POST"
        )
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - the same
                delivery.status_code, delivery.status = answer.status, "OK"
                delivery.answer = answer.read(65_536).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            delivery.status_code, delivery.status = error.code, str(error.reason)
            delivery.answer = error.read(65_536).decode("utf-8", "replace")
            error.close()
        except TimeoutError:
            delivery.status = "timed out"
        except OSError as error:
            late = isinstance(getattr(error, "reason", None), TimeoutError)
            delivery.status = "timed out" if late else "failed to connect to host"
        delivery.duration = time.monotonic() - began
