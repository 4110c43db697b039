"""OSRM, asked what its peers are asked; runs in the Python 3.12 of `requirements-osrm.txt`.

    python peers_osrm.py QUESTION OUT CH|MLD

See `peers_harness.py`. OSRM has no search from several places at once and tells no reach: the
nearest site is the least of a table. It is called in this process, with no server between.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import osrm
from osrm_table import prepare
from peers_harness import Asked, Engine, Question, run

Places = list[list[float]]


def ready(asked: Asked, folder: Path) -> Engine:
    """Prepare the extract, open it."""
    base = prepare(Path(asked["extract"]), folder, [], algorithm=sys.argv[3])
    engine = osrm.OSRM(storage_config=str(base), algorithm=sys.argv[3], use_shared_memory=False)

    def between(origins: Places, destinations: Places) -> Any:
        places = [tuple(place) for place in (*origins, *destinations)]
        answer = engine.Table(
            osrm.TableParameters(
                coordinates=places,
                sources=list(range(len(origins))),
                destinations=list(range(len(origins), len(places))),
                annotations=["duration"],
            )
        )
        return answer["durations"]

    def rows(durations: Any) -> list[list[float | None]]:
        return [list(row) for row in durations]

    communes, sites = asked["communes"], asked["sites"]
    return Engine(
        version("osrm-bindings"),
        {
            "nearest": Question(lambda: [min(row) for row in rows(between(communes, sites))]),
            "added": Question(
                lambda: between(communes, asked["added"]), lambda found: [row[0] for row in found]
            ),
            "sites": Question(lambda: between(communes, sites), rows),
            "communes": Question(lambda: between(communes, communes), rows),
        },
    )


if __name__ == "__main__":
    run(ready)
