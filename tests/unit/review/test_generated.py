from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codeflow_engine.review.generated import generated

PARTS = ("a", "b", "ab", "x.y", "vendor", "go.sum")
TOKENS = ("a", "b", ".", "x", "*", "**", "?", "[ab]", "[!a]", "[", r"\a", "\\", "/", "vendor", "é")
WORDS = (
    *("linguist-generated", "-linguist-generated", "!linguist-generated"),
    *("linguist-generated=true", "linguist-generated=false", "linguist-generated=x"),
    *("linguist-vendored", "-linguist-vendored", "!linguist-vendored"),
    *("text", "-diff", "merge=ours", "binary", "=bad", "-", "--linguist-generated", "bad+name"),
)
LISTED = {"generated": "go.sum", "vendored": "vendor/"}
"""What the shipped list says of `PARTS`; one path can be on both."""

GAPS = st.sampled_from((" ", "\t", "  ", " \t "))

paths = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("/".join)
usual = st.sampled_from(("*", "a", "b", "ab", "vendor/**", "go.sum", "**/b", "*.y", "a/*", "/*"))
globs = usual | st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4).map("".join)


@st.composite
def lines(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from((*[""] * 9, "/", "!", "#", "[attr]"))) + draw(globs)
    # Other than its documentation says, git lets `**` cross directories in `/a**`, too.
    assume(not re.search(r"[^/*]\*\*", name))
    if draw(st.integers(0, 3)) == 0:
        name = f'"{name}"'
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
    gap = draw(GAPS)
    start, end = draw(st.sampled_from(("", "", " "))), draw(st.sampled_from(("", "", " ", "\r")))
    return f"{start}{name}{gap}{gap.join(words)}{end}"


attributes = st.lists(lines(), max_size=6).map("\n".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("attributes")
    subprocess.run(["git", "init", "--quiet", str(path)], check=True)
    (path / "a").mkdir()
    return path


def ask_git(repository: Path, files: dict[str, str], asked: list[str]) -> list[tuple[str, str]]:
    """Ask git for both attributes of each path."""
    for directory, content in files.items():
        (repository / directory / ".gitattributes").write_bytes(content.encode())
    names = ("linguist-generated", "linguist-vendored")
    answer = subprocess.run(
        ["git", "check-attr", "-z", "--stdin", *names],
        cwd=repository,
        input="".join(f"{path}\0" for path in asked).encode(),
        capture_output=True,
        check=True,
    )
    values = answer.stdout.decode().split("\0")[2:-1:3]
    return list(zip(values[::2], values[1::2], strict=True))


def listed(path: str, name: str) -> bool:
    """Tell whether a name of the list is the file's, or a directory's above it."""
    above, _, last = path.rpartition("/")
    return name.removesuffix("/") in above.split("/") or name == last


@given(attributes, attributes, st.lists(paths, min_size=1, max_size=8, unique=True))
@settings(max_examples=100, deadline=None)
def test_attributes_mean_what_they_mean_to_git(
    repository: Path, top: str, nested: str, asked: list[str]
) -> None:
    """For random files, git finds the same ones marked, unmarked, and not spoken of."""
    files = {"": top, "a": nested}
    expected = {}
    for path, values in zip(asked, ask_git(repository, files, asked), strict=True):
        for (kind, name), value in zip(LISTED.items(), values, strict=True):
            if value not in {"unset", "unspecified", "false"}:
                expected[path] = f"{kind}: linguist"
            elif value == "unspecified" and listed(path, name):
                expected[path] = f"{kind}: {name!r}"
            if path in expected:
                break

    found = generated(asked, [(name, content.encode()) for name, content in files.items()])

    assert {path: reason.split("-")[0] for path, reason in found.items()} == expected


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("web/package-lock.json", "generated: 'package-lock.json'"),
        ("go.sum", "generated: 'go.sum'"),
        ("web/app.min.js", "generated: '*.min.js'"),
        ("web/app.js.map", "generated: '*.js.map'"),
        ("api/v1/shop.pb.go", "generated: '*.pb.go'"),
        ("api/shop_pb2.py", "generated: '*_pb2.py'"),
        ("web/__snapshots__/a.ts", "generated: '__snapshots__/'"),
        ("web/node_modules/x/index.js", "vendored: 'node_modules/'"),
        ("vendor/github.com/x/y.go", "vendored: 'vendor/'"),
        ("lib/third_party/zlib/a.c", "vendored: 'third_party/'"),
        ("tools/.yarn/releases/yarn-4.cjs", "vendored: '**/.yarn/releases/'"),
    ],
)
def test_what_the_list_knows_has_its_pattern_as_the_reason(path: str, reason: str) -> None:
    """Lock files, minified and compiled ones, snapshots and copies, at any depth."""
    assert generated([path]) == {path: reason}


@pytest.mark.parametrize(
    "path",
    [
        *("package.json", "pyproject.toml", "vendor.py", "src/vendors/a.py", "shop/go.summary"),
        *("map.js", "maps/world.map", "admin.js", "shop/pb.go", "generated.py", "dist/index.js"),
        *(".github/workflows/ci.yml", "gradlew", "Makefile", ".gitattributes", "lock.py"),
    ],
)
def test_what_people_write_is_no_generated_file(path: str) -> None:
    """Names that are near those of the list, and what runs on a machine or a pipeline."""
    assert generated([path]) == {}


def test_a_repository_says_more_than_the_list() -> None:
    """It marks files of its own, and takes others back, each kind for itself."""
    attributes = b"""src/schema.py linguist-generated
vendor/ours/** -linguist-vendored
yarn.lock linguist-generated=false
libs/** linguist-vendored=true
"""
    asked = ["src/schema.py", "vendor/ours/a.py", "vendor/other/a.py", "yarn.lock", "libs/x/a.py"]

    assert generated([*asked, "vendor/ours/a.pb.go"], [("", attributes)]) == {
        "src/schema.py": "generated: linguist-generated in .gitattributes of the base",
        "vendor/other/a.py": "vendored: 'vendor/'",
        "libs/x/a.py": "vendored: linguist-vendored in .gitattributes of the base",
        "vendor/ours/a.pb.go": "generated: '*.pb.go'",
    }


def test_the_nearest_file_wins_and_is_named() -> None:
    """Whatever the order in which the files are given; one beside the path counts for nothing."""
    attributes = [
        ("a/b", b"*.py -linguist-generated\n"),
        ("", b"*.py linguist-generated\n"),
        ("a", b"x.py linguist-generated\n"),
        ("ab", b"* linguist-generated\n"),
    ]

    assert generated(["a/b/x.py", "a/x.py", "a/c/x.py", "y.py", "abc/z.c"], attributes) == {
        "a/x.py": "generated: linguist-generated in a/.gitattributes of the base",
        "a/c/x.py": "generated: linguist-generated in a/.gitattributes of the base",
        "y.py": "generated: linguist-generated in .gitattributes of the base",
    }


def test_the_last_line_and_the_last_word_win() -> None:
    """What a line says of one kind leaves the other as it was; `!` gives it back to the list."""
    attributes = b"""*.py linguist-generated linguist-vendored
b.py -linguist-vendored
c.py linguist-generated -linguist-generated -linguist-vendored
go.sum -linguist-generated
x/go.sum !linguist-generated
"""

    assert generated(["a.py", "b.py", "c.py", "go.sum", "x/go.sum"], [("", attributes)]) == {
        "a.py": "generated: linguist-generated in .gitattributes of the base",
        "b.py": "generated: linguist-generated in .gitattributes of the base",
        "x/go.sum": "generated: 'go.sum'",
    }


def test_a_directory_alone_marks_no_file() -> None:
    """As in git: attributes are of files, and what is below a directory needs `/**`."""
    attributes = [("", b"made/ linguist-generated\nbuilt linguist-generated\n")]

    assert generated(["made/a.py", "built/a.py"], attributes) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"# a.py linguist-generated",
        b"!a.py linguist-generated",
        b"[attr]a.py linguist-generated",
        b"a.py linguist-generated bad+name",
        b"a.py" + b" " * 2048 + b"linguist-generated",
        b"[[:alpha:]].py linguist-generated",
        b"\xff\xfe\x00\x01 linguist-generated",
        b"linguist-generated",
        b"",
    ],
)
def test_a_line_that_says_nothing_is_passed_over(content: bytes) -> None:
    """What is not understood marks nothing, and the lines after it count."""
    assert generated(["a.py"], [("", content)]) == {}
    assert generated(["a.py"], [("", content + b"\na.py linguist-generated")]) != {}


def test_attributes_have_limits() -> None:
    """A file beyond them is passed over, so that its paths are shown; at the limit it counts."""
    rule = b"a.py linguist-generated\n"

    assert generated(["a.py"], [("", rule * 500)])
    assert not generated(["a.py"], [("", rule * 501)])
    assert generated(["a.py"], [("", rule.ljust(256 * 1024, b"\n"))])
    assert not generated(["a.py"], [("", rule.ljust(256 * 1024 + 1, b"\n"))])
    many = [(f"d{number:03}", b"*.py linguist-generated") for number in range(201)]
    assert "d199/a.py" not in generated(["d199/a.py"], many[:199])
    assert "d199/a.py" in generated(["d199/a.py", "d200/a.py"], many)
    assert "d200/a.py" not in generated(["d200/a.py"], many)


def test_no_name_and_no_pattern_takes_long() -> None:
    """Four times as long a name takes about four times as long, whatever the stars."""
    rules = [("", b"".join(b"%sb%d linguist-generated\n" % (b"*a" * 8, n) for n in range(20)))]

    def taken(length: int) -> float:
        times = []
        for _ in range(3):
            names = [f"{'a' * length}b{number}x" for number in range(100, 120)]
            began = time.process_time()
            generated(names, rules)
            times.append(time.process_time() - began)
        return min(times)

    # Four by itself; with backtracking one match alone outlasts the session.
    assert taken(16_000) / taken(4_000) < 9
