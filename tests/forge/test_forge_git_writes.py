"""Blobs, trees, commits and refs that are written through the forge."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from forge_asking import Told, ask

from codeflow_engine.testing.forge import FakeForge, Repository

GIT = "/repos/acme/shop/git"


class Store:
    """A repository with a branch, and somebody who may write."""

    def __init__(self, forge: FakeForge) -> None:
        self.forge = forge
        self.repository: Repository = forge.repository("acme/shop")
        self.head = self.repository.commit("main", {"a.py": "x = 1\n", "d/b.py": "y = 1\n"})
        self.token = forge.token("acme")

    def write(self, path: str, method: str = "POST", **body: Any) -> Told:
        """Write something."""
        return ask(self.forge, method, f"{GIT}/{path}", token=self.token, body=body)

    def tree(self, *entries: dict[str, Any], **more: Any) -> Told:
        """Write a tree over that of the branch."""
        return self.write("trees", tree=list(entries), base_tree=self.head, **more)

    def paths(self, sha: str) -> dict[str, str]:
        """Give the files of a tree with their modes."""
        told = ask(self.forge, "GET", f"{GIT}/trees/{sha}?recursive=1", token=self.token).json
        return {one["path"]: one["mode"] for one in told["tree"] if one["type"] != "tree"}


@pytest.fixture
def store(forge: FakeForge) -> Store:
    """Make a repository to write to."""
    return Store(forge)


def entry(path: str, **more: Any) -> dict[str, Any]:
    """Make an entry of a tree."""
    return {"path": path, "mode": "100644", "type": "blob", **more}


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"caf\xc3\xa9\r\n"])
def test_a_blob_is_what_was_sent(store: Store, content: bytes) -> None:
    """Its bytes are read back as they were written."""
    sha = store.write("blobs", content=base64.b64encode(content).decode(), encoding="base64")

    told = ask(store.forge, "GET", f"{GIT}/blobs/{sha.json['sha']}", token=store.token).json

    assert sha.status == 201
    assert base64.b64decode(told["content"]) == content


def test_a_tree_stands_on_another_one(store: Store) -> None:
    """Entries come, change their mode, and go away with a null id; the rest stays."""
    made = store.tree(
        entry("d/new.py", content="z\n"),
        entry("a.py", content="x\n", mode="100755"),
        entry("d/b.py", sha=None),
        entry("link", content="a.py", mode="120000"),
    )

    assert made.status == 201
    assert store.paths(made.json["sha"]) == {
        "a.py": "100755",
        "d/new.py": "100644",
        "link": "120000",
    }


def test_a_tree_can_hold_a_whole_tree(store: Store) -> None:
    """A directory is put in by the id of its tree."""
    inner = store.write("trees", tree=[entry("x.py", content="1")]).json["sha"]

    made = store.tree({"path": "e", "mode": "040000", "type": "tree", "sha": inner})

    assert set(store.paths(made.json["sha"])) == {"a.py", "d/b.py", "e/x.py"}


@pytest.mark.parametrize(
    "wrong",
    [
        entry("../a", content="x"),
        entry(".git/config", content="x"),
        entry("a", mode="100600", content="x"),
        entry("a", sha="0" * 40),
        entry("a", sha=None, content="x", mode="1"),
        entry("a"),
        entry("", content="x"),
    ],
)
def test_a_tree_that_cannot_be_is_refused(store: Store, wrong: dict[str, Any]) -> None:
    """A path, a mode or an object that git does not have is refused."""
    assert store.tree(wrong).status == 422


def test_a_commit_says_who_wrote_it(store: Store) -> None:
    """Its author is who asks, or whom the body names, with the time it names."""
    tree = store.tree(entry("n.py", content="n\n")).json["sha"]
    author = {"name": "Ann", "email": "ann@example.org", "date": "2026-04-01T12:00:00+02:00"}

    own = store.write("commits", message="One", tree=tree, parents=[store.head]).json
    named = store.write(
        "commits", message="Two\n\nMore", tree=tree, parents=[own["sha"]], author=author
    ).json

    assert own["author"]["name"] == "acme"
    assert named["author"] == {**author, "date": "2026-04-01T10:00:00Z"} == named["committer"]
    assert [one["sha"] for one in named["parents"]] == [own["sha"]]
    assert (named["message"], named["tree"]["sha"]) == ("Two\n\nMore", tree)


@pytest.mark.parametrize("wrong", [{"tree": "0" * 40}, {"parents": ["0" * 40]}, {"author": {}}])
def test_a_commit_that_cannot_be_is_refused(store: Store, wrong: dict[str, Any]) -> None:
    """A tree or a parent that is not there, and an author without a name, are refused."""
    tree = store.tree(entry("n.py", content="n\n")).json["sha"]

    told = store.write("commits", **{"message": "m", "tree": tree, "parents": [], **wrong})

    assert told.status == 422


def commit_on(store: Store, parent: str) -> str:
    """Write a commit with the parent's tree."""
    tree = store.tree(entry("n.py", content=parent)).json["sha"]
    made: str = store.write("commits", message="m", tree=tree, parents=[parent]).json["sha"]
    return made


def test_a_ref_is_made_once_and_moves_forward(store: Store) -> None:
    """A second one of its name is refused, and so is a move that is no fast forward."""
    one = commit_on(store, store.head)
    two = commit_on(store, one)
    ref = {"ref": "refs/heads/fix/a", "sha": one}

    made = [store.write("refs", **ref) for _ in range(2)]
    ahead = store.write("refs/heads/fix/a", "PATCH", sha=two)
    back = store.write("refs/heads/fix/a", "PATCH", sha=one)
    forced = store.write("refs/heads/fix/a", "PATCH", sha=one, force=True)

    assert [made[0].status, made[1].status, made[1].json["message"]] == [
        *(201, 422, "Reference already exists")
    ]
    assert (ahead.status, forced.status) == (200, 200)
    assert (back.status, back.json["message"]) == (422, "Update is not a fast forward")
    assert store.repository.branch("fix/a") == one


@pytest.mark.parametrize(
    ("ref", "sha", "said"),
    [
        ("heads/x", None, "must start with 'refs/'"),
        ("refs/x", None, "at least two slashes"),
        ("refs/heads/a..b", None, "not a valid ref name"),
        ("refs/heads/../../config", None, "not a valid ref name"),
        ("refs/heads/x", "0" * 40, "Object does not exist"),
        ("refs/heads/main/x", None, "Reference update failed"),
    ],
)
def test_a_ref_that_cannot_be_is_refused(
    store: Store, ref: str, sha: str | None, said: str
) -> None:
    """A name that git does not take, and an object that is not there, are refused."""
    told = store.write("refs", ref=ref, sha=sha or store.head)

    assert told.status == 422
    assert said in told.json["message"]


def test_refs_are_found_and_taken_away(store: Store) -> None:
    """One is found by its whole name, several by their beginning, and none once deleted."""
    for name in ("fix-1", "fix-2", "other"):
        store.write("refs", ref=f"refs/heads/{name}", sha=store.head)

    def read(path: str) -> Told:
        return ask(store.forge, "GET", f"{GIT}/{path}", token=store.token)

    found = [one["ref"] for one in read("matching-refs/heads/fix").json]
    gone = [store.write("refs/heads/fix-1", "DELETE").status for _ in range(2)]

    assert found == ["refs/heads/fix-1", "refs/heads/fix-2"]
    assert gone == [204, 422]
    assert (read("ref/heads/fix-1").status, read("ref/heads/fix-2").status) == (404, 200)


def test_a_ref_moves_the_pull_request_of_its_branch(store: Store) -> None:
    """A commit that is put on the branch of a pull request becomes its head."""
    number = store.repository.open_pull_request({"a": "1\n"}, {"a": "2\n"}, head="work")
    pull = store.repository.pull(number)
    made = commit_on(store, pull.head_sha)

    store.write("refs/heads/work", "PATCH", sha=made)

    assert pull.head_sha == made


@pytest.mark.parametrize("path", ["blobs", "trees", "commits", "refs"])
def test_g30_who_may_not_write_writes_nothing(store: Store, path: str) -> None:
    """A reader and an archived repository are refused."""
    reader = ask(store.forge, "POST", f"{GIT}/{path}", token=store.forge.token("ann"), body={})
    store.repository.archived = True
    archived = store.write(path)

    assert (reader.status, archived.status) == (403, 403)
