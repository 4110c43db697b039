"""The extracts of a region, each read once: cuts of what lies around each département."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accessibility.inputs.cut import cut_extract
from accessibility.inputs.territory import buffered
from accessibility.study.region import Region
from accessibility.study.region_roads import MARGIN_KM

BESIDE_KM = 6.0
"""Cuts hold this much more than is read, so that no coast is missing at which roads end."""


def cut_extracts(
    region: Region, departements: Sequence[str], extracts: Sequence[Path], folder: Path
) -> None:
    """Write what each extract holds around each département; see `cuts_of`.

    Raises
    ------
    MissingInputError, InputError
        If an extract cannot be read.
    """
    rings = region.territories.set_geometry("ring")
    boxes = {
        code: buffered(rings.loc[[code]], MARGIN_KM + BESIDE_KM).bounds for code in departements
    }
    cuts = {code: cuts_of(code, extracts, folder) for code in departements}
    for number, extract in enumerate(extracts):
        cut_extract(extract, {cuts[code][number]: boxes[code] for code in departements})


def cuts_of(departement: str, extracts: Sequence[Path], folder: Path) -> list[Path]:
    """Where the cuts of extracts lie that a département is built from."""
    return [
        folder / departement / str(number) / f"{path.name.split('.osm')[0]}.osm.pbf"
        for number, path in enumerate(extracts)
    ]
