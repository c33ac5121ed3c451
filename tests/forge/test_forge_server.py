"""The forge as a server: its life, its threads, its process, and what it refuses to be told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from forge_client import Client, of_pull, open_numbered

import codeflow_engine
from codeflow_engine.errors import ConfigurationError
from codeflow_engine.testing.forge import FakeForge, Repository

SOURCES = str(Path(codeflow_engine.__path__[0]).parent)


def test_a_forge_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its thread ends with it, its port is free, and its own directory is gone."""
    before = threading.active_count()
    with FakeForge() as forge:
        directory = forge.repository("acme/shop").git.directory
        assert directory.is_dir()
    with FakeForge(directory=tmp_path) as kept:
        kept.repository("acme/shop")

    assert threading.active_count() == before
    assert not directory.exists()
    assert list(tmp_path.iterdir())
    with pytest.raises(ConfigurationError, match="does not run"):
        forge.run(open_later())


async def open_later() -> None:
    """Do nothing."""


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """The error comes where the forge is entered."""
    with FakeForge() as first:
        port = int(first.web_url.rpartition(":")[2])
        second = FakeForge(port=port, directory=tmp_path)
        with pytest.raises(OSError, match=str(port)):
            second.start()
        second.close()


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (lambda forge: forge.repository("shop"), "full name"),
        (lambda forge: forge.add_user("ann", permission="owner"), "no permission 'owner'"),
        (lambda forge: forge.repository("a/b").open_pull_request({}), "a tree after"),
        (lambda forge: forge.repository("a/b").open_pull_request({}, {"a": ("1", b"")}), "mode"),
        (lambda forge: forge.repository("a/b").branch("none"), "no refs/heads/none"),
        (lambda forge: forge.start(), "started already"),
    ],
)
def test_what_a_test_says_wrong_is_a_configuration_error(
    forge: FakeForge, wrong: object, match: str
) -> None:
    """The message says what there is."""
    assert callable(wrong)
    with pytest.raises(ConfigurationError, match=match):
        wrong(forge)


def test_the_forge_does_not_wait_for_itself(forge: FakeForge, shop: Repository) -> None:
    """What waits for the forge in its own thread is refused, where it would never end."""

    async def wait() -> None:
        shop.commit("main", {"a": b""})

    with pytest.raises(ConfigurationError, match="another thread"):
        forge.run(wait())


def test_state_is_read_while_the_forge_goes_on(
    forge: FakeForge, shop: Repository, bot: Client
) -> None:
    """Threads that write at once lose nothing, and a reader sees whole lists."""
    pull = open_numbered(shop)
    clients = [bot, *(Client(forge, name) for name in ("ann", "ben", "cy"))]

    def write(client: Client) -> None:
        for _ in range(10):
            client.post(f"/repos/acme/shop/issues/{pull.number}/comments", body="?")

    threads = [threading.Thread(target=write, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert all(one.body == "?" for one in forge.posts("acme/shop", pull.number).comments)
    for client in clients[1:]:
        client.close()

    assert len({one.id for one in pull.comments}) == 40


def test_what_stands_is_told_by_author(shop: Repository, bot: Client, forge: FakeForge) -> None:
    """Comments, reviews and comments on code are given in one value, without pending ones."""
    pull = open_numbered(shop)
    at = of_pull(pull)
    wish = {"path": "a.py", "line": 5, "body": "?"}
    bot.post(f"{at}/reviews", event="COMMENT", body="Looked.", comments=[wish])
    bot.post(f"{at}/reviews", comments=[wish])
    bot.post(f"/repos/acme/shop/issues/{pull.number}/comments", body="Hello.")

    told = forge.posts("acme/shop", pull.number, by="codeflow-app[bot]")
    nothing = forge.posts("acme/shop", pull.number, by="ann")

    assert [one.body for one in told.comments] == ["Hello."]
    assert [one.body for one in told.reviews] == ["Looked."]
    assert [one.line for one in told.review_comments] == [5]
    assert (nothing.comments, nothing.reviews, nothing.review_comments) == ((), (), ())


def test_a_forge_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    """It says where it is, and ends with its input."""
    words = ["--repository", "acme/shop", "--user", "ann=write", "--state", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "codeflow_engine.testing.forge", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": SOURCES},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        repository = requests.get(
            f"{told['url']}/repos/acme/shop",
            headers={"Authorization": f"Bearer {told['tokens']['ann']}"},
            timeout=60,
        ).json()
        process.stdin.close()

        assert process.wait(90) == 0
    assert repository["permissions"]["push"] is True
    assert list(tmp_path.iterdir())


def test_without_the_framework_it_says_what_to_install() -> None:
    """The extra is named."""
    code = (
        "import sys; sys.modules['aiohttp'] = None\n"
        "from codeflow_engine.errors import MissingDependencyError\n"
        "try:\n    import codeflow_engine.testing.forge\n"
        "except MissingDependencyError as error:\n    print(error, error.requires)"
    )

    told = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": SOURCES}, capture_output=True, check=True
    ).stdout.decode()

    assert "'aiohttp' is not installed" in told
    assert told.rstrip().endswith("codeflow-engine[github]")
