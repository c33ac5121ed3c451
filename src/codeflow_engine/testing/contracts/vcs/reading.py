"""What a host gives for files: their bytes as they are stored, or a reason."""

from __future__ import annotations

from pathlib import PurePosixPath

from codeflow_engine.contracts import VCS
from codeflow_engine.domain.diff import Side
from codeflow_engine.sandbox import Sandbox
from codeflow_engine.testing.contracts.vcs.asking import fetch, read
from codeflow_engine.testing.contracts.vcs.published import Publish, example_of
from codeflow_engine.testing.examples import LINK, SUBMODULE, TOGETHER, named, together

__all__ = ["ReadTests"]

_NOWHERE = "no/such/file-in-any-repository.py"
_NESTED = together("nested", [named(name) for name in ("submodule", "new-file", "directories")])
_OUTSIDE = (
    *("../outside", "/etc/passwd", "a/../../b", ".git/config", ".git/HEAD", "", ".", "/"),
    *("-x", "--output=owned", ":(top)*", "a\0b", "\udcff", "x" * 5_000),
)
"""Names that are no files of a tree, and that a program could take for something else."""


class ReadTests:
    """Tests of `read_files`."""

    async def test_it_reads_files_of_both_sides(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Changed or not, the bytes and the mode are those that the repository stores."""
        given = await publish(TOGETHER)
        example = example_of(given)
        change = await fetch(backend, given, sandbox)

        for side, tree in ((Side.OLD, example.base), (Side.NEW, example.head)):
            found = await read(backend, change, [*tree], sandbox, side=side)
            for file in found:
                expected = example.read(file.path, side)
                if expected.content is not None:
                    told = f"{file.path!r} on the {side} side"
                    assert file.content == expected.content, f"{told}: {file.reason}"
                    assert file.mode in {None, expected.mode}, told

    async def test_answers_come_in_the_order_of_the_paths(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """One for each path, also for one that is asked for twice, and none for none."""
        given = await publish(named("rename"))
        change = await fetch(backend, given, sandbox)
        paths = [file.path for file in change.diff.files][:10]
        asked = [*reversed(paths), _NOWHERE, *paths]

        found = await read(backend, change, asked, sandbox)
        none = await read(backend, change, [], sandbox)

        assert [file.path for file in found] == asked
        assert none == ()

    async def test_a_file_that_is_absent_does_not_exist(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """It has a reason, and nothing else of a file; it alone has `exists` unset."""
        given = await publish(TOGETHER)
        change = await fetch(backend, given, sandbox)
        asked = {Side.OLD: [_NOWHERE], Side.NEW: [_NOWHERE]}
        if given.example is not None:
            for side, paths in asked.items():
                every = [*given.example.base, *given.example.head]
                paths += [path for path in every if not given.example.read(path, side).exists]

        for side, paths in asked.items():
            for file in await read(backend, change, paths, sandbox, side=side):
                told = f"{file.path!r} on the {side} side"
                assert file.content is None, told
                assert not file.exists, told
                assert file.reason, told

    async def test_a_file_that_is_too_large_has_a_reason(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """It exists, and its content is not there; one that just fits is given."""
        given = await publish(named("edit"))
        path, size = "shop/till.py", len(example_of(given).head["shop/till.py"].content)
        change = await fetch(backend, given, sandbox)

        (large,) = await read(backend, change, [path], sandbox, limit=size - 1)
        (fits,) = await read(backend, change, [path], sandbox, limit=size)

        assert (large.content, large.exists) == (None, True)
        assert large.reason
        assert fits.content is not None

    async def test_what_is_no_file_has_a_reason(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """A directory and a submodule exist, and have no content."""
        given = await publish(_NESTED)
        tree = example_of(given).head
        directories = {str(place) for path in tree for place in PurePosixPath(path).parents}
        asked = sorted(directories - {"."})
        asked += [path for path, file in tree.items() if file.mode == SUBMODULE]
        change = await fetch(backend, given, sandbox)

        for file in await read(backend, change, asked, sandbox):
            assert file.content is None, f"{file.path} is no file"
            assert file.exists, f"{file.path} is there"
            assert file.reason, f"no reason is given for {file.path}"

    async def test_a_link_is_not_followed(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Its content is where it leads, and its mode says that it is one."""
        given = await publish(named("links"))
        tree = example_of(given).head
        links = [path for path, file in tree.items() if file.mode == LINK]
        change = await fetch(backend, given, sandbox)

        for file in await read(backend, change, links, sandbox):
            assert file.content == tree[file.path].content, f"{file.path}: {file.reason}"
            assert file.mode == LINK, file.path

    async def test_odd_names_are_names(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Dashes, patterns and quotes name one file each, and so do two forms of a letter."""
        given = await publish(named("odd-names"))
        example = example_of(given)
        change = await fetch(backend, given, sandbox)

        for side, tree in ((Side.OLD, example.base), (Side.NEW, example.head)):
            for file in await read(backend, change, [*tree], sandbox, side=side):
                assert file.content == tree[file.path].content, f"{file.path!r}: {file.reason}"

    async def test_names_that_lead_out_give_nothing(
        self, backend: VCS, sandbox: Sandbox, publish: Publish
    ) -> None:
        """Whoever asks, no content from outside of the tree comes back, and no error."""
        given = await publish(named("edit"))
        change = await fetch(backend, given, sandbox)

        for side in Side:
            for file in await read(backend, change, _OUTSIDE, sandbox, side=side):
                assert file.content is None, f"{file.path[:20]!r} is no file of the change"
                assert file.reason, f"no reason is given for {file.path[:20]!r}"
