"""Check runs and statuses of commits: what they hold, and what is refused.

The state is that of one repository. The callers hold the forge's lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from codeflow_engine.testing.forge.auth import Credential
from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.refusal import Refusal, invalid

__all__ = [
    "CONCLUSIONS",
    "CheckRun",
    "Checks",
    "CommitStatus",
    "combined_state",
    "moment_or_none",
    "overall",
]

CONCLUSIONS = (
    *("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"),
)
_STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
_STATES = ("error", "failure", "pending", "success")
_LEVELS = ("notice", "warning", "failure")
_MOST_ANNOTATIONS = 50
_MOST_TEXT = 65_535
_MOST_MESSAGE = 64 * 1024
_MOST_TITLE = 255
_MOST_ACTIONS = 3
_ACTION = {"label": 20, "description": 40, "identifier": 20}
_MOST_OF_A_NAME = 1_000
_MOST_STATUSES = 1_000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(slots=True, kw_only=True, eq=False)
class CheckRun:
    """A check of a commit."""

    id: int
    app_id: int
    head_sha: str
    name: str
    status: str = "queued"
    conclusion: str | None = None
    external_id: str = ""
    details_url: str | None = None
    started_at: float | None = None
    completed_at: float | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class CommitStatus:
    """A status of a commit."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: str
    created_at: float


@dataclass(slots=True)
class Checks:
    """The checks and statuses of a repository."""

    runs: list[CheckRun] = field(default_factory=list)
    statuses: list[CommitStatus] = field(default_factory=list)

    def find(self, number: int) -> CheckRun | None:
        """Find a check run by its id."""
        return next((run for run in self.runs if run.id == number), None)

    def create(
        self, who: Credential, body: Mapping[str, Any], *, number: int, now: float
    ) -> CheckRun:
        """Make a check run.

        Source: "Create a check run", /rest/checks/runs#create-a-check-run (G21).

        Raises:
            Refusal: 403 for who is no app, 422 for what is wrong in the body.
        """
        app_id = _app_of(who)
        for name in ("name", "head_sha"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise _wrong(f'"{name}" wasn\'t supplied.')
        run = CheckRun(id=number, app_id=app_id, head_sha=body["head_sha"], name=body["name"])
        _change(run, body, now)
        self.runs.append(run)
        self._drop_oldest(run)
        return run

    def update(
        self, who: Credential, run: CheckRun, body: Mapping[str, Any], *, now: float
    ) -> None:
        """Change a check run; annotations come to those it has.

        Source: "Update a check run", /rest/checks/runs#update-a-check-run (G21).

        Raises:
            Refusal: 403 for who is not its app, 422 for what is wrong in the body.
        """
        if _app_of(who) != run.app_id:
            raise Refusal(
                403,
                f"Invalid app_id `{who.app_id}` - check run can only be modified by the GitHub"
                " App that created it.",
            )
        if isinstance(body.get("name"), str):
            run.name = body["name"]
        _change(run, body, now)

    def of_commit(
        self,
        sha: str,
        *,
        name: str | None = None,
        status: str | None = None,
        app_id: int | None = None,
        every: bool = False,
    ) -> list[CheckRun]:
        """List the check runs of a commit, newest first; of one name the latest alone.

        Source: "List check runs for a Git reference", /rest/checks/runs
        #list-check-runs-for-a-git-reference, parameter `filter`.
        """
        found: list[CheckRun] = []
        seen: set[tuple[int, str]] = set()
        for run in sorted(self.runs, key=lambda one: -one.id):
            if run.head_sha != sha or (not every and (run.app_id, run.name) in seen):
                continue
            seen.add((run.app_id, run.name))
            fits = (
                (name is None or run.name == name)
                and (status is None or run.status == status)
                and (app_id is None or run.app_id == app_id)
            )
            if fits:
                found.append(run)
        return found

    def set_status(
        self, login: str, sha: str, body: Mapping[str, Any], *, number: int, now: float
    ) -> CommitStatus:
        """Make a status of a commit.

        Source: "Create a commit status", /rest/commits/statuses#create-a-commit-status: 1,000
        of a commit and a context at most.
        """
        state, context = body.get("state"), body.get("context", "default")
        if state not in _STATES:
            raise invalid("Status", "state", "invalid")
        same = [one for one in self.statuses if one.sha == sha and one.context == context]
        if len(same) >= _MOST_STATUSES:
            raise invalid(
                "Status",
                "base",
                "custom",
                "This SHA and context has reached the maximum number of statuses.",
            )
        made = CommitStatus(
            id=number,
            sha=sha,
            state=state,
            context=context,
            description=body.get("description"),
            target_url=body.get("target_url"),
            creator=login,
            created_at=now,
        )
        self.statuses.append(made)
        return made

    def statuses_of(self, sha: str) -> list[CommitStatus]:
        """List the statuses of a commit, newest first."""
        return [one for one in reversed(self.statuses) if one.sha == sha]

    def latest(self, sha: str) -> list[CommitStatus]:
        """List the latest status of each context of a commit."""
        found: dict[str, CommitStatus] = {}
        for one in self.statuses_of(sha):
            found.setdefault(one.context, one)
        return list(found.values())

    def _drop_oldest(self, made: CheckRun) -> None:
        """Forget the oldest of more than 1,000 check runs of one name.

        Source: "REST API endpoints for check runs", the note at its top (G21).
        """
        suite = (made.head_sha, made.app_id, made.name)
        same = [run for run in self.runs if (run.head_sha, run.app_id, run.name) == suite]
        for run in same[:-_MOST_OF_A_NAME]:
            self.runs.remove(run)


def overall(runs: Sequence[CheckRun]) -> str | None:
    """Give the conclusion of a suite of check runs: the worst of theirs."""
    if not runs or any(run.status != "completed" for run in runs):
        return None
    order = ("action_required", "timed_out", "failure", "cancelled", "success", "neutral")
    had = {run.conclusion for run in runs}
    return next((one for one in order if one in had), "skipped")


def combined_state(statuses: Iterable[CommitStatus]) -> str:
    """Give the state of a commit.

    Source: "Get the combined status for a specific reference", /rest/commits/statuses
    #get-the-combined-status-for-a-specific-reference.
    """
    had = {one.state for one in statuses}
    if had & {"error", "failure"}:
        return "failure"
    return "pending" if not had or "pending" in had else "success"


def _app_of(who: Credential) -> int:
    """Tell which app asks; nobody else may write check runs.

    Source: "REST API endpoints for check runs", /rest/checks/runs.
    """
    if who.app_id is None:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    return who.app_id


def _change(run: CheckRun, body: Mapping[str, Any], now: float) -> None:
    """Take over the fields of a body, after all of it was looked at."""
    status, conclusion = body.get("status"), body.get("conclusion")
    if status is not None and status not in _STATUSES:
        raise _no_member("status", status, _STATUSES)
    if conclusion is not None and conclusion not in CONCLUSIONS:
        raise _no_member("conclusion", conclusion, CONCLUSIONS)
    if status == "completed" and conclusion is None and run.conclusion is None:
        raise _wrong('"conclusion" wasn\'t supplied.')
    output, actions = body.get("output"), body.get("actions")
    if output is not None:
        _check_output(output, run)
    if actions is not None:
        _check_actions(actions)
    started = _moment(body, "started_at", run.started_at)
    completed = _moment(body, "completed_at", run.completed_at)

    run.status = "completed" if conclusion is not None else status or run.status
    run.conclusion = conclusion or (run.conclusion if run.status == "completed" else None)
    run.external_id = body.get("external_id", run.external_id)
    run.details_url = body.get("details_url", run.details_url)
    run.started_at = now if started is None else started
    run.completed_at = (completed or now) if run.status == "completed" else None
    if output is not None:
        run.title = output.get("title", run.title)
        run.summary = output.get("summary", run.summary)
        run.text = output.get("text", run.text)
        run.annotations.extend(dict(each) for each in output.get("annotations") or ())
    if actions is not None:
        run.actions = [dict(each) for each in actions]


def _check_output(output: Any, run: CheckRun) -> None:
    if not isinstance(output, Mapping):
        raise _wrong("For 'properties/output', it is not an object.")
    for name in ("title", "summary"):
        if output.get(name) is None and getattr(run, name) is None:
            raise _wrong(f'"{name}" wasn\'t supplied.')
    for name in ("summary", "text"):
        given = output.get(name)
        if isinstance(given, str) and len(given) > _MOST_TEXT:
            raise _wrong(f"Only {_MOST_TEXT} characters are allowed; {len(given)} were supplied.")
    annotations = output.get("annotations") or ()
    if len(annotations) > _MOST_ANNOTATIONS:
        raise _wrong(
            f"No more than {_MOST_ANNOTATIONS} items are allowed; {len(annotations)} were supplied."
        )
    for each in annotations:
        _check_annotation(each)


def _check_annotation(one: Any) -> None:
    if not isinstance(one, Mapping):
        raise _wrong("For 'items', an annotation is not an object.")
    for name in ("path", "start_line", "end_line", "annotation_level", "message"):
        if one.get(name) is None:
            raise _wrong(f'"{name}" wasn\'t supplied.')
    if one["annotation_level"] not in _LEVELS:
        raise _no_member("annotation_level", one["annotation_level"], _LEVELS)
    start, end = one["start_line"], one["end_line"]
    if not (isinstance(start, int) and isinstance(end, int)) or not 1 <= start <= end:
        raise _wrong("For 'properties/end_line', the lines are out of order.")
    has_column = one.get("start_column") is not None or one.get("end_column") is not None
    if has_column and start != end:
        raise _wrong("Columns are omitted if start_line and end_line have different values.")
    sizes = (("message", _MOST_MESSAGE), ("raw_details", _MOST_MESSAGE))
    for name, most in sizes:
        if len((one.get(name) or "").encode("utf-8", "surrogatepass")) > most:
            raise _wrong(f"The {name} is larger than 64 KB.")
    if len(one.get("title") or "") > _MOST_TITLE:
        raise _wrong(f"Only {_MOST_TITLE} characters are allowed in a title.")


def _check_actions(actions: Sequence[Any]) -> None:
    if len(actions) > _MOST_ACTIONS:
        raise _wrong(
            f"No more than {_MOST_ACTIONS} items are allowed; {len(actions)} were supplied."
        )
    for one in actions:
        for name, most in _ACTION.items():
            given = one.get(name) if isinstance(one, Mapping) else None
            if not isinstance(given, str):
                raise _wrong(f'"{name}" wasn\'t supplied.')
            if len(given) > most:
                raise _wrong(f"Only {most} characters are allowed; {len(given)} were supplied.")


def _moment(body: Mapping[str, Any], name: str, present: float | None) -> float | None:
    given = body.get(name)
    if given is None:
        return present
    if not isinstance(given, str) or not _MOMENT.fullmatch(given):
        raise _wrong(f"For 'properties/{name}', {given!r} is not a valid date-time.")
    return datetime.fromisoformat(given).timestamp()


def _wrong(told: str) -> Refusal:
    return Refusal(422, f"Invalid request.\n\n{told}")


def _no_member(name: str, value: object, of: Sequence[str]) -> Refusal:
    known = ", ".join(f'"{each}"' for each in of)
    return _wrong(f"For 'properties/{name}', \"{value}\" is not a member of [{known}].")


def moment_or_none(at: float | None) -> str | None:
    """Write a moment, where there is one."""
    return None if at is None else stamp(at)
