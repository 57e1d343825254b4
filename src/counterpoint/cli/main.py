"""The command ``counterpoint``: its verbs, and what a person sees when something cannot be done."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.text import Text

from counterpoint import __version__
from counterpoint.base import BadInput
from counterpoint.cli import (
    bandit,
    bench,
    check,
    decode,
    job,
    leaderboard,
    ledger,
    logical,
    optimise,
    quops,
    run,
    serve_machine,
    steer,
    surgery,
    train,
    verdict,
)

app = typer.Typer(
    name="counterpoint",
    help="AI keeps a quantum computer working, and says what it won beside its best rival.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(steer.steer)
app.command()(decode.decode)
app.command()(leaderboard.leaderboard)
app.command()(train.train)
app.command()(surgery.surgery)
app.command()(quops.quops)
app.command()(logical.logical)
app.command()(optimise.optimise)
app.command()(verdict.verdict)
app.command()(bandit.bandit)
app.command()(check.check)
app.command(name="serve-machine")(serve_machine.serve_machine)
app.add_typer(job.app, name="job")
app.add_typer(bench.app, name="bench")
app.add_typer(ledger.app, name="ledger")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line. Exit code 2 and one sentence where something given cannot be used."""
    try:
        app()
    except BadInput as problem:
        Console(stderr=True).print(Text.assemble(("counterpoint: ", "red"), str(problem)), soft_wrap=True)
        sys.exit(2)
