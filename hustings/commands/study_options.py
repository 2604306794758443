"""Options of the commands that study a run, gathered into one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError
from engine.statistics.abnormal import Model
from engine.study.settings import EventWindow, Scheme, Settings

NO_MODEL = "none"
_DEFAULT = Settings()


@dataclass(frozen=True)
class StudyOptions:
    """What was typed of a study."""

    windows: tuple[str, ...]
    model: str
    placebo: str
    draws: int
    seed: int
    alpha: float
    other_labels: Path | None
    prereg: Path | None
    all_tests: bool

    def settings(self) -> Settings:
        """Return how the study is made.

        Raises:
            UserError: a window, a number of draws, a seed or a level that cannot be.
        """
        model = None if self.model == NO_MODEL else Model(self.model)
        windows = tuple(window_of(w) for w in self.windows)
        return Settings(model, Scheme(self.placebo), self.draws, self.seed, windows, self.alpha, self.all_tests)


def window_of(text: str) -> EventWindow:
    """Return an event window typed as ``A:B``.

    Raises:
        UserError: it is not one.
    """
    first, colon, last = text.partition(":")
    try:
        return EventWindow(int(first), int(last if colon else first))
    except ValueError as e:
        raise UserError(f"--window is '{text}'; write two numbers of sessions, such as 0:5 or -1:1") from e


_OPTIONS = (
    click.option(
        "--window",
        "windows",
        multiple=True,
        metavar="A:B",
        help="Look at sessions A to B around the event too, 0 being the first after it (repeatable).",
    ),
    click.option(
        "--model",
        type=click.Choice([*(m.value for m in Model), NO_MODEL]),
        default="mean",
        show_default=True,
        help="What was to be expected without the event; the market models need --benchmark.",
    ),
    click.option(
        "--placebo",
        type=click.Choice([s.value for s in Scheme]),
        default=_DEFAULT.scheme.value,
        show_default=True,
        help="How placebo dates are chosen.",
    ),
    click.option("--draws", type=int, default=_DEFAULT.draws, show_default=True, help="Placebo lists, if drawn."),
    click.option("--seed", type=int, default=_DEFAULT.seed, show_default=True, help="Seed of the draws."),
    click.option("--alpha", type=float, default=_DEFAULT.alpha, show_default=True, help="Level of the tests."),
    click.option(
        "--other-labels",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Another coder's labels, to see what changes with them.",
    ),
    click.option("--all-tests", is_flag=True, help="Show the tests too that are not shown by default, and why."),
    click.option(
        "--prereg", type=click.Path(path_type=Path), metavar="FILE", help="What was registered before ('prereg write')."
    ),
)


def study_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a study; they reach it as one ``studying``."""

    @wraps(command)
    def gathered(**typed: Any) -> Any:
        ours = {f.name: typed.pop(f.name) for f in fields(StudyOptions)}
        return command(studying=StudyOptions(**ours), **typed)

    told: Callable[..., Any] = gathered
    for option in reversed(_OPTIONS):
        told = option(told)
    return told
