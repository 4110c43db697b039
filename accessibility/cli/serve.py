"""`accessibility serve`: a page in the browser where planners try sites out."""

from __future__ import annotations

from typing import Annotated

import typer

from accessibility.cli.map import Language
from accessibility.cli.options import StudyOption, prepare, say, waiting


def command(
    study: StudyOption = "jura",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes any that is free.")
    ] = 8039,
    host: Annotated[
        str, typer.Option(help="Address to listen on; this machine alone unless told otherwise.")
    ] = "127.0.0.1",
    lang: Annotated[
        Language | None, typer.Option(help="Language at first; the reader's own if absent.")
    ] = None,
) -> None:
    """Open a page on which sites are tried out: add, drag, close, and see who reaches one.

    It works with no internet and ends with Ctrl+C. What is done on it stays in the browser: in
    the page's address, and in the files that it saves.

    Example: accessibility serve --lang fr
    """
    import webbrowser

    from accessibility.study.study import load_study
    from accessibility.web.server import PageServer, is_loopback

    place = load_study(study)
    prepare(place)
    if not is_loopback(host):
        say(f"WARNING: everybody who reaches {host} on this network can use the page, without a "
            "password. It shows the study and computes; it reads no other file.")  # fmt: skip
    with waiting("Computing drive times"):
        server = PageServer(place, host=host, port=port, lang=None if lang is None else lang.value)
    typer.echo(f"The page: {server.address} (Ctrl+C ends it)")
    webbrowser.open(server.address)
    server.run()
