"""The command line: every command declared with click alone, so that help and completion are instant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from hustings.commands.backtests import implied, lookahead, orders, placebo, run, study, sweep
from hustings.commands.data import data
from hustings.commands.events import events
from hustings.commands.options import CommandGroup
from hustings.commands.results import compare, prereg, report, runs, trials
from hustings.commands.tools import completion, new, strategies


class ClosedPipeError(Exception):
    """The reader of stdout (``head``, say) has closed it: this is no failure, and nothing more is to be done."""


@contextmanager
def _closed_pipe() -> Iterator[None]:
    """Raise ClosedPipeError for a closed pipe: click itself would exit with 1, as for a failed check."""
    try:
        yield
    except BrokenPipeError as e:
        raise ClosedPipeError from e


class _Hustings(CommandGroup):
    """The whole command line: it keeps a closed pipe apart from a failed check."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with _closed_pipe():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _closed_pipe():
            return super().invoke(ctx)


@click.group(
    cls=_Hustings,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True},
    epilog="Try: hustings run pro-growth-win",
)
@click.version_option(package_name="hustings", prog_name="hustings")
def cli() -> None:
    """Backtest political-event trading strategies, and report what a few events can support."""


for _command in (
    run,
    lookahead,
    study,
    placebo,
    implied,
    orders,
    report,
    sweep,
    compare,
    strategies,
    events,
    data,
    runs,
    trials,
    prereg,
):
    cli.add_command(_command)
cli.add_command(new)
cli.add_command(completion)
