"""An area -> what a study takes from OpenStreetMap there, asked of an Overpass API.

The downloads of osmnx give neither turn restrictions nor land use nor places, so the query is
ours; whoever wants osmnx goes by `ox.graph_from_place` and `from_networkx`. The standard library
speaks HTTP well enough for one POST: requests would be one more dependency.

A bounding box is asked for, not the outline of the area. The header of an extract can state a box
only, and the rim of the data is found from it: so all that it states is there. For the Jura and
30 km around, the box is a third larger than the outline.
"""

from __future__ import annotations

import datetime as dt
import gzip
import html
import math
import re
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import geopandas as gpd
import shapely

import accessibility
from accessibility.atomic import write_whole
from accessibility.errors import (
    AccessibilityError,
    CrsError,
    InputError,
    MissingInputError,
    OutputError,
    SettingError,
)
from accessibility.inputs.download import seconds_asked
from accessibility.inputs.pbf import BUILT_UP, FERRIES, PLACES
from accessibility.inputs.territory import buffered
from accessibility.schema import GRS80

Box = tuple[float, float, float, float]
"""West, south, east, north: longitudes and latitudes, WGS 84."""

OVERPASS_URL = "https://overpass-api.de/api"
TIMEOUT_S = 180
"""Address and time are those that osmnx has by default (`overpass_url`, `requests_timeout`)."""

MAX_AREA_KM2 = 50_000.0
"""A département and 30 km around lie in a box of 9,000 (Belfort) to 36,000 km² (Isère).

An Overpass API serves up to about 10 million elements at once
(https://wiki.openstreetmap.org/wiki/Overpass_API). In and around the Jura there are 180 on a
km²: 9 million in this area. Who needs more is asked to work with an extract
(https://github.com/drolbr/Overpass-API/issues/791).
"""

MEMORY_BYTES = 1 << 30
"""Memory that the server may take, twice what it gives unasked (Overpass QL, `maxsize`): a query
that is broken off for want of it is work lost."""

BUSY = frozenset({429, 502, 503, 504})
WAITS_S = (30, 60, 120)
"""Waits before it is asked again: at least 30 s after a 429, by the rules of overpass-api.de
(https://github.com/drolbr/Overpass-API/issues/791), each twice the one before."""

LONGEST_WAIT_S = 600
"""Nobody waits longer before a terminal: the server's wish is told instead."""

GRACE_S = 60
"""A query may stand in line this long before its own time begins."""

PIECE_BYTES = 1 << 20
OVERLAP_BYTES = 64
"""More than the marks that are looked for: one may lie across two pieces of an answer."""

EXTRACTS = "an extract (.osm.pbf) such as those of https://download.geofabrik.de"


def fetch_overpass(
    area: gpd.GeoDataFrame | gpd.GeoSeries,
    out: str | Path,
    *,
    buffer_km: float = 0.0,
    url: str = OVERPASS_URL,
    timeout_s: int = TIMEOUT_S,
    max_area_km2: float = MAX_AREA_KM2,
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda step: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Download what a study takes from OpenStreetMap, as a file that `read_osm` reads.

    Roads and ferries, turn restrictions, built-up land, places, amenities and shops within the
    bounding box of the area. Ways that cross its edge are whole.

    Parameters
    ----------
    area : GeoDataFrame or GeoSeries
        The territory, any CRS.
    out : path
        The file to write: `.osm` or `.osm.gz`.
    buffer_km : float
        Width of the ring around the territory that is fetched too, in kilometres.
    url : str
        Base address of the Overpass API, without `/interpreter`.
    timeout_s : int
        Time that the server may take over the query, in seconds.
    max_area_km2 : float
        Largest bounding box that is asked for, in square kilometres.
    overwrite : bool
        Replace the file at `out`.
    progress : callable
        Told each step as it begins, and each wait for a busy server.
    sleep : callable
        Waits for a number of seconds.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    CrsError
        If the area has no CRS.
    SettingError
        If the address is none, or the area is larger than `max_area_km2`.
    MissingInputError
        If there is no connection, or the server is still busy after four attempts.
    InputError
        If the area is empty, or the server refuses the query, breaks it off or answers with
        something else than OpenStreetMap data. Nothing is written then.
    OutputError
        If `out` exists, has another suffix or cannot be written.

    Notes
    -----
    The language of the query: https://wiki.openstreetmap.org/wiki/Overpass_API/Overpass_QL

    Examples
    --------
    >>> import geopandas as gpd
    >>> communes = gpd.read_file("communes.gpkg")  # doctest: +SKIP
    >>> path = fetch_overpass(communes, "jura.osm.gz", buffer_km=30)  # doctest: +SKIP
    >>> tables = read_roads(path, within=communes, buffer_km=30)  # doctest: +SKIP
    """
    out, url = Path(out), url.rstrip("/").removesuffix("/interpreter")
    if not out.name.endswith((".osm", ".osm.gz")):
        raise OutputError(f"{out} is no name for OpenStreetMap XML: end it in .osm or .osm.gz.")
    if not re.match(r"https?://[^/]", url):
        raise SettingError(f"{url!r} is no address; one such as {OVERPASS_URL} is expected.")
    box = _box(area, buffer_km)
    area_km2 = abs(GRS80.geometry_area_perimeter(shapely.box(*box))[0]) / 1e6
    if area_km2 > max_area_km2:
        raise SettingError(
            f"the area lies in a box of {area_km2:,.0f} km², and Overpass is for up to "
            f"{max_area_km2:,.0f}: ask for a smaller one, or download {EXTRACTS}."
        )

    def write(path: Path) -> None:
        progress(f"OpenStreetMap data from {url}")
        with _ask(url, _query(box, timeout_s), timeout_s, progress, sleep) as response:
            _save(_pieces(response, url), path, box, url)

    write_whole(out, write, overwrite=overwrite)
    return out


def data_date(path: str | Path) -> dt.datetime | None:
    """Time to which the data of an Overpass answer go (`osm_base`), UTC; None if it says none."""
    path = Path(path)
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        head = file.read(4096)
    found = re.search(rb'osm_base="(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"', head)
    return dt.datetime.fromisoformat(found[1].decode()) if found else None


def _box(area: gpd.GeoDataFrame | gpd.GeoSeries, buffer_km: float) -> Box:
    """Bounding box of an area, a little larger: `buffered` may cut corners of 50 m."""
    if isinstance(area, shapely.Geometry):
        raise CrsError(
            "a geometry by itself has no CRS: give geopandas.GeoSeries([geometry], crs=...)."
        )
    shape = shapely.Point()
    if area.crs is None or not area.geometry.dropna().is_empty.all():
        shape = buffered(area, buffer_km)
    if shape.is_empty:
        raise InputError("the area to fetch is empty; a territory with an extent is expected.")
    west, south, east, north = shape.bounds
    return (
        math.floor(west * 1e3 - 1) / 1e3,
        math.floor(south * 1e3 - 1) / 1e3,
        math.ceil(east * 1e3 + 1) / 1e3,
        math.ceil(north * 1e3 + 1) / 1e3,
    )


def _query(box: Box, timeout_s: int) -> str:
    """What `pbf.py` takes, in Overpass QL; which road is open to cars is left to the reader.

    One `out` of one set prints nodes, then ways, then relations, each by id. That is the order
    of an extract, and the nodes of a way are known when the way is read. The set of ways has a
    name: within a union, each statement replaces the set that has none.
    """
    west, south, east, north = box
    within = f"({south:.3f},{west:.3f},{north:.3f},{east:.3f})"
    return f"""[out:xml][timeout:{timeout_s:d}][maxsize:{MEMORY_BYTES}];
(
  way["highway"]{within};
  way["route"~"{_one_of(FERRIES)}"]{within};
  way["landuse"~"{_one_of(BUILT_UP)}"]{within};
)->.ways;
(
  .ways;
  node(w.ways);
  node["place"~"{_one_of(PLACES)}"]{within};
  node["amenity"]{within};
  node["shop"]{within};
  relation(bw.ways)["type"~"^restriction"];
);
out body;
"""


def _one_of(values: Collection[str]) -> str:
    return f"^({'|'.join(sorted(values))})$"


def _ask(
    url: str,
    query: str,
    timeout_s: int,
    progress: Callable[[str], None],
    sleep: Callable[[float], None],
) -> HTTPResponse:
    """Send a query, again after a wait while the server is busy."""
    agent = f"accessibility-toolkit/{accessibility.__version__}"
    request = Request(
        f"{url}/interpreter",
        data=urlencode({"data": query}).encode(),
        headers={"User-Agent": agent, "Accept-Encoding": "gzip"},
    )
    attempt = 1
    while True:
        try:
            answer: HTTPResponse = urlopen(request, timeout=timeout_s + GRACE_S)
            return answer
        except HTTPError as error:
            with error:
                asked_s = seconds_asked(error.headers.get("Retry-After", ""))
                last = attempt > len(WAITS_S) or asked_s > LONGEST_WAIT_S
                if error.code not in BUSY or last:
                    raise _refusal(error, url, attempt) from error
            wait_s = max(WAITS_S[attempt - 1], asked_s)
            progress(f"{url} is busy (HTTP {error.code}), asked again in {wait_s:.0f} s")
            sleep(wait_s)
            attempt += 1
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise MissingInputError(
                f"there is no connection to {url} ({reason}): try again, give another Overpass "
                f"API, or download {EXTRACTS}."
            ) from error


def _refusal(error: HTTPError, url: str, attempt: int) -> AccessibilityError:
    if error.code in BUSY:
        wish = error.headers.get("Retry-After")
        wish = f", Retry-After: {wish}" if wish else ""
        return MissingInputError(
            f"{url} is busy (HTTP {error.code} at attempt {attempt}{wish}): try again later, "
            f"give another Overpass API, or download {EXTRACTS}."
        )
    if error.code == 400:
        told = _told(next(_pieces(error, url), b""))
        return InputError(
            f"{url} refuses the query (HTTP 400: {told}): give another Overpass API, "
            f"or download {EXTRACTS}."
        )
    return InputError(
        f"{url} answers HTTP {error.code} {error.reason}; "
        f"the base address of an Overpass API such as {OVERPASS_URL} is expected."
    )


def _pieces(response: HTTPResponse | HTTPError, url: str) -> Iterator[bytes]:
    """What a server answers, piece by piece, unpacked."""
    packed = response.headers.get("Content-Encoding") == "gzip"
    body = gzip.GzipFile(fileobj=response) if packed else response
    try:
        while piece := body.read(PIECE_BYTES):
            yield piece
    except (OSError, EOFError, HTTPException, zlib.error) as error:
        raise _cut_short(url) from error


def _save(pieces: Iterator[bytes], path: Path, box: Box, url: str) -> None:
    """Write an answer with its bounds; one that is not whole is refused.

    Overpass says 200 before it knows whether it will come to an end. Where it does not, it
    writes a remark and closes the XML as if all were there.
    """
    head = next(pieces, b"")
    root = re.search(rb"<osm\b[^>]*>", head)
    if root is None:
        raise InputError(
            f"{url} answers with something else than OpenStreetMap data ({_told(head)}): "
            f"the base address of an Overpass API such as {OVERPASS_URL} is expected."
        )
    names = ("minlon", "minlat", "maxlon", "maxlat")
    sides = " ".join(f'{name}="{side:.3f}"' for name, side in zip(names, box, strict=True))
    bounds = f"\n<bounds {sides}/>".encode()
    packed = path.suffix == ".gz"
    with (
        path.open("wb") as plain,
        gzip.GzipFile("", "wb", fileobj=plain, mtime=0) if packed else nullcontext(plain) as file,
    ):
        file.write(head[: root.end()] + bounds)
        seen, has_way, piece = b"", False, head[root.end() :]
        while piece:
            file.write(piece)
            seen += piece
            has_way = has_way or b"<way " in seen
            if b"<remark>" in seen:
                remark = (seen + next(pieces, b"")).split(b"<remark>")[1].split(b"</remark>")[0]
                raise InputError(
                    f"{url} broke the query off ({_told(remark)}): ask for a smaller area, "
                    f"give it more time, or download {EXTRACTS}."
                )
            seen, piece = seen[-OVERLAP_BYTES:], next(pieces, b"")
    if not seen.rstrip().endswith(b"</osm>"):
        raise _cut_short(url)
    if not has_way:
        raise InputError(f"{url} knows no road in the area: does it hold data of that region?")


def _cut_short(url: str) -> InputError:
    return InputError(f"the answer of {url} is cut short: try again, or download {EXTRACTS}.")


def _told(page: bytes) -> str:
    """What a page says to its reader, in one line: the errors of Overpass, or how it begins."""
    text = page.decode("utf-8", "replace")
    errors = re.findall(r"Error</strong>:(.*?)</p>", text, re.DOTALL)
    if not errors:
        text = re.sub(r"(?is)<(head|script|style)\b.*?</\1>", "", text)
    plain = re.sub(r"<[^>]*>", " ", " ".join(errors) or text)
    return " ".join(html.unescape(plain).split())[:300].rstrip(".") or "nothing"
