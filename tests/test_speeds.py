from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from networks import CAR, road_tables

from accessibility.errors import InputError, MissingInputError, SettingError, UnknownNameError
from accessibility.network.profile import load_profile, profile_names
from accessibility.network.speeds import road_speeds, table_speeds

PROFILES = Path(__file__).parents[1] / "accessibility" / "network" / "profiles"

# tags, km/h forward, km/h backward, forward only to start or end a trip
CASES: list[tuple[str, float, float, bool]] = [
    # classes
    ("highway=motorway", 90, 0, False),
    ("highway=motorway oneway=no", 90, 90, False),
    ("highway=motorway_link", 45, 45, False),
    ("highway=trunk", 85, 85, False),
    ("highway=trunk_link", 40, 40, False),
    ("highway=primary", 65, 65, False),
    ("highway=primary_link", 30, 30, False),
    ("highway=secondary", 55, 55, False),
    ("highway=secondary_link", 25, 25, False),
    ("highway=tertiary", 40, 40, False),
    ("highway=tertiary_link", 20, 20, False),
    ("highway=unclassified", 25, 25, False),
    ("highway=residential", 25, 25, False),
    ("highway=living_street", 10, 10, False),
    ("highway=service", 15, 15, False),
    ("route=ferry", 5, 5, False),
    ("route=shuttle_train", 10, 10, False),
    ("highway=primary bridge=movable", 5, 5, False),
    ("highway=track", 0, 0, False),
    ("highway=road", 0, 0, False),
    ("highway=cycleway", 0, 0, False),
    ("highway=track access=yes", 10, 10, False),
    ("highway=track motor_vehicle=designated", 10, 10, False),
    ("highway=path motorcar=permissive", 10, 10, False),
    ("highway=pedestrian motor_vehicle=destination", 0, 0, False),
    # limits
    ("highway=primary maxspeed=80", 64, 64, False),
    ("highway=primary maxspeed=50_mph", 64.37376, 64.37376, False),
    ("highway=primary maxspeed=50mph", 64.37376, 64.37376, False),
    ("highway=primary maxspeed=10_knots", 14.816, 14.816, False),
    ("highway=primary maxspeed=37.5", 30, 30, False),
    ("highway=primary maxspeed=urban", 40, 40, False),
    ("highway=primary maxspeed=rural", 72, 72, False),
    ("highway=primary maxspeed=FR:urban", 40, 40, False),
    ("highway=primary maxspeed=FR:rural", 64, 64, False),
    ("highway=primary maxspeed=RO:rural", 72, 72, False),
    ("highway=trunk maxspeed=RO:trunk", 88, 88, False),
    ("highway=trunk maxspeed=CH:trunk", 80, 80, False),
    ("highway=motorway maxspeed=FR:motorway", 104, 0, False),
    ("highway=motorway maxspeed=CH:motorway", 96, 0, False),
    ("highway=motorway maxspeed=none", 112, 0, False),
    ("highway=motorway maxspeed=DE:motorway", 90, 0, False),
    ("highway=living_street maxspeed=DE:living_street", 5.6, 5.6, False),
    ("highway=primary maxspeed=signals", 65, 65, False),
    ("highway=primary maxspeed=80 maxspeed:forward=50", 40, 64, False),
    ("highway=primary maxspeed:backward=30", 65, 24, False),
    ("highway=primary source:maxspeed=FR:urban", 40, 40, False),
    ("highway=primary maxspeed:type=FR:rural", 64, 64, False),
    ("highway=primary maxspeed=70 source:maxspeed=FR:urban", 56, 56, False),
    ("highway=primary maxspeed=80 maxspeed:advisory=30", 24, 24, False),
    # caps
    ("highway=primary surface=gravel", 40, 40, False),
    ("highway=primary surface=asphalt", 65, 65, False),
    ("highway=primary surface=mud", 10, 10, False),
    ("highway=primary surface=gravel maxspeed=30", 24, 24, False),
    ("highway=track tracktype=grade3 access=yes", 10, 10, False),
    ("highway=unclassified tracktype=grade5", 20, 20, False),
    ("highway=tertiary smoothness=very_bad", 20, 20, False),
    ("highway=tertiary smoothness=impassable", 0, 0, False),
    ("highway=primary surface=ground tracktype=grade4", 25, 25, False),
    # access
    ("highway=residential access=no", 0, 0, False),
    ("highway=residential access=no motor_vehicle=yes", 25, 25, False),
    ("highway=residential vehicle=no motorcar=yes", 25, 25, False),
    ("highway=residential access=yes motor_vehicle=no", 0, 0, False),
    ("highway=residential access=agricultural", 0, 0, False),
    ("highway=residential motor_vehicle=forestry", 0, 0, False),
    ("highway=residential access=psv", 0, 0, False),
    ("highway=residential access=private", 25, 25, True),
    ("highway=residential access=destination", 25, 25, True),
    ("highway=residential access=customers", 25, 25, True),
    ("highway=residential motor_vehicle=delivery", 25, 25, True),
    ("highway=residential motor_vehicle=permit", 25, 25, True),
    ("highway=residential vehicle=residents", 25, 25, True),
    ("highway=residential access=unknown", 25, 25, True),
    ("highway=service access=private", 0, 0, False),
    ("highway=service access=destination", 15, 15, True),
    ("highway=residential access=private;yes", 25, 25, False),
    ("highway=residential access=no;destination", 25, 25, True),
    ("highway=residential motor_vehicle:forward=no", 0, 25, False),
    ("highway=residential access:backward=destination", 25, 25, False),
    ("highway=residential access:forward=destination", 25, 25, True),
    ("route=ferry access=private", 0, 0, False),
    # one way
    ("highway=residential oneway=yes", 25, 0, False),
    ("highway=residential oneway=1", 25, 0, False),
    ("highway=residential oneway=true", 25, 0, False),
    ("highway=residential oneway=-1", 0, 25, False),
    ("highway=residential oneway=no", 25, 25, False),
    ("highway=residential junction=roundabout", 25, 0, False),
    ("highway=residential junction=circular", 25, 0, False),
    ("highway=residential junction=roundabout oneway=-1", 0, 25, False),
    ("highway=residential oneway=yes oneway:motorcar=no", 25, 25, False),
    ("highway=residential oneway:vehicle=yes", 25, 0, False),
    ("highway=residential oneway:motor_vehicle=-1 oneway=yes", 0, 25, False),
    # not to be driven at all
    ("highway=residential oneway=reversible", 0, 0, False),
    ("highway=residential area=yes", 0, 0, False),
    ("highway=construction", 0, 0, False),
    ("highway=proposed access=yes", 0, 0, False),
    ("highway=steps access=yes", 0, 0, False),
    ("highway=primary construction=yes", 0, 0, False),
    ("highway=primary construction=minor", 65, 65, False),
    ("highway=primary impassable=yes", 0, 0, False),
    ("highway=primary status=impassable", 0, 0, False),
    ("highway=service service=emergency_access", 0, 0, False),
]


def parsed(text: str) -> dict[str, str]:
    pairs = (item.split("=", 1) for item in text.split())
    return {key: value.replace("_mph", " mph").replace("_knots", " knots") for key, value in pairs}


@pytest.mark.parametrize(("tags", "forward", "backward", "restricted"), CASES)
def test_tags_say_how_fast_one_drives(
    tags: str, forward: float, backward: float, restricted: bool
) -> None:
    found = road_speeds(parsed(tags), CAR)
    assert found[:2] == pytest.approx((forward, backward))
    if forward:
        assert found.forward_restricted is restricted


def test_only_the_tagged_direction_is_restricted() -> None:
    found = road_speeds(parsed("highway=residential access:backward=destination"), CAR)
    assert (found.forward_restricted, found.backward_restricted) == (False, True)


def test_a_table_is_read_as_its_rows_are() -> None:
    tags = [parsed(case[0]) for case in CASES]
    roads = road_tables({1: (0, 0), 2: (100, 0)}, [(1, 2, t) for t in [*tags, *tags[::-1]]]).roads
    kph, restricted = table_speeds(roads, CAR)
    expected = np.array([road_speeds(t, CAR) for t in [*tags, *tags[::-1]]], dtype=float)
    assert (kph == expected[:, :2]).all()
    assert (restricted == expected[:, 2:].astype(bool)).all()


def test_a_table_without_any_tag_is_closed() -> None:
    roads = road_tables({1: (0, 0), 2: (100, 0)}, [(1, 2, {})]).roads
    kph, restricted = table_speeds(roads, CAR)
    assert kph.tolist() == [[0.0, 0.0]]
    assert restricted.tolist() == [[False, False]]


def test_profiles_of_the_package_load() -> None:
    assert profile_names() == sorted(path.stem for path in PROFILES.glob("*.toml"))
    assert load_profile("osrm-car-5").oncoming_s == 0
    assert load_profile("osrm-car").oncoming_s == 2
    assert load_profile(CAR) is CAR
    assert load_profile("osrm-car").digest != load_profile("osrm-car-5").digest
    assert load_profile("osrm-car").digest == load_profile("osrm-car").digest


def test_a_profile_of_ones_own_is_read_from_its_file(tmp_path: Path) -> None:
    changed = edited(tmp_path, "primary = 65", "primary = 70")
    assert load_profile(changed).speeds_kph["primary"] == 70
    assert load_profile(str(changed)).digest != CAR.digest


def edited(folder: Path, old: str, new: str) -> Path:
    text = (PROFILES / "osrm-car.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "mine.toml").write_text(text.replace(old, new), encoding="utf-8")
    return folder / "mine.toml"


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("[turns]", "[turns", InputError, "is not valid TOML"),
        ("u_turn_s = 20.0", "", SettingError, "u_turn_s is None; a number of at least 0"),
        ("sharp_s = 7.5", "sharp_s = true", SettingError, "sharp_s is True"),
        ("bias = 1.075", "bias = 0", SettingError, "bias is 0; a number of at least 0.1"),
        ("oncoming_s = 2.0", "oncoming_s = nan", SettingError, "oncoming_s is nan"),
        ("primary = 65", "primary = -1", SettingError, r"\[speeds_kph\]: primary is -1"),
        ("primary = 65", 'primary = "fast"', SettingError, "primary is 'fast'"),
        ("[speeds_kph]", "[spedes_kph]", SettingError, "unknown settings spedes_kph"),
        ("[routes_kph]", "[speeds]\n[routes_kph]", SettingError, "unknown settings speeds"),
    ],
)
def test_a_faulty_profile_is_told(
    tmp_path: Path, old: str, new: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_profile(edited(tmp_path, old, new))


def test_a_profile_needs_speeds_in_a_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("speeds_kph = 3", encoding="utf-8")
    with pytest.raises(SettingError, match=r"\[speeds_kph\] is not a table of numbers"):
        load_profile(path)
    path.write_text('name = "mine"', encoding="utf-8")
    with pytest.raises(SettingError, match="no road would be open"):
        load_profile(path)
    path.write_bytes(b"name = \xff")
    with pytest.raises(InputError, match="is not valid TOML"):
        load_profile(path)


def test_unknown_and_missing_profiles_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="known are osrm-car, osrm-car-5"):
        load_profile("bicycle")
    with pytest.raises(MissingInputError, match=r"none\.toml cannot be read"):
        load_profile(tmp_path / "none.toml")


def test_a_network_keeps_unusual_columns_of_tags() -> None:
    roads = road_tables({1: (0, 0), 2: (100, 0)}, [(1, 2, {"highway": "primary"})]).roads
    roads["surface"] = pd.Series(["gravel"], dtype="string")
    assert table_speeds(roads, CAR)[0].tolist() == [[40.0, 40.0]]
