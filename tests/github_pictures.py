"""Draws the pictures of the guide to GitHub: pages of the fake forge, in a real browser.

`python tests/github_pictures.py` writes them anew. It takes the dependency groups `test`
and `browser`, and Chromium on PATH.
"""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

from github import Auth, Github
from PIL import Image

import codeflow_engine as codeflow
from codeflow_engine.testing.forge import FakeForge

__all__ = ["draw", "stage"]

IMAGES = Path(__file__).parents[1] / "docs" / "images"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WIDE = 860
COLORS = 64

RIGHTS = {"contents": "write", "pull_requests": "write", "issues": "write", "checks": "write"}
BEFORE = {"shop.py": b'PRICES = {"tea": 3}\n\n\ndef price(name):\n    return PRICES[name]\n'}
FIRST = b"""import os

PRICES = {"tea": 3}
TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


def price(name):
    breakpoint()
    try:
        return PRICES[name]
    except:
        return None
"""
SECOND = FIRST.replace(b"    breakpoint()\n", b"")


def stage(forge: FakeForge) -> int:
    """Have a pull request reviewed, answered and reviewed again; give its number."""
    shop = forge.repository("acme/shop")
    app = forge.app("codeflow", permissions=RIGHTS, on="acme")
    forge.add_user("ann", permission="write")
    number = shop.open_pull_request(
        BEFORE, {"shop.py": FIRST}, title="Look prices up", body="With a token.", author="ben"
    )
    settings: dict[str, Any] = {
        "base_url": forge.url,
        "app_id": str(app.id),
        "private_key": app.private_key,
        "write_interval": 0,
    }
    names = ["secrets", "hygiene", "ruff"]
    with codeflow.Engine(
        vcs="github", backend_settings={"github": settings}, analyzers=names
    ) as engine:
        engine.apply(engine.plan(engine.review(f"acme/shop#{number}")))
        answer(forge, number)
        shop.push(number, {"shop.py": SECOND})
        engine.apply(engine.plan(engine.review(f"acme/shop#{number}")))
    return number


def answer(forge: FakeForge, number: int) -> None:
    """Let somebody who may write dismiss what was said about the secret."""
    with Github(base_url=forge.url, auth=Auth.Token(forge.token("ann"))) as ann:
        pull = ann.get_repo("acme/shop").get_pull(number)
        (comment,) = (one for one in pull.get_review_comments() if "token" in one.body)
        pull.create_review_comment_reply(comment.id, "False positive: a token of the tests.")


def draw(pages: dict[str, str]) -> None:
    """Write a picture of each page, as long as it is, under its name."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start as root, which containers are.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDE, "height": 600})
        for name, address in pages.items():
            page.goto(address)
            picture = Image.open(BytesIO(page.screenshot(full_page=True)))
            # Few colours take a third of the room, and nobody sees the others.
            picture.quantize(COLORS).save(IMAGES / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    with FakeForge() as made:
        page = f"{made.web_url}/acme/shop/pull/{stage(made)}"
        draw({"github-conversation": page, "github-files": f"{page}/files"})
