"""The routes of the pages."""

from __future__ import annotations

from collections.abc import Sequence

from codeflow_engine.reports.html.markup import Content, Markup, element, visible
from codeflow_engine.testing.forge.exchange import FORGE
from codeflow_engine.testing.forge.framework import web
from codeflow_engine.testing.forge.moving import pull_diff
from codeflow_engine.testing.forge.pages import code, talk
from codeflow_engine.testing.forge.pages.links import link, place
from codeflow_engine.testing.forge.pages.parts import badge, page, section, source, tabs
from codeflow_engine.testing.forge.pages.prose import prose
from codeflow_engine.testing.forge.repository import Repository
from codeflow_engine.testing.forge.state import Issue, PullRequest

__all__ = ["routes"]

routes: web.RouteTableDef = web.RouteTableDef()


class _Missing(Exception):  # noqa: N818 - it becomes a page, it is no fault
    """What was asked for is not there."""


def _repository(request: web.Request) -> Repository:
    name = f"{request.match_info['owner']}/{request.match_info['repo']}"
    found = request.app[FORGE].find_repository(name)
    if found is None:
        raise _Missing
    return found


def _issue(request: web.Request) -> Issue:
    try:
        found = _repository(request).issue(int(request.match_info["number"]))
    except KeyError:
        raise _Missing from None
    if found.deleted:
        raise _Missing
    return found


def _absent() -> web.Response:
    return page("Not found", element("p", "There is nothing here."), status=404)


def _home(repository: Repository) -> str:
    return place(repository.owner.login, repository.name)


def _trail(repository: Repository, one: Issue | None = None) -> Markup:
    told: list[Content] = [" / ", link(_home(repository), visible(repository.full_name))]
    if one is not None:
        told += [" / ", link(_place(one), f"#{one.number}")]
    return element("span", told)


def _place(one: Issue) -> str:
    kind = "pull" if isinstance(one, PullRequest) else "issues"
    return f"{_home(one.repository)}/{kind}/{one.number}"


@routes.get("/")
async def _all_repositories(request: web.Request) -> web.Response:
    """Show all repositories."""
    items = [
        element(
            "li",
            link(_home(one), visible(one.full_name)),
            badge("private") if one.private else None,
            badge("archived") if one.archived else None,
            badge("fork") if one.parent else None,
        )
        for one in request.app[FORGE].repositories
    ]
    return page("Repositories", element("ul", items) if items else element("p", "None yet."))


@routes.get("/{owner}/{repo}")
async def _one_repository(request: web.Request) -> web.Response:
    """Show the pull requests and issues of a repository."""
    try:
        repository = _repository(request)
    except _Missing:
        return _absent()
    return page(
        repository.full_name,
        section("Pull requests", _listed(repository.pulls), number=len(repository.pulls)),
        section("Issues", _listed(repository.issues), number=len(repository.issues)),
        trail=_trail(repository),
    )


def _listed(issues: Sequence[Issue]) -> Markup:
    items = [
        element(
            "li",
            talk.standing(one),
            " ",
            link(_place(one), f"#{one.number} ", visible(one.title)),
            [badge(each.name, "label") for each in one.labels],
        )
        for one in sorted(issues, key=lambda each: -each.number)
        if not one.deleted
    ]
    return element("ul", items) if items else element("p", "None.", class_="by")


@routes.get(r"/{owner}/{repo}/issues/{number:\d+}")
@routes.get(r"/{owner}/{repo}/pull/{number:\d+}")
async def _one_issue(request: web.Request) -> web.Response:
    """Show the conversation of an issue or a pull request."""
    try:
        one = _issue(request)
    except _Missing:
        return _absent()
    is_pull = isinstance(one, PullRequest)
    with request.app[FORGE].lock:
        return page(
            f"{one.title} #{one.number}",
            await _tabs(one, on_files=False) if isinstance(one, PullRequest) else None,
            talk.facts(one),
            talk.conversation(one),
            talk.checks(one.repository, one.head_sha) if isinstance(one, PullRequest) else None,
            trail=_trail(one.repository, one if is_pull else None),
        )


async def _tabs(pull: PullRequest, *, on_files: bool) -> Markup:
    files = await pull_diff(pull)
    said = len(pull.comments) + len(pull.reviews)
    return tabs(
        (_place(pull), "Conversation", said, not on_files),
        (f"{_place(pull)}/files", "Files changed", len(files), on_files),
    )


@routes.get(r"/{owner}/{repo}/pull/{number:\d+}/files")
async def _files(request: web.Request) -> web.Response:
    """Show what a pull request changes, with the threads on it."""
    try:
        pull = _issue(request)
    except _Missing:
        return _absent()
    if not isinstance(pull, PullRequest):
        return _absent()
    diff = await pull_diff(pull)
    shown = {one.name for one in diff}
    left = [one for one in pull.threads if one.comments[0].path not in shown]
    return page(
        f"{pull.title} #{pull.number}",
        await _tabs(pull, on_files=True),
        [
            code.file(pull, one, [t for t in pull.threads if t.comments[0].path == one.name])
            for one in diff
        ],
        section("On files that are no longer changed", [code.thread(pull, one) for one in left])
        if left
        else None,
        trail=_trail(pull.repository, pull),
    )


@routes.get(r"/{owner}/{repo}/runs/{run_id:\d+}")
async def _run(request: web.Request) -> web.Response:
    """Show a check run with its annotations."""
    try:
        repository = _repository(request)
    except _Missing:
        return _absent()
    one = repository.checks.find(int(request.match_info["run_id"]))
    if one is None:
        return _absent()
    notes = [
        element(
            "li",
            badge(str(note["annotation_level"]), str(note["annotation_level"])),
            " ",
            element("code", visible(f"{note['path']}:{note['start_line']}-{note['end_line']}")),
            element("p", element("strong", visible(note["title"]))) if note.get("title") else None,
            element("pre", visible(str(note["message"]))),
            element("pre", visible(str(note["raw_details"]))) if note.get("raw_details") else None,
        )
        for note in one.annotations
    ]
    facts = f"on {one.head_sha[:12]}, external id {one.external_id or 'none'}"
    return page(
        one.name,
        element("p", talk.conclusion(one), " ", visible(facts), class_="by"),
        element("h2", visible(one.title)) if one.title else None,
        [prose(text) for text in (one.summary, one.text) if text],
        source(one.summary) if one.summary else None,
        section("Annotations", element("ol", notes), number=len(notes)) if notes else None,
        trail=_trail(repository),
    )
