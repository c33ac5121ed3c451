"""What we take for a place of a comment, GitHub takes too: for whatever diff and comments."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeflow_engine.providers.vcs.github import GitHub, GitHubSettings
from codeflow_engine.testing.forge import FakeForge
from dear_examples import one_in
from github_posting import Desk, inline

lines = st.lists(
    st.sampled_from([b"a\n", b"b\n", b"\n", b"@@ -1 +1 @@\n", b"--- a/x\n", b"c\r\n", b"\xff\n"]),
    max_size=40,
)
comments = st.lists(
    st.tuples(
        st.sampled_from(["a.py", "b.py", "sp ace", "c\u00e9", "moved", "none"]),
        st.sampled_from(["new", "old"]),
        st.integers(-1, 45),
        st.integers(0, 6),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def forge() -> Iterator[FakeForge]:
    """Start one forge for all examples: each has a pull request of its own."""
    with FakeForge() as started:
        yield started


numbers = count()


@one_in(5)
@given(
    st.dictionaries(
        st.sampled_from(["a.py", "b.py", "sp ace", "c\u00e9"]),
        st.tuples(lines, lines, st.booleans()),
        min_size=1,
    ),
    comments,
)
async def test_g15_github_takes_every_place_that_we_take_for_one(
    forge: FakeForge,
    files: dict[str, tuple[list[bytes], list[bytes], bool]],
    wanted: list[tuple[str, str, int, int]],
) -> None:
    """The review is one request, each comment stands in it or in its body, and none is refused."""
    number = next(numbers)
    repository = forge.repository("acme/shop")
    base = {"keep": b"k%d\n" % number, "was": b"same\n" * 30}
    head = {"keep": b"K%d\n" % number, "moved": b"same\n" * 29 + b"new\n"}
    for path, (old, new, ends) in files.items():
        base[path] = b"".join(old)
        head[path] = b"".join(new) if ends else b"".join(new).removesuffix(b"\n")
    pull = repository.open_pull_request(base, head, base=f"base-{number}")
    desk = Desk(forge=forge, repository=repository, number=pull, credentials={})
    told = [
        inline(line, path=path, side=side, end_line=line + more, fingerprint=f"f{index}")
        for index, (path, side, line, more) in enumerate(wanted)
    ]
    backend = GitHub(
        GitHubSettings(write_interval=0.0),
        token=forge.token("codeflow-app[bot]"),
        base_url=forge.url,
    )

    await backend.deliver(desk.review(*told))
    await backend.aclose()

    (review,) = desk.pull.reviews
    assert len(desk.comments()) + review.body.count("** (high)") == len(told)
    # Had one been refused, all would stand in the body.
    placed = sum(_is_shown(desk, one) for one in told)
    assert len(desk.comments()) == placed


def _is_shown(desk: Desk, one: dict[str, object]) -> bool:
    """Tell by the forge's own reading of the diff whether lines stand in one hunk."""
    from codeflow_engine.testing.forge.moving import pull_diff

    side = "RIGHT" if one["side"] == "new" else "LEFT"
    for file in desk.forge.run(pull_diff(desk.pull)):
        if file.name == one["path"]:
            ends = [file.places.get((side, int(str(one[name])))) for name in ("line", "end_line")]
            return None not in ends and len({end.hunk for end in ends if end}) == 1
    return False
