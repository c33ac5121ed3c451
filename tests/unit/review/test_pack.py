from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pieces import edited, hunk, made_change, renamed

from codeflow_engine.domain.diff import Unit
from codeflow_engine.llm.tokens import estimate_text
from codeflow_engine.review.pack import pack
from codeflow_engine.review.piece import Piece

type Chunks = tuple[tuple[Piece, ...], ...]

ROOM = 2_500
NAMES = st.sampled_from(("a", "b", "c", "d", "e", "auth"))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".py")


@cache
def tokens(text: str) -> int:
    return estimate_text(text)


def everybody(paths: tuple[str, ...]) -> frozenset[str]:
    return frozenset({"a:model"})


def packed(pieces: Sequence[Piece], room: int = ROOM) -> Chunks:
    return pack(pieces, tokens=tokens, room=room, readers=everybody)


def short(pieces: Sequence[Piece], room: int = 100) -> Chunks:
    """Pack pieces whose tokens are their characters."""
    return pack(pieces, tokens=len, room=room, readers=everybody)


@st.composite
def changes(draw: st.DrawFn) -> list[Piece]:
    """Changes of up to twelve files; some pieces are longer than a chunk."""
    paths = draw(st.lists(PATHS, min_size=1, max_size=12, unique=True))
    pieces: list[Piece] = []
    for file, path in enumerate(paths):
        for number in range(draw(st.integers(1, 4))):
            size = draw(st.one_of(st.integers(1, 60), st.integers(1, 160)))
            piece = hunk(path, draw(st.lists(NAMES, min_size=1, max_size=5)))
            unit = Unit(file=file, hunk=number)
            pieces.append(replace(piece, unit=unit, text=f"{file}.{number}".ljust(size, ".")))
    return pieces


def paths_of(chunks: Chunks) -> list[tuple[str, ...]]:
    return [tuple(dict.fromkeys(piece.path for piece in chunk)) for chunk in chunks]


def size(pieces: Sequence[Piece]) -> int:
    return sum(len(piece.text) for piece in pieces)


@given(changes(), st.integers(1, 200))
def test_every_piece_is_in_one_chunk_that_has_room_for_it(pieces: list[Piece], room: int) -> None:
    """Nothing is lost or shown twice, and only a piece that is longer alone exceeds the room."""
    chunks = short(pieces, room)

    key = [(piece.unit.file, piece.unit.hunk) for chunk in chunks for piece in chunk]
    assert sorted(key) == [(piece.unit.file, piece.unit.hunk) for piece in pieces]
    assert all(len(chunk) == 1 or size(chunk) <= room for chunk in chunks)


@given(changes(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(pieces: list[Piece], chance: random.Random) -> None:
    """Chunks, their order, and the order in them follow from the pieces alone."""
    shuffled = chance.sample(pieces, len(pieces))

    assert short(shuffled) == short(pieces)


@given(changes())
def test_the_hunks_of_a_file_stand_together_in_their_order(pieces: list[Piece]) -> None:
    """In a chunk no other file stands between them, and later ones do not come first."""
    for chunk in short(pieces):
        runs = [piece.path for piece in chunk]
        for path in set(runs):
            first, count = runs.index(path), runs.count(path)
            assert runs[first : first + count] == [path] * count
            hunks = [piece.unit.hunk for piece in chunk[first : first + count]]
            assert hunks == sorted(hunks, key=str)


@given(changes(), st.sampled_from((0, 1)))
def test_only_equal_readers_share_a_chunk(pieces: list[Piece], odd: int) -> None:
    """A file that one model may not see is in no chunk with one that it may see."""

    def readers(paths: tuple[str, ...]) -> frozenset[str]:
        return frozenset({"x", "y"}) if len(paths[0]) % 2 == odd else frozenset({"x"})

    chunks = pack(pieces, tokens=len, room=100, readers=readers)

    assert sum(map(len, chunks)) == len(pieces)
    assert all(len({readers(piece.paths) for piece in chunk}) == 1 for chunk in chunks)


def arrived(before: Chunks, after: Chunks) -> list[tuple[Piece, ...]]:
    """Give the chunks of a version that the one before it has not; what stayed is the same."""
    known = {tuple(map(id, chunk)) for chunk in before}
    return [chunk for chunk in after if tuple(map(id, chunk)) not in known]


def cost(before: Chunks, after: Chunks) -> int:
    """Count the tokens that a push costs."""
    return sum(tokens(piece.text) for chunk in arrived(before, after) for piece in chunk)


@given(changes(), st.data())
@settings(max_examples=200)
def test_an_edit_moves_no_boundary_but_those_of_its_chunk(
    pieces: list[Piece], data: st.DataObject
) -> None:
    """A piece of another size may cut its chunk, or join it with others; the rest stays."""
    place = data.draw(st.integers(0, len(pieces) - 1))
    other = replace(pieces[place], text="!" * data.draw(st.integers(1, 160)))

    before, after = short(pieces), short([*pieces[:place], other, *pieces[place + 1 :]])
    went, came = arrived(after, before), arrived(before, after)

    units = [
        sorted((p.unit.file, p.unit.hunk) for chunk in one for p in chunk) for one in (went, came)
    ]
    assert units[0] == units[1]
    assert len(went) == 1 or len(came) == 1
    assert any(other is piece for chunk in came for piece in chunk)


@given(changes(), PATHS.map(lambda path: f"{path[0]}/new_{path}"), st.integers(1, 90))
@settings(max_examples=200)
def test_a_file_that_comes_or_goes_costs_two_chunks_at_most(
    pieces: list[Piece], path: str, length: int
) -> None:
    """What is shown anew besides the file has room in two chunks, however large the change is."""
    new = replace(hunk(path, ["x"], file=99), text="+" * length)
    without, with_it = short(pieces), short([*pieces, new])

    assert sum(map(size, arrived(without, with_it))) <= 2 * 100 + length
    assert sum(map(size, arrived(with_it, without))) <= 2 * 100


@pytest.mark.parametrize(("files", "share"), [(50, 0.10), (1_000, 0.01)])
def test_a_push_of_one_line_costs_a_small_share_of_the_first_review(
    files: int, share: float
) -> None:
    """At most a tenth for 50 files, and a hundredth for 1,000 (promise 3, P7)."""
    pieces = made_change(files)
    before = packed(pieces)
    first = sum(tokens(piece.text) for piece in pieces)
    places = range(0, len(pieces), len(pieces) // 30)

    costs = []
    for place in places:
        other = edited(pieces[place], "    total = price")
        after = packed([*pieces[:place], other, *pieces[place + 1 :]])
        costs.append(cost(before, after))

    assert all(cost > 0 for cost in costs)
    assert max(costs) <= share * first


@pytest.mark.parametrize(("files", "share"), [(50, 0.10), (1_000, 0.01)])
@pytest.mark.parametrize("push", ["added", "deleted", "renamed"])
def test_a_push_of_a_file_costs_a_small_share_on_average(
    files: int, share: float, push: str
) -> None:
    """A file that comes, goes or moves is shown anew with what shares its chunk."""
    pieces = made_change(files)
    first = sum(tokens(piece.text) for piece in pieces)
    whole = packed(pieces)
    costs = []
    for file in range(0, files, files // 10):
        own = [piece for piece in pieces if piece.unit.file == file]
        rest = [piece for piece in pieces if piece.unit.file != file]
        moved = [renamed(piece, f"src/api/moved_{file}.py") for piece in own]
        match push:
            case "added":
                costs.append(cost(packed(rest), whole))
            case "deleted":
                costs.append(cost(whole, packed(rest)))
            case _:
                costs.append(cost(whole, packed([*rest, *moved])))

    assert sum(costs) / len(costs) <= share * first


def test_a_hunk_before_others_leaves_their_chunks() -> None:
    """Numbers of hunks count for nothing: a hunk above all of a long file moves no boundary."""
    lines = [[f"line {number} {place}" for place in range(8)] for number in range(60)]
    before = packed([hunk("a.py", one, number=place) for place, one in enumerate(lines)], 400)
    more = [["first"] * 8, *lines]
    after = packed([hunk("a.py", one, number=place) for place, one in enumerate(more)], 400)

    def texts(chunks: Chunks) -> set[str]:
        return {"\n".join(piece.text for piece in chunk) for chunk in chunks}

    assert len(before) > 10
    assert len(texts(after) - texts(before)) <= 2


@pytest.mark.parametrize(
    ("module", "other"),
    [
        ("src/shop/cart/price.py", "tests/unit/cart/test_price.py"),
        ("shop/cart/price.py", "shop/cart/tests/test_price.py"),
        ("shop/price.py", "tests/test_price.py"),
        ("pkg/server/price.go", "pkg/server/price_test.go"),
        ("web/cart/Price.tsx", "web/cart/__tests__/Price.test.tsx"),
        ("web/cart/price.service.ts", "web/cart/price.service.spec.ts"),
        ("src/main/java/shop/Price.java", "src/test/java/shop/PriceTest.java"),
        ("app/models/price.rb", "spec/models/price_spec.rb"),
        ("src/price.c", "include/shop/price.h"),
        ("lib/cart/price.cpp", "lib/cart/price.hpp"),
        ("shop/price.py", "shop/price.pyi"),
        ("web/price.js", "types/web/price.d.ts"),
    ],
)
def test_a_module_stands_beside_its_test_and_its_header(module: str, other: str) -> None:
    """They share a chunk though many files lie between them."""
    between = [f"{letter}/{name}.py" for letter in "abmnqsz" for name in "abcd"]
    pieces = [
        replace(hunk(path, ["x"], file=file), text="x" * 40)
        for file, path in enumerate([module, *between, other])
    ]

    together = next(one for one in paths_of(short(pieces)) if module in one)

    assert together[together.index(module) + 1] == other


@pytest.mark.parametrize(
    "others",
    [
        ("one/price.py", "two/price.py"),  # two that fit
        ("shop/price.js",),  # another language
        ("shop/cart/prices.py",),  # another name
        ("shop/basket/price.py",),  # another directory
    ],
)
def test_a_test_stays_at_home_where_nothing_fits_alone(others: tuple[str, ...]) -> None:
    """It stands beside what is in its own directory."""
    test = "tests/test_price.py" if len(others) == 2 else "tests/cart/test_price.py"
    beside = test.replace("price", "rice")
    paths = [*others, *(f"{name}/x.py" for name in "abmnqu"), test, beside]
    pieces = [replace(hunk(path, ["x"]), text="x" * 40) for path in paths]

    together = next(one for one in paths_of(short(pieces)) if test in one)

    assert together[-2:] == (test, beside)


def test_a_directory_stays_whole_where_it_fits() -> None:
    """Runs are cut between directories before they are cut in one."""
    paths = [f"{folder}/{name}.py" for folder in "abcdefgh" for name in "vwxyz"]
    pieces = [replace(hunk(path, ["x"], file=0), text="x" * 18) for path in paths]

    found = paths_of(short(pieces))

    assert sorted(found) == [tuple(f"{f}/{n}.py" for n in "vwxyz") for f in "abcdefgh"]


def test_the_riskiest_chunk_is_first() -> None:
    """What guards something, then code, then tests, then words; the larger first, then by path."""
    sizes = {
        "docs/auth.md": 99,
        "tests/test_login.py": 98,
        "shop/a.py": 70,
        "shop/b.py": 80,
        "shop/c.py": 70,
        "shop/sessions.py": 60,
        "web/OAuthClient.ts": 61,
        ".github/workflows/build.yml": 62,
        "db/migrations/0007_users.py": 63,
        "requirements.txt": 64,
    }
    pieces = [replace(hunk(path, ["x"]), text="x" * length) for path, length in sizes.items()]

    assert [path for (path,) in paths_of(short(pieces))] == [
        "db/migrations/0007_users.py",
        ".github/workflows/build.yml",
        "web/OAuthClient.ts",
        "shop/sessions.py",
        "shop/b.py",
        "shop/a.py",
        "shop/c.py",
        "requirements.txt",
        "tests/test_login.py",
        "docs/auth.md",
    ]


def test_nothing_to_pack_is_no_chunk() -> None:
    """A change of which models are shown nothing has no chunks."""
    assert short([]) == ()


@pytest.mark.parametrize("name", ["usual", "deep", "alike", "one-file"])
def test_the_cost_grows_with_the_pieces(name: str) -> None:
    """Four times the pieces take about four times as long, also of names made to be slow."""

    def pieces(count: int) -> list[Piece]:
        match name:
            case "usual":
                return made_change(count // 3)
            case "deep":
                return [hunk(f"{'a/' * 50}{number}.py", ["x"]) for number in range(count)]
            case "alike":
                half = [f"p{number}/src/x.py" for number in range(count // 2)]
                return [hunk(path, ["x"]) for path in [*half, *(f"tests/{one}" for one in half)]]
            case _:
                return [hunk("a.py", ["x"], number=number) for number in range(count)]

    def taken(made: list[Piece]) -> float:
        times = []
        for _ in range(3):
            began = time.process_time()
            short(made)
            times.append(time.process_time() - began)
        return min(times)

    small, large = pieces(900), pieces(3_600)

    # Four by itself; a cost that is quadratic would be sixteen.
    assert taken(large) / taken(small) < 9
