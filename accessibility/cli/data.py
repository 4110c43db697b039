"""`accessibility data`: the files of the publishers, listed, downloaded, compared and found."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accessibility.cli.options import OverwriteOption, say
from accessibility.errors import InputError, MissingInputError, first_of

if TYPE_CHECKING:
    from accessibility.inputs.catalogue import Dataset
    from accessibility.inputs.download import Advance

app = typer.Typer(
    help="The files of the publishers: list, download, verify, where.\n\n"
    "Example: accessibility data download --departement 25",
    no_args_is_help=True,
    rich_markup_mode=None,
)

KeysArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[DATASET]...", help="Keys that list names.")
]
DepartementOption = Annotated[
    str | None, typer.Option(help="Code of the département: 39, 2A, 971.")
]
InputsOption = Annotated[
    Path | None,
    typer.Option(help="Folder of the upstream files; else one that all studies share."),
]


@app.command("list")
def list_datasets(
    departement: DepartementOption = None,
    inputs: InputsOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON alone to standard output.")
    ] = False,
) -> None:
    """The datasets of the catalogue, and which of them are there.

    Example: accessibility data list --departement 25
    """
    folder = _folder(inputs)
    known = [d for d in _all(departement) if departement is None or d.covers(departement)]
    there = [(folder / d.file).is_file() for d in known]
    if as_json:
        rows = [{**asdict(d), "present": p} for d, p in zip(known, there, strict=True)]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = [("KEY", "TITLE", "PUBLISHER", "VINTAGE", "EXTENT", "PRESENT")]
    for data, present in zip(known, there, strict=True):
        had = "yes" if present else "no" if data.url else "no, not to be downloaded"
        table.append(
            (
                data.key,
                data.title,
                data.publisher,
                data.vintage or "-",
                first_of(data.extent, 4),
                had,
            )
        )
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command()
def download(
    keys: KeysArgument = None,
    departement: DepartementOption = None,
    inputs: InputsOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Download datasets: those named, or all that a study of a département needs.

    A download that stopped goes on where it stopped.

    Example: accessibility data download --departement 25 --inputs inputs

    Example: accessibility data download osm_bourgogne osm_switzerland
    """
    from accessibility.inputs.catalogue import check_departement, dataset, locate, to_download
    from accessibility.inputs.download import fetch_all

    if not keys and departement is None:
        raise typer.BadParameter("name datasets, or give --departement.")
    folder = _folder(inputs)
    if departement is not None:
        check_departement(departement)
    wanted = (
        [dataset(key, departement) for key in dict.fromkeys(keys)]
        if keys
        else to_download(folder, departement or "", overwrite=overwrite)
    )
    with _bars() as advance:
        paths = fetch_all(wanted, folder, overwrite=overwrite, progress=_tell, advance=advance)
    for path in paths:
        typer.echo(path)
    if departement is not None and not keys:
        locate(folder, departement)  # says what is still lacking, and how it is had
        then = f"accessibility build --departement {departement} --inputs {folder} --out OUT"
        typer.echo(f"All there: {then}")


@app.command()
def verify(
    keys: KeysArgument = None, departement: DepartementOption = None, inputs: InputsOption = None
) -> None:
    """Compare the files that are there with their checksums.

    A file whose checksum nobody published is compared with its first download.

    Example: accessibility data verify --inputs ../shared/data
    """
    from accessibility.inputs.catalogue import dataset
    from accessibility.inputs.download import verify as compare

    folder = _folder(inputs)
    known = [dataset(key, departement) for key in keys] if keys else _all(departement)
    found = compare(known, folder)
    if not found:
        raise MissingInputError(f"no file of the catalogue is in {folder}.")
    for file, answer in found.items():
        typer.echo(f"{answer:<17}  {file}")
    wrong = [file for file, answer in found.items() if answer == "differs"]
    if wrong:
        raise InputError(
            f"{', '.join(wrong)} in {folder} {'differ' if len(wrong) > 1 else 'differs'} from what "
            "is expected: download again with --overwrite."
        )


@app.command()
def where(
    key: Annotated[
        str | None, typer.Argument(metavar="[DATASET]", help="Key that list names.")
    ] = None,
    departement: DepartementOption = None,
    inputs: InputsOption = None,
) -> None:
    """Print the path of the folder of upstream files, or of a dataset in it.

    Example: accessibility build --departement 25 --inputs "$(accessibility data where)" --out doubs

    Example: accessibility data where cog
    """
    from accessibility.inputs.catalogue import dataset

    folder = _folder(inputs)
    if key is None:
        typer.echo(folder)
        return
    data = dataset(key, departement)
    if not data.file:
        raise MissingInputError(f"{key} is no file of its own, but any of the osm_<region>.")
    typer.echo(folder / data.file)


def _folder(inputs: Path | None) -> Path:
    from accessibility.inputs.download import inputs_folder

    return inputs if inputs is not None else inputs_folder()


def _all(departement: str | None) -> list[Dataset]:
    from accessibility.inputs.catalogue import catalogue, check_departement

    known = [d for d in catalogue(everything=True).values() if d.file]
    return known if departement is None else [d.of(check_departement(departement)) for d in known]


def _tell(step: str) -> None:
    say(f"  {step} ...")


@contextmanager
def _bars() -> Iterator[Advance]:
    """Show on a terminal how far each download is."""
    if not sys.stderr.isatty():
        yield lambda dataset, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks = {}

        def advance(dataset: Dataset, done: int, total: int | None) -> None:
            if dataset.key not in tasks:
                tasks[dataset.key] = bars.add_task(dataset.key)
            bars.update(tasks[dataset.key], completed=done, total=total)

        yield advance
