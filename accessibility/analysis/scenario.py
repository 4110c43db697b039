"""A planner's what-if: what it holds, and its TOML form.

    study = "jura"
    version = 1
    name = "Septmoncel moves, Aromas opens"
    notes = "Asked by the canton in May."

    [[add]]
    insee = "39018"          # at the chef-lieu, unless lon and lat say where
    yearly_eur = 30000       # the study's grant, if absent

    [[remove]]
    id = "2756"

    [[move]]
    name = "Septmoncel"
    to = { lon = 5.91, lat = 46.37 }

    [[close]]
    insee = "39300"          # every site that stands in the commune

    [[stop]]                 # one service that goes round
    name = "Bus of the south"
    at = ["39018", "39397", "5.62,46.41"]

    [[road]]                 # the road nearest to the point, from junction to junction
    change = "close"         # or "open", "one-way", "two-way"
    lon = 5.9072
    lat = 46.3874
    ref = "D 436"            # a check: another road is refused

    [[road]]                 # a new one
    line = [[5.51, 46.35], [5.53, 46.36]]
    class = "secondary"
    maxspeed_kph = 80
    eur = 2500000

    [[speed]]
    class = "secondary"      # or lon and lat, with ref or name as a check
    kph = 70                 # or factor = 0.9

The keys, all of version 1:

| list | keys | meaning |
|---|---|---|
| `[[add]]` | `site`, or `insee`, `id`, `name`, `lon` and `lat` | a site that opens |
| `[[remove]]` | `site`, or one of `insee`, `id`, `name`, `lon` and `lat` | one site that closes |
| `[[move]]` | the same, and `to` | a site that keeps its id and stands elsewhere |
| `[[close]]` | as `[[remove]]` | every site that is so told |
| `[[stop]]` | `at`: places; `name`, `id` | an itinerant service |
| `[[road]]` | `change`, `lon`, `lat`; `ref`, `name`, `within_m`; `towards` of a one-way | a road |
| `[[road]]` | `line`, `class`; `maxspeed_kph`, `oneway`, `ref`, `name`, `within_m` | a new road |
| `[[speed]]` | `class`, or `lon`, `lat`, `ref`, `name`, `within_m`; `kph` or `factor` | a speed |

All but `[[remove]]` and `[[close]]` take `yearly_eur`, euros a year, and `eur`, euros once.

A site is told by `insee`, `id`, `name`, or `lon` and `lat`. Short forms are texts under `site`
(`to`, `at`): "insee:39018", "id:2756", "name:Aromas", "5.55,46.30". A bare text is an INSEE
code where a site is added and an id everywhere else.

How an itinerant service is counted: its people are those of all its stops, each at any hour, as
if it stood at every one; it is one site in numbers of sites and costs one grant; a canton has a
site where it stops. Hours are not looked at.

A road that is told by a point is the piece between two junctions that lies nearest, at most
`within_m` metres away (50 unless said). `towards = [lon, lat]` says to which end a one-way road
leads. Opening a road opens the barriers at its ends as well. A new road is joined at both ends
to the nearest open road within `within_m`: at its junction where that is within 5 m, else the
road is split there; between its ends it crosses others without a junction. It is as fast as the
profile drives its class and limit; `oneway = true` runs as the line is drawn. Roads change in
their order, so that a new road may join another one, and before speeds do. `kph` and `factor`
hold for the speed that is driven, whatever limit is tagged.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import tomli_w

VERSION = 1
"""Of the TOML form."""

WITHIN_M = 50.0
"""A road told by a point lies at most this far from it, unless the scenario says otherwise."""

LISTS = ("add", "remove", "move", "close", "stop", "road", "speed")
HEAD = ("study", "version", "name", "notes")
PREFIXES = ("insee", "id", "name")

Change = Literal["close", "open", "one-way", "two-way"]
CHANGES: tuple[Change, ...] = get_args(Change)
LonLat = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """A site, or where one shall stand.

    Attributes
    ----------
    insee : str, optional
        Code of the commune.
    id : str, optional
        Id of a site.
    name : str, optional
        Of a site; of the commune where a site is added and nothing else says where.
    lon, lat : float, optional
        Degrees, WGS 84; both or none.
    yearly_eur, eur : float, optional
        What a site that is added costs, euros a year and once.
    """

    insee: str | None = None
    id: str | None = None
    name: str | None = None
    lon: float | None = None
    lat: float | None = None
    yearly_eur: float | None = None
    eur: float | None = None

    def __str__(self) -> str:
        told = [f"{key}:{value}" for key in PREFIXES if (value := getattr(self, key)) is not None]
        return " ".join(told + ([] if self.lon is None else [f"{self.lon:g},{self.lat:g}"]))


@dataclass(frozen=True)
class Move:
    """A site and where it shall stand."""

    site: Place
    to: Place
    yearly_eur: float | None = None
    eur: float | None = None


@dataclass(frozen=True)
class Stop:
    """An itinerant service: one site that serves the people of all its stops."""

    at: tuple[Place, ...]
    name: str | None = None
    id: str | None = None
    yearly_eur: float | None = None
    eur: float | None = None


@dataclass(frozen=True)
class RoadAt:
    """The road nearest to a point, from junction to junction; `ref` or `name` is a check."""

    lon: float
    lat: float
    ref: str | None = None
    name: str | None = None
    within_m: float = WITHIN_M

    def __str__(self) -> str:
        return f"{self.lon:g}, {self.lat:g}"


@dataclass(frozen=True)
class RoadChange:
    """A road that is closed, opened, made one-way `towards` a point, or two-way."""

    change: Change
    at: RoadAt
    towards: LonLat | None = None
    yearly_eur: float | None = None
    eur: float | None = None


@dataclass(frozen=True)
class NewRoad:
    """A road that is built: its line in degrees, its class and limit."""

    line: tuple[LonLat, ...]
    road_class: str
    maxspeed_kph: float | None = None
    oneway: bool = False
    ref: str | None = None
    name: str | None = None
    within_m: float = WITHIN_M
    yearly_eur: float | None = None
    eur: float | None = None


@dataclass(frozen=True)
class Speed:
    """Another driven speed, `kph` or a `factor`, of a class of road or of one road."""

    road_class: str | None = None
    at: RoadAt | None = None
    kph: float | None = None
    factor: float | None = None
    yearly_eur: float | None = None
    eur: float | None = None


@dataclass(frozen=True)
class Scenario:
    """A what-if about the sites and the roads of a study; the module tells its TOML form.

    Attributes
    ----------
    study : str, optional
        Name of the study that it is made for; any, if absent.
    version : int
        Of the TOML form.
    name, notes : str
    add, remove, close : tuple of Place
        Sites that open, single sites that close, and places of which all sites close.
    move : tuple of Move
    stop : tuple of Stop
    road : tuple of RoadChange or NewRoad
    speed : tuple of Speed

    Examples
    --------
    >>> Scenario(add=(Place(insee="39018"),)).changes_roads
    False
    """

    study: str | None = None
    version: int = VERSION
    name: str = ""
    notes: str = ""
    add: tuple[Place, ...] = ()
    remove: tuple[Place, ...] = ()
    move: tuple[Move, ...] = ()
    close: tuple[Place, ...] = ()
    stop: tuple[Stop, ...] = ()
    road: tuple[RoadChange | NewRoad, ...] = ()
    speed: tuple[Speed, ...] = ()

    @property
    def changes_roads(self) -> bool:
        """Whether the network is another one afterwards."""
        return bool(self.road or self.speed)

    @property
    def changes_anything(self) -> bool:
        """Whether any list has an entry."""
        return any(getattr(self, key) for key in LISTS)

    def to_toml(self) -> str:
        """The TOML form with inline tables, which `read_scenario` reads as it does the long one.

        Examples
        --------
        >>> opens = Scenario(name="Aromas opens", add=(Place(insee="39018"),))
        >>> opens.to_toml().splitlines()[:2]
        ['version = 1', 'name = "Aromas opens"']
        """
        head = {key: getattr(self, key) for key in HEAD if getattr(self, key) is not None}
        rows = {key: [_row(entry) for entry in getattr(self, key)] for key in LISTS}
        return tomli_w.dumps(head | {key: found for key, found in rows.items() if found})


def _row(entry: Any) -> dict[str, Any]:
    """Keys and values of one entry as TOML has them; what is not told is absent."""
    row: dict[str, Any] = {}
    for item in fields(entry):
        value = getattr(entry, item.name)
        if value is None:
            continue
        if item.name == "site" or isinstance(value, RoadAt):
            row |= _row(value)
        elif isinstance(value, Place):
            row[item.name] = _row(value)
        elif isinstance(value, tuple):
            row[item.name] = [_row(v) if isinstance(v, Place) else _plain(v) for v in value]
        else:
            row["class" if item.name == "road_class" else item.name] = value
    return row


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
