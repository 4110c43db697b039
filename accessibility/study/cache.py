"""A network is built from a study's roads once, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

import accessibility
from accessibility.atomic import write_whole
from accessibility.errors import InputError, MissingInputError, OutputError
from accessibility.network.graph import FORMAT, RoadNetwork
from accessibility.network.profile import Profile
from accessibility.study.bundle import NODES, RESTRICTIONS, ROADS


def network_folder(
    study: Path,
    profile: Profile,
    metric_crs: str,
    *,
    tables: Sequence[Path] | None = None,
    area: bytes = b"",
) -> Path:
    """Where the network of these very roads under this profile is kept.

    The key is made of the bytes of the road tables, the values of the profile and the metric
    CRS, so that a change of any is another network. The tables are the study's own unless others
    are given, and the area for which roads are taken from these.
    """
    facts = (accessibility.__version__, FORMAT, profile.name, profile.digest, metric_crs)
    digest = hashlib.sha256(" ".join(map(str, facts)).encode())
    for table in tables or [study / name for name in (ROADS, NODES, RESTRICTIONS)]:
        try:
            digest.update(table.read_bytes())
        except OSError as error:
            raise MissingInputError(
                f"{table} cannot be read ({error.strerror}): build it again."
            ) from error
    digest.update(area)
    return user_cache_path("accessibility-toolkit") / "networks" / digest.hexdigest()[:32]


def cached_network(folder: Path) -> RoadNetwork | None:
    """The kept network; none where it is absent or not whole."""
    try:
        return RoadNetwork.load(folder)
    except InputError:
        return None


def keep_network(network: RoadNetwork, folder: Path) -> RoadNetwork:
    """Keep a network and open it memory-mapped; where nothing can be kept, say so and go on."""
    try:
        write_whole(folder, network.save, overwrite=True)
    except OutputError as error:
        print(f"The network is not kept for the next run: {error}", file=sys.stderr)
        return network
    return RoadNetwork.load(folder)
