"""The route of what happened to an issue: who put which label on it, and who took it off."""

from __future__ import annotations

from typing import Any

from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.documents import people
from codeflow_engine.testing.forge.documents.people import node_id
from codeflow_engine.testing.forge.exchange import Exchange
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.state import Issue, Label, LabelEvent

__all__ = ["routes", "tell_labels"]

routes: web.RouteTableDef = web.RouteTableDef()


def tell_labels(asked: Exchange, issue: Issue, before: list[Label]) -> None:
    """Keep who changed the labels of an issue. The caller holds the forge's lock."""
    for kind, labels, others in (
        ("unlabeled", before, issue.labels),
        ("labeled", issue.labels, before),
    ):
        for label in labels:
            if label not in others:
                event = LabelEvent(
                    id=asked.forge.next_id(),
                    kind=kind,
                    actor=asked.user,
                    label=label,
                    created_at=asked.forge.clock.now(),
                )
                issue.label_events.append(event)


@routes.get(r"/repos/{owner}/{repo}/issues/{number:\d+}/events")
async def _listed(request: web.Request) -> web.Response:
    """List what happened to an issue, the oldest first.

    Source: "List issue events", /rest/issues/events#list-issue-events.
    """
    asked = Exchange(request)
    repository = asked.repository("issues|pull_requests")
    issue = asked.issue(repository)

    def told(event: LabelEvent) -> dict[str, Any]:
        return {
            "id": event.id,
            "node_id": node_id("LE", event.id),
            "url": f"{asked.forge.url}/repos/{repository.full_name}/issues/events/{event.id}",
            "actor": people.user(asked.forge, event.actor),
            "event": event.kind,
            "commit_id": None,
            "commit_url": None,
            "created_at": stamp(event.created_at),
            "label": {"name": event.label.name, "color": event.label.color},
            "performed_via_github_app": None,
        }

    return asked.page(issue.label_events, told)
