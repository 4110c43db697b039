from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from networks import CAR, road_tables

from accessibility.errors import InputError, MissingInputError, SettingError, UnknownNameError
from accessibility.network.profile import load_profile, parse_change, profile_names
from accessibility.network.speeds import ORIGINS, road_speeds, table_speeds

PROFILES = Path(__file__).parents[1] / "accessibility" / "network" / "profiles"

LEGAL = load_profile("legal")
SWISS = LEGAL.in_country("CH")

# Expected values: OSRM's car profile (profiles/car.lua, release 26.10), whose words for speeds,
# access and size follow the wiki of OpenStreetMap.
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
    ("highway=winter_road", 20, 20, False),
    ("highway=ice_road", 15, 15, False),
    ("highway=track access=unknown", 10, 10, False),
    ("highway=track access=private", 0, 0, False),
    ("highway=track motor_vehicle=forestry", 0, 0, False),
    ("highway=road motor_vehicle:forward=yes", 10, 0, False),
    # limits that tell nothing, and lists
    ("highway=primary maxspeed=100;70", 80, 80, False),
    ("highway=primary maxspeed=0", 65, 65, False),
    ("highway=primary maxspeed=-50", 65, 65, False),
    ("highway=primary maxspeed=walk", 65, 65, False),
    ("highway=primary maxspeed=999", 65, 65, False),
    ("highway=primary maxspeed=200", 160, 160, False),
    ("highway=primary zone:maxspeed=FR:30", 65, 65, False),
    ("highway=primary maxspeed:type=DE:zone:30", 65, 65, False),
    ("highway=primary maxspeed:advisory:forward=50", 40, 65, False),
    ("highway=primary source:maxspeed=BE:motorway", 96, 96, False),
    ("highway=primary maxspeed:forward=FR:urban maxspeed:backward=FR:rural", 40, 64, False),
    # sizes: a car of 2.0 m by 1.9 m by 4.8 m and 2 t
    ("highway=residential maxheight=1.9", 0, 0, False),
    ("highway=residential maxheight=2", 25, 25, False),
    ("highway=residential maxheight=default", 25, 25, False),
    ("highway=residential maxheight=6'6\"", 0, 0, False),
    ("highway=residential maxheight=6'8\"", 25, 25, False),
    ("highway=residential maxheight:physical=1.8 maxheight=3", 0, 0, False),
    ("highway=residential maxheight:forward=1,8", 0, 25, False),
    ("highway=residential maxwidth=1.9", 0, 0, False),
    ("highway=residential maxwidth=2.0", 25, 25, False),
    ("highway=residential width=1.5", 0, 0, False),
    ("highway=residential est_width=1.8", 0, 0, False),
    ("highway=residential width=3 maxwidth=1.8", 0, 0, False),
    ("highway=residential maxwidth:backward=1.8", 25, 0, False),
    ("highway=residential maxlength=4.5", 0, 0, False),
    ("highway=residential maxlength=5", 25, 25, False),
    ("highway=residential maxweight=1.5", 0, 0, False),
    ("highway=residential maxweight=3.5", 25, 25, False),
    ("highway=residential maxweight=1900_kg", 0, 0, False),
    ("highway=residential maxweight=4400_lbs", 0, 0, False),
    ("highway=residential maxweightrating=1 maxweight=9", 0, 0, False),
    ("highway=residential maxweight=none", 25, 25, False),
    # lanes for cars with several people
    ("highway=motorway hov=designated", 90, 0, True),
    ("highway=motorway hov=yes", 90, 0, False),
    ("highway=primary hov:lanes=designated|designated", 65, 65, True),
    ("highway=primary hov:lanes=designated|yes", 65, 65, False),
    ("highway=primary hov:lanes:forward=designated", 65, 65, True),
    # ferries, trains and bridges
    ("route=ferry motor_vehicle=no", 0, 0, False),
    ("route=ferry oneway=yes", 5, 0, False),
    ("route=shuttle_train motor_vehicle=yes", 10, 10, False),
    ("route=bus", 0, 0, False),
    ("highway=primary bridge=movable maxspeed=50", 40, 40, False),
    ("highway=primary bridge=yes", 65, 65, False),
]

# What the law allows: the table of docs/method.md. Tags, in France km/h outside and in built-up
# areas, in Switzerland the same.
LAW: list[tuple[str, float, float, float, float]] = [
    ("highway=motorway", 130, 130, 120, 120),
    ("highway=motorway_link", 70, 70, 70, 70),
    ("highway=trunk oneway=yes", 110, 50, 80, 50),
    ("highway=trunk", 80, 50, 80, 50),
    ("highway=trunk motorroad=yes", 110, 110, 100, 100),
    ("highway=primary oneway=yes", 110, 50, 80, 50),
    ("highway=primary", 80, 50, 80, 50),
    ("highway=primary_link oneway=yes", 70, 50, 70, 50),
    ("highway=secondary", 80, 50, 80, 50),
    ("highway=secondary oneway=yes", 80, 50, 80, 50),
    ("highway=tertiary", 80, 50, 80, 50),
    ("highway=unclassified", 60, 50, 60, 50),
    ("highway=unclassified lanes=2", 80, 50, 80, 50),
    ("highway=unclassified width=5.5", 80, 50, 80, 50),
    ("highway=unclassified width=4", 60, 50, 60, 50),
    ("highway=residential", 30, 50, 30, 50),
    ("highway=residential lanes=2", 50, 50, 50, 50),
    ("highway=living_street", 20, 20, 20, 20),
    ("highway=service", 15, 15, 15, 15),
    ("highway=secondary maxspeed=70", 70, 70, 70, 70),
    ("highway=secondary maxspeed:advisory=30", 80, 50, 80, 50),
    ("highway=secondary zone:traffic=FR:urban", 50, 50, 50, 50),
    ("highway=secondary zone:traffic=FR:rural", 80, 80, 80, 80),
    ("highway=residential zone:maxspeed=FR:30", 30, 30, 30, 30),
    ("highway=residential source:maxspeed=FR:zone30", 30, 30, 30, 30),
    ("highway=primary junction=roundabout surface=gravel", 40, 40, 40, 40),
]


def parsed(text: str) -> dict[str, str]:
    pairs = (item.split("=", 1) for item in text.split())
    return {key: value.replace("_", " ") if value[0].isdigit() else value for key, value in pairs}


@pytest.mark.parametrize(("tags", "forward", "backward", "restricted"), CASES)
def test_tags_say_how_fast_one_drives(
    tags: str, forward: float, backward: float, restricted: bool
) -> None:
    found = road_speeds(parsed(tags), CAR)
    assert found[:2] == pytest.approx((forward, backward))
    if forward:
        assert found.forward_restricted is restricted


def test_there_are_enough_cases() -> None:
    assert len({case[0] for case in CASES}) == len(CASES) >= 120


@pytest.mark.parametrize(("tags", "outside", "urban", "swiss_outside", "swiss_urban"), LAW)
def test_the_law_says_how_fast_one_may_drive(
    tags: str, outside: float, urban: float, swiss_outside: float, swiss_urban: float
) -> None:
    found = [
        road_speeds(parsed(tags), rules, urban=within).forward_kph
        for rules in (LEGAL, SWISS)
        for within in (False, True)
    ]
    assert found == [outside, urban, swiss_outside, swiss_urban]


def one_road(tags: dict[str, str], **columns: object) -> gpd.GeoDataFrame:
    roads = road_tables({1: (0, 0), 2: (3_600, 0)}, [(1, 2, tags)]).roads
    return roads.assign(**columns)


def test_built_up_stretches_of_a_road_are_driven_at_their_speed() -> None:
    # 1 km at 50 and 1 km at 80 take 72 s and 45 s: 2 km in 117 s
    half = table_speeds(one_road({"highway": "secondary"}, urban=0.5), LEGAL)
    assert half.kph[0] == pytest.approx([2 / 117 * 3600] * 2)
    for share, kph in ((0.0, 80.0), (1.0, 50.0)):
        found = table_speeds(one_road({"highway": "secondary"}, urban=share), LEGAL)
        assert found.kph[0] == pytest.approx([kph, kph])
    one_way = table_speeds(one_road({"highway": "secondary", "oneway": "yes"}, urban=0.5), LEGAL)
    assert one_way.kph[0, 1] == 0


def test_a_road_abroad_has_the_limits_of_its_country() -> None:
    motorway = {"highway": "motorway"}
    for country, kph in (("FR", 130), ("CH", 120), ("DE", 130), (None, 130)):
        found = table_speeds(one_road(motorway, urban=0.0, country=country), LEGAL)
        assert found.kph[0, 0] == pytest.approx(kph)
        assert table_speeds(one_road(motorway, country=country), CAR).kph[0, 0] == 90


def test_without_land_use_the_law_is_not_known() -> None:
    roads = one_road({"highway": "secondary"})
    with pytest.raises(SettingError, match=r"no land use: 1 of 1 roads.*built_up\.unknown=rural"):
        table_speeds(roads, LEGAL)
    told = load_profile("legal", changes={"built_up.unknown": "rural"})
    assert table_speeds(roads, told).kph[0] == pytest.approx([80, 80])
    assert table_speeds(roads, CAR).kph[0] == pytest.approx([55, 55])


def test_a_ferry_that_tells_its_time_takes_it() -> None:
    ferry = table_speeds(one_road({"route": "ferry"}, duration_s=720.0), CAR)
    assert ferry.kph[0] == pytest.approx([18, 18])  # 3.6 km in 12 minutes
    assert ORIGINS[ferry.origin[0]] == "tagged"
    closed = one_road({"route": "ferry", "motor_vehicle": "no"}, duration_s=720.0)
    assert table_speeds(closed, CAR).kph.tolist() == [[0, 0]]


def test_the_origin_of_a_speed_is_told() -> None:
    for tags, origin in (
        ("highway=primary", "assumed"),
        ("highway=primary maxspeed=80", "tagged"),
        ("highway=primary maxspeed=FR:rural", "implicit"),
        ("highway=primary maxspeed=nonsense", "assumed"),
        ("highway=primary maxspeed=999", "assumed"),
        ("highway=primary oneway=-1 maxspeed:backward=50", "tagged"),
        ("highway=residential access=no", "assumed"),
    ):
        assert road_speeds(parsed(tags), CAR).origin == origin, tags


def test_only_the_tagged_direction_is_restricted() -> None:
    found = road_speeds(parsed("highway=residential access:backward=destination"), CAR)
    assert (found.forward_restricted, found.backward_restricted) == (False, True)


def test_a_table_is_read_as_its_rows_are() -> None:
    tags = [parsed(case[0]) for case in CASES]
    roads = road_tables({1: (0, 0), 2: (100, 0)}, [(1, 2, t) for t in [*tags, *tags[::-1]]]).roads
    found = table_speeds(roads, CAR)
    expected = [road_speeds(t, CAR) for t in [*tags, *tags[::-1]]]
    assert (found.kph == np.array([row[:2] for row in expected])).all()
    assert (found.restricted == np.array([row[2:4] for row in expected])).all()
    assert [ORIGINS[i] for i in found.origin] == [row.origin for row in expected]


def test_a_table_without_any_tag_is_closed() -> None:
    roads = road_tables({1: (0, 0), 2: (100, 0)}, [(1, 2, {})]).roads
    found = table_speeds(roads, CAR)
    assert found.kph.tolist() == [[0.0, 0.0]]
    assert found.restricted.tolist() == [[False, False]]
    assert found.origin.tolist() == [0]


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


def test_a_profile_stands_on_another(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('base = "osrm-car"\n[speeds_kph]\nprimary = 70', encoding="utf-8")
    found = load_profile(mine)
    assert found.name == "mine"
    assert found.speeds_kph == CAR.speeds_kph | {"primary": 70.0}
    assert found.u_turn_s == CAR.u_turn_s
    yours = tmp_path / "yours.toml"
    yours.write_text('base = "mine.toml"\n[turns]\nu_turn_s = 5', encoding="utf-8")
    assert load_profile(yours).speeds_kph["primary"] == 70
    assert load_profile(yours).u_turn_s == 5
    mine.write_text('base = "yours.toml"', encoding="utf-8")
    with pytest.raises(SettingError, match="leads back to itself"):
        load_profile(yours)
    mine.write_text("base = 3", encoding="utf-8")
    with pytest.raises(SettingError, match="the name of a profile is expected"):
        load_profile(mine)


def test_a_profile_may_be_changed_in_place() -> None:
    found = load_profile("osrm-car", changes={"turns.oncoming_s": 0, "speeds_kph.primary": 70})
    assert found.name == "osrm-car (turns.oncoming_s=0, speeds_kph.primary=70)"
    assert (found.oncoming_s, found.speeds_kph["primary"]) == (0, 70)
    assert CAR.oncoming_s == 2
    assert load_profile("osrm-car", changes={}).digest == CAR.digest
    for key, message in (
        ("turns.none", "known in turns are bias, oncoming_s, sharp_s, u_turn_s"),
        ("speeds_kph.primry", "no setting 'speeds_kph.primry'; known in speeds_kph are ice_road"),
        ("trns.bias", "known tables are "),
        ("name", "no setting 'name'"),
    ):
        with pytest.raises(UnknownNameError, match=message):
            load_profile("osrm-car", changes={key: 1})
    with pytest.raises(SettingError, match="oncoming_s is 'much'"):
        load_profile("osrm-car", changes={"turns.oncoming_s": "much"})
    with pytest.raises(SettingError, match="not to a loaded one"):
        load_profile(CAR, changes={"turns.bias": 1})


def test_a_change_is_read_as_it_is_typed() -> None:
    assert parse_change("turns.bias = 1.5") == ("turns.bias", 1.5)
    assert parse_change("built_up.unknown=rural") == ("built_up.unknown", "rural")
    assert parse_change('built_up.unknown="rural"') == ("built_up.unknown", "rural")
    for text in ("turns.bias", "=3", "turns.bias="):
        with pytest.raises(SettingError, match="is no change"):
            parse_change(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[other]\nlimit_tags = 3", "limit_tags is 3"),
        ("[built_up]\nunknown = 'guess'", "unknown is 'guess'; one of refuse, rural"),
        ("countries = 3", r"countries is 3; a table \[countries\]"),
        ("[countries]\nCH = 3", r"CH is 3; a table \[CH\]"),
        ("[countries.CH.turns]\nbias = 3", "unknown tables turns"),
        ("[countries.CH.speeds_kph]\nprimary = -3", "primary is -3"),
        ("[vehicle]\nheight_m = 'tall'", "height_m is 'tall'"),
    ],
)
def test_what_differs_from_a_base_is_checked(tmp_path: Path, text: str, message: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('base = "osrm-car"\n' * ("[" in text[:1]) + text, encoding="utf-8")
    if "[" not in text[:1]:
        mine.write_text(text + '\nbase = "osrm-car"', encoding="utf-8")
    with pytest.raises(SettingError, match=message):
        load_profile(mine)


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
    with pytest.raises(UnknownNameError, match="known are legal, osrm-car, osrm-car-5"):
        load_profile("bicycle")
    with pytest.raises(MissingInputError, match=r"none\.toml cannot be read"):
        load_profile(tmp_path / "none.toml")


def test_a_network_keeps_unusual_columns_of_tags() -> None:
    roads = road_tables({1: (0, 0), 2: (100, 0)}, [(1, 2, {"highway": "primary"})]).roads
    roads["surface"] = pd.Series(["gravel"], dtype="string")
    assert table_speeds(roads, CAR).kph.tolist() == [[40.0, 40.0]]
