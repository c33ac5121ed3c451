"""The forge's documents are GitHub's: by its own description, and to PyGithub."""

from __future__ import annotations

from collections.abc import Iterator

import github
import pytest
from forge_client import Client, of_pull, open_numbered

from codeflow_engine.testing.forge import FakeForge, Repository
from github_models import check_document, check_documents


@pytest.fixture
def hub(forge: FakeForge) -> Iterator[github.Github]:
    """Give PyGithub, pointed at the forge."""
    made = github.Github(
        base_url=forge.url,
        auth=github.Auth.Token(forge.token("codeflow-app[bot]")),
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )
    yield made
    made.close()


def test_documents_of_pull_requests_are_as_github_describes_them(
    shop: Repository, bot: Client
) -> None:
    """Every field that GitHub requires is there, of its type."""
    pull = open_numbered(shop, fork=True)
    shop.push(pull.number, {"a.py": b"x\n", "é": b"\0"})
    at, home = of_pull(pull), "/repos/acme/shop"

    check_document("PullRequest", bot.get(at))
    check_document("PullRequest", bot.get(at))
    check_documents("PullRequestSimple", bot.get(f"{home}/pulls"))
    check_documents("DiffEntry", bot.get(f"{at}/files"))
    check_documents("Commit", bot.get(f"{at}/commits"))
    check_document("Commit", bot.get(f"{home}/commits/{pull.head_sha}"))
    check_documents("Commit", bot.get(f"{home}/commits"))
    check_document("CommitComparison", bot.get(f"{home}/compare/main...ann:{pull.head_ref}"))


def test_documents_of_talk_are_as_github_describes_them(shop: Repository, bot: Client) -> None:
    """Reviews, comments, reactions, issues and labels have every field."""
    pull = open_numbered(shop)
    at, home = of_pull(pull), "/repos/acme/shop"
    wish = {"path": "a.py", "line": 5, "start_line": 4, "body": "?"}

    made = bot.post(f"{at}/reviews", event="COMMENT", body="Looked.", comments=[wish]).json()
    pending = bot.post(f"{at}/reviews", comments=[wish]).json()
    talk = bot.post(f"{home}/issues/{pull.number}/comments", body="Hello.").json()
    issue = bot.post(f"{home}/issues", title="Later", body="So.", labels=["bug"]).json()
    code = pull.review_comments[0].id
    reaction = bot.post(f"{home}/pulls/comments/{code}/reactions", content="-1").json()

    for one in (made, pending, bot.get(f"{at}/reviews/{made['id']}")):
        check_document("PullRequestReview", one)
    check_documents("PullRequestReview", bot.get(f"{at}/reviews"))
    check_documents("ReviewComment", bot.get(f"{at}/reviews/{made['id']}/comments"))
    check_documents("PullRequestReviewComment", bot.get(f"{at}/comments"))
    check_documents("PullRequestReviewComment", bot.get(f"{home}/pulls/comments"))
    check_document("IssueComment", talk)
    check_documents("IssueComment", bot.get(f"{home}/issues/comments"))
    check_document("Reaction", reaction)
    check_document("Issue", issue)
    check_documents("Issue", bot.get(f"{home}/issues"))
    check_documents("Label", bot.get(f"{home}/labels"))
    check_documents("Label", bot.get(f"{home}/issues/{issue['number']}/labels"))


def test_documents_of_accounts_and_contents_are_as_github_describes_them(
    shop: Repository, bot: Client
) -> None:
    """Repositories, users, permissions, files, trees and blobs have every field."""
    files = {
        "a.py": b"x\n",
        "d/b": ("120000", b"../a.py"),
        "l": ("120000", b"nowhere"),
        ".gitmodules": b'[submodule "s"]\n\tpath = s\n\turl = ../s.git\n',
    }
    pull = shop.pull(
        shop.open_pull_request({**files, "s": ("160000", b"1" * 40)}, files, author="ann")
    )
    home = "/repos/acme/shop"
    tree = bot.get(f"{home}/git/trees/main?recursive=1")

    check_document("FullRepository", bot.get(home))
    check_document("Repository", bot.get(of_pull(pull))["base"]["repo"])
    check_document("PrivateUser", bot.get("/user"))
    check_document("PublicUser", bot.get("/users/ann"))
    check_document(
        "RepositoryCollaboratorPermission", bot.get(f"{home}/collaborators/ann/permission")
    )
    check_document("GitTree", tree)
    check_document("Blob", bot.get(f"{home}/git/blobs/{tree['tree'][1]['sha']}"))
    check_document("GitCommit", bot.get(f"{home}/git/commits/{pull.base_sha}"))
    check_document("ContentFile", bot.get(f"{home}/contents/a.py"))
    check_document("ContentFile", bot.get(f"{home}/contents/d/b"))
    check_document("ContentSymlink", bot.get(f"{home}/contents/l"))
    check_document("ContentSubmodule", bot.get(f"{home}/contents/s"))
    check_documents("ContentDirectoryItems", bot.get(f"{home}/contents"))


def test_pygithub_reads_what_a_plain_request_reads(
    shop: Repository, bot: Client, hub: github.Github
) -> None:
    """Pull request, files, commits and comments are the same to both."""
    pull = open_numbered(shop)
    at, home = of_pull(pull), "/repos/acme/shop"
    theirs = hub.get_repo("acme/shop").get_pull(pull.number)

    review = theirs.create_review(
        commit=hub.get_repo("acme/shop").get_commit(pull.head_sha),
        body="Looked.",
        event="COMMENT",
        comments=[{"path": "a.py", "line": 5, "side": "RIGHT", "body": "?"}],
    )
    comment = theirs.create_issue_comment("Hello.")
    comment.edit("Hello!")
    comment.create_reaction("eyes")
    theirs.add_to_labels("reviewed")

    assert theirs.raw_data == bot.get(at) | {
        key: theirs.raw_data[key]
        for key in (
            *("mergeable", "mergeable_state", "rebaseable", "merge_commit_sha"),
            *("comments", "review_comments", "labels", "updated_at"),
        )
    }
    assert [one.raw_data for one in theirs.get_files()] == bot.get(f"{at}/files")
    assert [one.sha for one in theirs.get_commits()] == [pull.head_sha]
    assert [one.raw_data for one in theirs.get_reviews()] == bot.get(f"{at}/reviews")
    assert [one.raw_data for one in theirs.get_comments()] == bot.get(f"{at}/comments")
    assert [one.raw_data for one in theirs.get_single_review_comments(review.id)] == bot.get(
        f"{at}/reviews/{review.id}/comments"
    )
    assert [one.raw_data for one in theirs.get_issue_comments()] == bot.get(
        f"{home}/issues/{pull.number}/comments"
    )
    assert pull.comments[0].body == "Hello!"
    assert pull.comments[0].reactions[0].content == "eyes"
    assert pull.label_names == ("reviewed",)


def test_pygithub_reads_contents_and_trees(shop: Repository, hub: github.Github) -> None:
    """A file, a tree and a comparison come out as they went in."""
    pull = open_numbered(shop)
    theirs = hub.get_repo("acme/shop")

    content = theirs.get_contents("a.py", ref=pull.head_sha)
    compared = theirs.compare("main", pull.head_ref)

    assert not isinstance(content, list)
    assert b"FORTY" in content.decoded_content
    assert [one.path for one in theirs.get_git_tree("main", recursive=True).tree] == ["a.py"]
    assert (compared.ahead_by, compared.files[0].filename) == (1, "a.py")
