"""Models on the command line: their names, whether they answer, and what they would be sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from codeflow_engine.reports.prose import count

if TYPE_CHECKING:
    from decimal import Decimal

    from codeflow_engine.domain.model import Trial
    from codeflow_engine.domain.preview import ChangePreview, FilePreview

__all__ = ["Models", "dry_run", "told"]

Models = Annotated[
    list[str] | None,
    typer.Option(
        "--llm",
        metavar="MODEL",
        help="Name a model, such as openai:gpt-5.1; may be repeated, in the order of asking. "
        "[default: as in the settings]",
    ),
]


def told(trial: Trial) -> str:
    """Say how it went to ask a model."""
    place = "" if trial.endpoint is None else f" at {trial.endpoint}"
    if trial.error is not None:
        return f"{trial.model}{place}: {trial.error}"
    seconds = f"in {trial.seconds:.1f} s"
    return f"{trial.model}{place}: {trial.answered_by} answered {seconds}, {_money(trial.cost_usd)}"


def dry_run(preview: ChangePreview) -> Iterator[tuple[str, str, str, str]]:
    """Give the rows of a table of what would be sent: tokens, cost, to whom, and the file."""
    for file in preview.files:
        if file.models:
            cost = _money(file.most_usd)
            yield f"{file.tokens:,}", cost, file.models[0], file.path + _notes(file)
        else:
            yield "", "", "nobody", file.path + _notes(file)
    beside = preview.tokens - sum(file.tokens for file in preview.files)
    if beside > 0:
        yield f"{beside:,}", "", "", "what questions say beside that"
    yield f"{preview.tokens:,}", _money(preview.most_usd), "in all", _summary(preview)


def _notes(file: FilePreview) -> str:
    notes = [f"{count(file.secrets, 'secret')} left out"] if file.secrets else []
    notes += [file.reason] if file.reason else []
    return f" ({'; '.join(notes)})" if notes else ""


def _summary(preview: ChangePreview) -> str:
    shown = sum(bool(file.models) for file in preview.files)
    answered = sum(one.is_answered for one in preview.questions)
    known = f", {answered} of them answered already" if answered else ""
    return (
        f"{shown} of {count(len(preview.files), 'file')} in "
        f"{count(len(preview.questions), 'question')}{known}; at most, with answers"
    )


def _money(usd: Decimal | None) -> str:
    return "cost not known" if usd is None else f"{usd:.4f} USD"
