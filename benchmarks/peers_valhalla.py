"""Valhalla, asked what its peers are asked; runs in the Python of `requirements-valhalla.txt`.

See `peers_harness.py`. The nearest site is the least of a matrix: there is no search from several
places at once.
"""

from __future__ import annotations

from pathlib import Path

import valhalla
from peers_harness import Asked, Engine, Question, run
from valhalla_isochrones import Place, area, matrix, prepare


def ready(asked: Asked, folder: Path) -> Engine:
    """Build the tiles, open them."""
    actor = prepare(Path(asked["extract"]), folder)
    communes, sites = asked["communes"], asked["sites"]

    def nearest() -> list[int | None]:
        found = ([s for s in row if s is not None] for row in matrix(actor, communes, sites))
        return [min(row, default=None) for row in found]

    def draw(site: Place) -> dict[str, object]:
        return area(actor, site, asked["minutes"])

    return Engine(
        valhalla.__version__,
        {
            "drawn": Question(lambda: [draw(site) for site in sites], len),
            "nearest": Question(nearest),
            "added": Question(
                lambda: matrix(actor, communes, asked["added"]),
                lambda found: [row[0] for row in found],
            ),
            "sites": Question(lambda: matrix(actor, communes, sites)),
            "communes": Question(lambda: matrix(actor, communes, communes)),
        },
    )


if __name__ == "__main__":
    run(ready)
