"""The pictures of the guide to GitHub show what the guide says of them."""

from __future__ import annotations

from codeflow_engine.testing.forge import FakeForge
from github_pictures import stage


def test_a_reviewed_answered_and_mended_pull_request_is_what_is_drawn() -> None:
    """Four comments of one review, of which one was dismissed and one was mended."""
    with FakeForge() as forge:
        number = stage(forge)
        pull = forge.repository("acme/shop").pull(number)

        ours = [one for one in pull.reviews if one.user.login == "codeflow[bot]"]
        told = {
            thread.comments[0].body.split("`")[1]: (
                [comment.user.login for comment in thread.comments[1:]],
                thread.resolved_by and thread.resolved_by.login,
            )
            for thread in pull.threads
        }
        assert len(ours) == 1
        assert told == {
            "secrets/github-token": (["ann"], "codeflow[bot]"),
            "hygiene/debugger-breakpoint": ([], "codeflow[bot]"),
            "ruff/E722": ([], None),
            "ruff/F401": ([], None),
        }
        assert [comment.user.login for comment in pull.comments] == ["codeflow[bot]"]
        assert "2 findings (1 medium, 1 low)" in pull.comments[0].body
