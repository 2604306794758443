"""The command group. Commands are imported when called, so that --help is instant."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

from datasets.errors import did_you_mean

_COMMANDS = {
    "run": "Replay a strategy over events and bars; write its tear sheet.",
    "lookahead": "Ask a strategy again without its future; exit 1 where it decides otherwise.",
    "study": "Say what a strategy's events can bear: power, tests, placebo dates.",
    "placebo": "Show a strategy's net P&L among those of dates on which nothing happened.",
    "report": "Make a run's tear sheet again; its tables; quantstats' numbers beside ours.",
    "sweep": "Try many combinations of a strategy's parameters; say what the best is worth.",
    "compare": "Put runs side by side in one page.",
    "strategies": "List the strategies, or show one with its parameters.",
    "events": "List, show, check and import political events.",
    "data": "Fetch, import, check, list and export prices.",
    "runs": "List, show and remove past runs; a page over all of them.",
    "trials": "List all that was ever tried; check that nothing was taken out.",
    "prereg": "Write down a hypothesis before its test; show whether it came first.",
    "new": "Write a strategy file with its test, ready to edit.",
    "completion": "Print the script that completes commands and values in your shell.",
}


class ReaderGoneError(Exception):
    """Whoever read the output (``head``, say) has closed it: no fault, and nothing more to do."""


@contextmanager
def _closed_pipe_told() -> Iterator[None]:
    """Give a closed pipe a name of its own: click itself would exit with 1, as for a check that failed."""
    try:
        yield
    except BrokenPipeError as e:
        raise ReaderGoneError from e


class _LazyGroup(click.Group):
    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with _closed_pipe_told():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _closed_pipe_told():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"hustings.commands.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            raise click.UsageError(
                f"unknown command '{args[0]}'{did_you_mean(args[0], _COMMANDS)}; 'hustings --help' shows them all"
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Try: hustings run pro-growth-win",
)
@click.version_option(version("hustings"), prog_name="hustings")
def cli() -> None:
    """Backtest political-event trading strategies: right about time, right about money, honest with few events."""
