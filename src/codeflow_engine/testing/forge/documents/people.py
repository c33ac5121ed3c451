"""Documents of accounts and of repositories."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from codeflow_engine.testing.forge.clock import stamp
from codeflow_engine.testing.forge.state import ROLES, User

if TYPE_CHECKING:
    from codeflow_engine.testing.forge.repository import Repository
    from codeflow_engine.testing.forge.server import FakeForge

__all__ = ["ROLE_NAMES", "association", "full_user", "node_id", "repository", "user"]

_USER_PLACES = (
    *("followers", "subscriptions", "orgs", "repos", "received_events"),
    *("following{/other_user}", "gists{/gist_id}", "starred{/owner}{/repo}", "events{/privacy}"),
)
_REPOSITORY_PLACES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_COUNTS = (
    *("forks", "forks_count", "stargazers_count", "watchers", "watchers_count", "size"),
    *("subscribers_count", "network_count"),
)
ROLE_NAMES = {"read": "pull", "triage": "triage", "write": "push", "maintain": "maintain"}
"""What the permissions of a repository call a role."""


def node_id(kind: str, number: int) -> str:
    """Give the global id of an object, which clients treat as opaque."""
    return f"{kind}_" + base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def user(forge: FakeForge, account: User) -> dict[str, Any]:
    """Give an account in short."""
    login = account.login
    at = f"{forge.url}/users/{login}"
    places = {
        f"{place.partition('{')[0].replace('orgs', 'organizations')}_url": f"{at}/{place}"
        for place in _USER_PLACES
    }
    bot = account.is_bot
    page = f"/apps/{login.removesuffix('[bot]')}" if bot else f"/{login}"
    return {
        "login": login,
        "id": account.id,
        "node_id": node_id("BOT" if bot else "U", account.id),
        "avatar_url": f"{forge.web_url}/avatars/u/{account.id}?v=4",
        "gravatar_id": "",
        "url": at,
        "html_url": forge.web_url + page,
        **places,
        "type": account.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def full_user(forge: FakeForge, account: User) -> dict[str, Any]:
    """Give an account in full."""
    made = stamp(account.created_at)
    owned = [one for one in forge.repositories if one.owner is account and not one.private]
    return {
        **user(forge, account),
        "name": account.login,
        **dict.fromkeys(("company", "location", "email", "hireable", "bio")),
        "blog": "",
        "twitter_username": None,
        "public_repos": len(owned),
        **dict.fromkeys(("public_gists", "followers", "following"), 0),
        "created_at": made,
        "updated_at": made,
    }


def association(repository: Repository, account: User) -> str:
    """Tell what an author is to a repository.

    Source: "Enums" of the GraphQL API, `CommentAuthorAssociation`.
    """
    if account is repository.owner:
        return "OWNER"
    if ROLES.index(repository.permission_of(account.login)) >= ROLES.index("write"):
        return "NONE" if account.is_bot else "COLLABORATOR"
    return "NONE"


def repository(one: Repository, role: str, *, full: bool = False) -> dict[str, Any]:
    """Give a repository, as an account sees it that has a role in it."""
    forge = one.forge
    at = f"{forge.url}/repos/{one.full_name}"
    page = f"{forge.web_url}/{one.full_name}"
    made = stamp(one.created_at)
    still_open = sum(1 for i in (*one.issues, *one.pulls) if i.state == "open")
    rank = ROLES.index(role)
    counts = dict.fromkeys(_COUNTS if full else _COUNTS[:-2], 0)
    told: dict[str, Any] = {
        "id": one.id,
        "node_id": node_id("R", one.id),
        "name": one.name,
        "full_name": one.full_name,
        "private": one.private,
        "owner": user(forge, one.owner),
        "html_url": page,
        "description": None,
        "fork": one.parent is not None,
        "url": at,
        **{name: at + place for name, place in _REPOSITORY_PLACES.items()},
        "git_url": f"{page}.git".replace("http:", "git:"),
        "ssh_url": f"git@127.0.0.1:{one.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
        **counts,
        "forks": len(one.forks),
        "forks_count": len(one.forks),
        "open_issues": still_open,
        "open_issues_count": still_open,
        "default_branch": one.default_branch,
        "visibility": "private" if one.private else "public",
        "topics": [],
        "archived": one.archived,
        "has_issues": one.has_issues,
        "has_projects": True,
        **dict.fromkeys(("has_wiki", "has_pages", "has_downloads", "has_discussions"), False),
        **dict.fromkeys(("disabled", "is_template", "web_commit_signoff_required"), False),
        "allow_forking": True,
        "pushed_at": made,
        "created_at": made,
        "updated_at": made,
        "permissions": {
            **{name: rank >= ROLES.index(each) for each, name in ROLE_NAMES.items()},
            "admin": role == "admin",
        },
    }
    if full and one.parent is not None:
        told["parent"] = told["source"] = repository(one.parent, role)
    return told
