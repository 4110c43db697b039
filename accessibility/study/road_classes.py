"""Of which class of road each edge of a study's network is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from accessibility.errors import InputError
from accessibility.study import bundle
from accessibility.study.study import Study

CLASSES = (
    "motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential",
    "living_street", "service", "other",
)  # fmt: skip
"""Values of the tag highway; links go with their road, everything else is other."""


def edge_classes(study: Study) -> npt.NDArray[np.signedinteger[Any]]:
    """Class of each edge of the network, as a row of `CLASSES`.

    Reads one column of the roads table, unless the whole of it is at hand.

    Examples
    --------
    >>> import accessibility as acc
    >>> jura = acc.load_study("jura")
    >>> len(edge_classes(jura)) == len(jura.network.edge_ms)
    True
    """
    if "roads" in vars(study):
        tag = study.roads.roads["highway"]
    else:
        path = study.folder / bundle.ROADS
        try:
            tag = pd.read_parquet(path, columns=["highway"])["highway"]
        except (OSError, ValueError) as error:
            raise InputError(f"the roads {path} cannot be read ({error}): build the study "
                             "again.") from error  # fmt: skip
    code, names = pd.factorize(tag)
    place = {name: row for row, name in enumerate(CLASSES)}
    other = place["other"]
    found = [place.get(str(name).removesuffix("_link"), other) for name in names]
    # roads without the tag, such as ferries, have the code -1: the last
    of_code = np.array([*found, other], dtype=np.int32)
    network = study.network
    kinds: npt.NDArray[np.signedinteger[Any]] = of_code[
        code[network.segment_road[network.edge_segment]]
    ]
    return kinds
