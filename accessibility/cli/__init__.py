"""The command line: reads its arguments, calls the library, prints; it holds no formula."""

from __future__ import annotations

import gc
import sys

import typer

from accessibility.cli import (
    border,
    build,
    compare,
    coverage,
    data,
    explain,
    gain,
    hours,
    isochrones,
    map,  # noqa: A004 - the name of the command
    measures,
    network,
    optimise,
    sensitivity,
    serve,
    simulate,
    surface,
    timeline,
    times,
    variants,
)
from accessibility.errors import AccessibilityError

app = typer.Typer(
    name="accessibility",
    help="Who can reach a public service by car, how fast, and where should the next one go?",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("coverage")(coverage.command)
app.command("times")(times.command)
app.command("compare")(compare.command)
app.command("isochrones")(isochrones.command)
app.command("surface")(surface.command)
app.command("simulate")(simulate.command)
app.command("gain")(gain.command)
app.command("explain")(explain.command)
app.command("map")(map.command)
app.command("optimise")(optimise.command)
app.command("optimize", hidden=True)(optimise.command)
app.command("measures")(measures.command)
app.command("hours")(hours.command)
app.command("timeline")(timeline.command)
app.command("variants")(variants.command)
app.command("sensitivity")(sensitivity.command)
app.command("border")(border.command)
app.command("serve")(serve.command)
app.command("network")(network.command)
app.command("build")(build.command)
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        import accessibility

        typer.echo(f"accessibility-toolkit {accessibility.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line; a known error is one sentence and exit code 1."""
    # what the libraries make when they are loaded stays; looking it through is a tenth of a start
    gc.set_threshold(50_000, 20, 100)
    try:
        app()
    except AccessibilityError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
