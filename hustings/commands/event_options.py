"""Options that several of the commands under 'hustings events' take."""

from pathlib import Path

import click

FILE = click.Path(path_type=Path)
events_option = click.option(
    "--events", "source", type=FILE, metavar="FILE|DIR", help="Events in place of the bundled ones."
)
labels_option = click.option(
    "--labels", "coded", type=FILE, metavar="FILE", help="A second coder's labels in place of the events' own."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
