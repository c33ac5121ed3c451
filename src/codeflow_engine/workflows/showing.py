"""What models are shown of a change: which files, in which chunks, and under which words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from codeflow_engine.contracts import Chunk, ModelGateway, Strategy
from codeflow_engine.domain.change import Change
from codeflow_engine.domain.diff import DiffFile, Side, Unit
from codeflow_engine.review.fence import chunk as fenced
from codeflow_engine.review.generated import ATTRIBUTES_NAME, generated
from codeflow_engine.review.pack import pack
from codeflow_engine.review.piece import Piece
from codeflow_engine.review.policy import RepositoryPolicy, render_rules
from codeflow_engine.review.repeated import Confidential
from codeflow_engine.review.show import Shown, show
from codeflow_engine.review.surround import surround
from codeflow_engine.runs.context import RunContext
from codeflow_engine.workflows.fetching import read_files
from codeflow_engine.workflows.review_input import ReviewInput
from codeflow_engine.workflows.sizing import fence_secret, sizes_of

__all__ = ["Chunked", "Frame", "frame_of", "look_for_unshown", "paths_of", "show_change"]

_MOST_DIRECTORIES: Final = 200


async def look_for_unshown(run: RunContext, change: Change, models: ModelGateway) -> dict[str, str]:
    """Find the files that models are not shown, with the reason.

    These are generated and vendored ones, as the base revision says or as their names do, and
    those that the host's rules withhold from every model.
    """
    attributes: list[tuple[str, bytes]] = []
    if change.base is not None:
        directories = await run.compute("list-directories", _directories, change)
        wanted = [
            f"{directory}/{ATTRIBUTES_NAME}" if directory else ATTRIBUTES_NAME
            for directory in directories
        ]
        files = await read_files(run, change, wanted, Side.OLD)
        attributes = [
            (directory, file.content)
            for directory, file in zip(directories, files, strict=True)
            if file.content is not None
        ]
    return await run.compute("name-unshown", _unshown, change, attributes, models)


def _directories(change: Change) -> list[str]:
    """List the directories that files of a change stand in, the upper ones first."""
    found = {up for file in change.diff.files for up in _above(file.path)}
    return sorted(found, key=_depth)[:_MOST_DIRECTORIES]


def _unshown(
    change: Change, attributes: Sequence[tuple[str, bytes]], models: ModelGateway
) -> dict[str, str]:
    """Give the files that models are not shown, by the path that they have now."""
    # The diff of a file that was moved shows what stood at its old place.
    moves = {paths_of(file) for file in change.diff.files}
    unshown = generated(sorted({paths[0] for paths in moves if paths}), attributes)
    for paths in sorted(moves):
        if paths and paths[0] not in unshown and not models.readers(paths):
            unshown[paths[0]] = "withheld from every model by the host's rules"
    return unshown


def paths_of(file: DiffFile) -> tuple[str, ...]:
    """Give the path of a file, and behind it the old one where that is another."""
    return tuple(dict.fromkeys(path for path in (file.path, file.old_path) if path))


def _above(path: str) -> Iterable[str]:
    """Give the directories that a path stands in; the top is an empty text."""
    parts = path.split("/")
    return ("/".join(parts[:end]) for end in range(len(parts)))


def _depth(directory: str) -> tuple[int, str]:
    return directory.count("/") + bool(directory), directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What all chunks of a change have in common."""

    models: ModelGateway
    strategy: Strategy
    instructions: str
    prompt: str
    room: int
    """Tokens of the text of a chunk."""

    answer: int
    """Tokens of an answer."""

    secret: bytes
    confidential: Confidential
    """The prompt alone: rules of the project are no secret to its people."""


async def frame_of(run: RunContext, given: ReviewInput, policy: RepositoryPolicy) -> Frame:
    """Find out what the models of a review are told, and how much they can be shown at once.

    Raises:
        ConfigurationError: One of them holds too little to be shown anything.
    """
    settings = run.tools.settings
    models = run.tools.models.select(given.llm)
    prompt = run.tools.prompts.get("inspect")
    instructions = prompt.fill(rules=render_rules(policy))
    sizes = await sizes_of(models, settings, wanted=settings.chunk_tokens, prompts=[instructions])
    return Frame(
        models=models,
        strategy=run.tools.backends.get(Strategy, settings.strategy),
        instructions=instructions,
        prompt=prompt.id,
        room=sizes.room,
        answer=sizes.answer,
        secret=fence_secret(settings),
        confidential=Confidential(prompt.fill(rules="")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunked:
    """What models are shown of a change, chunk by chunk."""

    shown: Shown
    around: Mapping[Unit, str]
    """Code near the hunks, as the files have it."""

    chunks: tuple[tuple[Chunk, tuple[Piece, ...]], ...]
    """In the order in which they are asked about, each with the pieces that it shows."""


async def show_change(
    run: RunContext, change: Change, units: tuple[Unit, ...], frame: Frame
) -> Chunked:
    """Write units as models are shown them, and put them into chunks."""
    around = dict(await run.step("surround", _surround, run, change, units))
    shown = await run.compute("show", _show, run, (change, units), around, frame)
    packed = await run.compute("pack", _pack, shown.pieces, frame)
    chunks = await run.compute("fence", _fence, packed, frame)
    return Chunked(shown=shown, around=around, chunks=chunks)


async def _surround(
    run: RunContext, change: Change, units: tuple[Unit, ...]
) -> tuple[tuple[Unit, str], ...]:
    around = await surround(units, change, partial(read_files, run, change), run.tools.sandbox)
    return tuple(around.items())


def _show(
    run: RunContext,
    what: tuple[Change, tuple[Unit, ...]],
    around: Mapping[Unit, str],
    frame: Frame,
) -> Shown:
    redactor, tokens = run.tools.redactor, frame.models.count
    return show(*what, redactor, around=around, most=frame.room, tokens=tokens)


def _pack(pieces: tuple[Piece, ...], frame: Frame) -> tuple[tuple[Piece, ...], ...]:
    models = frame.models
    return pack(pieces, tokens=models.count, room=frame.room, readers=models.readers)


def _fence(
    packed: Sequence[tuple[Piece, ...]], frame: Frame
) -> tuple[tuple[Chunk, tuple[Piece, ...]], ...]:
    made = []
    for pieces in packed:
        chunk = fenced(
            pieces,
            secret=frame.secret,
            instructions=frame.instructions,
            prompt=frame.prompt,
            max_output_tokens=frame.answer,
        )
        made.append((chunk, pieces))
    return tuple(made)
