"""The options name what the engine has: they are written out, so that --help imports nothing of it."""

import inspect
from importlib import import_module
from typing import get_args

import click
import pytest
from msgspec.structs import fields

from datasets.events.odds import ODDS
from datasets.events.odds_book import Margin
from datasets.prices.sources.providers import PROVIDERS
from engine.plan.costs import Terms
from engine.study.settings import Model, Scheme, Settings
from hustings import prereg
from hustings.cli import cli
from hustings.commands.options import HandledCommand


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Return every command by the words that name it."""
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in group.commands.items():
        found[*path, name] = command
        if isinstance(command, click.Group):
            found |= commands(command, (*path, name))
    return found


COMMANDS = commands()


def option(words: str, name: str) -> click.Parameter:
    """Return a parameter of a command."""
    return next(p for p in COMMANDS[tuple(words.split())].params if p.name == name)


def choices(words: str, name: str) -> list[str]:
    kind = option(words, name).type
    assert isinstance(kind, click.Choice)
    return list(kind.choices)


def test_choices_are_those_of_the_engine_and_the_datasets() -> None:
    schemes, models = [s.value for s in Scheme], [*(m.value for m in Model), "none"]
    assert choices("study", "placebo") == choices("placebo", "scheme") == schemes
    assert choices("study", "model") == choices("prereg write", "model") == models
    assert choices("events import-odds", "origin") == list(ODDS)
    assert choices("implied", "margin") == choices("events import-odds", "margin") == [m.value for m in Margin]
    assert option("data fetch", "source").metavar == "|".join(PROVIDERS)


def test_choices_of_a_preregistration_are_those_of_its_file() -> None:
    assert choices("prereg write", "statistic") == list(get_args(prereg.Statistic))
    assert sorted(choices("prereg write", "scheme")) == sorted(get_args(prereg.Scheme))
    assert choices("prereg write", "direction") == list(get_args(prereg.Direction))


@pytest.mark.parametrize("words", ["study", "placebo", "prereg write"])
def test_defaults_of_a_study_are_those_of_its_settings(words: str) -> None:
    settings = Settings()
    for name in ("draws", "seed", "alpha"):
        if (words, name) != ("placebo", "alpha"):
            assert option(words, name).default == getattr(settings, name)


@pytest.mark.parametrize("words", ["run", "study", "placebo", "sweep", "prereg write"])
def test_defaults_of_an_account_are_those_of_its_terms(words: str) -> None:
    for field in fields(Terms):
        typed = option(words, field.name)  # a field without a default of its own is None where nothing is typed
        assert field.default is None or typed.default == field.default


@pytest.mark.parametrize("words", [w for w, c in COMMANDS.items()], ids=" ".join)
def test_every_command_and_option_says_what_it_does(words: tuple[str, ...]) -> None:
    command = COMMANDS[words]
    assert command.help
    assert inspect.cleandoc(command.help).splitlines()[0].endswith((".", ":"))
    assert all(p.help for p in command.params if isinstance(p, click.Option))


HANDLED = {words: c for words, c in COMMANDS.items() if isinstance(c, HandledCommand)}


@pytest.mark.parametrize("words", HANDLED, ids=" ".join)
def test_every_handler_takes_what_is_typed(words: tuple[str, ...]) -> None:
    """Names that a handler passes on as ``**typed`` are fields of the options it builds."""
    command = HANDLED[words]
    module, function = command.handler.split(":")
    handler = inspect.signature(getattr(import_module(f"hustings.handlers.{module}"), function))
    typed = {p.name for p in command.params} - {"as_json"}  # which the command keeps
    named = {p.name for p in handler.parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert named <= typed
    assert named == typed or any(p.kind is p.VAR_KEYWORD for p in handler.parameters.values())


def test_every_command_prints_json() -> None:
    alone = {words for words, c in COMMANDS.items() if not isinstance(c, HandledCommand | click.Group)}
    assert not alone
    assert all("as_json" in {p.name for p in c.params} for c in HANDLED.values())
