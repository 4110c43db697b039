"""The maps: what they say and name, in both languages, and that they are the same each time."""

from __future__ import annotations

import html
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from networks import lonlat
from studies import AVAL, BIEF, COMBE, ILOT, MONT, own_sites, write_study
from typer.testing import CliRunner

from accessibility import cli
from accessibility.analysis.coverage import Coverage, coverage
from accessibility.analysis.isochrones import isochrones
from accessibility.analysis.scenario import Move, Place, Scenario, Stop
from accessibility.analysis.scenario_form import read_scenario
from accessibility.analysis.simulate import simulate
from accessibility.errors import AccessibilityError, CrsError, InputError, SettingError
from accessibility.inputs.catalogue import sha256
from accessibility.report.map_changes import changes_between
from accessibility.report.map_figure import map_figure, save_figure
from accessibility.report.map_labels import place_labels
from accessibility.report.map_layers import drawable_areas, time_classes
from accessibility.report.map_page import map_page
from accessibility.report.map_words import LANGUAGES, map_text, words
from accessibility.study.study import Study, load_study

RUNNER = CliRunner()
NBSP = "\N{NO-BREAK SPACE}"
EVIL = "</script><b>x"


def areas_of(
    study: Study, minutes: tuple[float, ...] = (20,), *, complete: bool = True
) -> gpd.GeoDataFrame:
    """Areas that were drawn by hand: a strip along the road for each cut-off."""
    n = len(minutes)
    strip = shapely.LineString(study.communes.to_crs(study.metric_crs).representative_point())
    return gpd.GeoDataFrame(
        {
            "facility_id": ["any"] * n,
            "cutoff_s": [m * 60.0 for m in minutes],
            "from_s": [0.0] * n,
            "complete": [complete] * n,
        },
        geometry=[strip.buffer(100.0 * m) for m in minutes],
        crs=study.metric_crs,
    )


@pytest.fixture
def result(small_study: Study) -> Coverage:
    return coverage(small_study)


def svg_of(study: Study, result: Coverage, folder: Path, **options: Any) -> str:
    path = folder / "map.svg"
    save_figure(map_figure(study, result, areas_of(study), **options), path)
    return html.unescape(path.read_text(encoding="utf-8"))


def answer_of(page: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script [^>]*id="answer">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


# -- words --------------------------------------------------------------------------------------


def test_both_languages_have_the_same_words() -> None:
    english, french = words("en"), words("fr")
    assert english.keys() == french.keys()
    for key, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", french[key])), key


def said(study: Study, result: Coverage, lang: str = "en", **options: Any) -> Any:
    given = {"own_sites": None, "areas_complete": True, "cutoffs_s": [1200.0], **options}
    return map_text(study, result, lang=lang, **given)


def test_the_title_is_the_figure(small_study: Study, result: Coverage) -> None:
    assert said(small_study, result).title == (
        "Small: 92.50 % of the inhabitants reach a France services within 20 minutes by car"
    )
    assert said(small_study, result, "fr").title == (
        f"Small{NBSP}: 92,50{NBSP}% des habitants sont à 20 minutes ou moins en voiture d'une "
        "France services"
    )
    back = coverage(small_study, direction="from", minutes=1)
    assert "are reached from a France services within 1 minute by" in said(small_study, back).title
    assert "voiture depuis une France" in said(small_study, back, "fr").title


def test_the_choices_are_told(small_study: Study, result: Coverage) -> None:
    assert dict(said(small_study, result).choices) == {
        "Sites": "2 France services, the territory's own, labelled by 15 November 2022",
        "Population": "population municipale 2019, at the chef-lieu",
        "Speeds": "profile osrm-car",
        "Direction": "from home to the site",
    }
    french = dict(said(small_study, result, "fr").choices)
    assert french["Sites"].endswith("labellisés au 15 novembre 2022")
    around = coverage(small_study, around=True)
    assert "with the neighbours'" in dict(said(small_study, around).choices)["Sites"]
    assert said(small_study, result).sources == ("© OpenStreetMap contributors, ODbL 1.0",)
    assert said(small_study, result).summary == (
        "3,700 of 4,000 inhabitants. Not covered: 2 communes, 300 inhabitants. "
        "2 of 3 cantons have a site."
    )


def test_sites_of_ones_own_and_other_services(small_study: Study) -> None:
    own = coverage(small_study, sites=own_sites([0.0]))
    text = said(small_study, own, own_sites="mine.csv")
    assert "reach a site within" in text.title
    assert dict(text.choices)["Sites"] == "1, from mine.csv"
    pharmacies = replace(small_study, settings={**small_study.settings, "service": "pharmacy"})
    assert "reach a site (pharmacy) within" in said(pharmacies, own).title
    assert "d'un site (pharmacy)" in said(pharmacies, own, "fr").title


def test_an_unknown_share_is_no_number(small_study: Study, result: Coverage) -> None:
    nobody = replace(result, share=float("nan"))
    for lang in LANGUAGES:
        assert "nan" not in said(small_study, nobody, lang).title
    assert said(small_study, nobody).title.endswith("is unknown")


def test_what_is_not_known_is_told(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path / "rim", rim=(1, 6)))
    found = coverage(study, minutes=200, population=2020)
    found = replace(found, complete=False, sites_off_road=["f9"])
    told = said(study, found, areas_complete=False).warnings
    assert [line.split()[0] for line in told] == ["Not", "The", "Sites", "No"]
    assert ILOT in told[3]
    text = svg_of(study, replace(coverage(study), complete=False), tmp_path)
    assert "Not complete" in text
    page = map_page(study, replace(coverage(study), complete=False), areas_of(study))
    assert any("Incomplet" in line for line in answer_of(page)["words"]["fr"]["warnings"])


# -- layers -------------------------------------------------------------------------------------


def test_times_have_their_class() -> None:
    classes = time_classes(np.array([0.0, 1553.0, np.inf]))
    assert classes.names == ["0–5", "5–10", "10–15", "15–20", "20–25", "25–30"]
    assert classes.of(np.array([0, 300, 300.001, 1800, np.inf])).tolist() == [0, 0, 1, 5, -1]
    assert len(time_classes(np.array([np.inf])).colours) == 2
    assert len(time_classes(np.array([2400.0])).colours) == 8
    assert time_classes(np.array([2401.0])).limits == (0, 10, 20, 30, 40, 50)


def test_shades_go_from_light_to_dark_in_grey() -> None:
    for longest in (600, 1500, 2400):
        shades = time_classes(np.array([float(longest)])).colours
        rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in shades])
        grey = rgb @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(grey) < -12).all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda a: a.drop(columns=["from_s", "complete"]), InputError, "lacks from_s, complete"),
        (lambda a: a.assign(from_s=600.0), InputError, "are bands"),
        (lambda a: a.assign(cutoff_s=900.0), InputError, "of 15 minutes; those of 20"),
        (lambda a: a.to_crs(4326), CrsError, "EPSG:2154"),
    ],
)
def test_areas_of_another_question_are_refused(
    small_study: Study, result: Coverage, change: Any, error: type[Exception], words: str
) -> None:
    areas = change(areas_of(small_study))
    for draw in (map_figure, map_page):
        with pytest.raises(error, match=words):
            draw(small_study, result, areas)


def test_another_language_is_refused(small_study: Study, result: Coverage) -> None:
    for draw in (map_figure, map_page):
        with pytest.raises(SettingError, match="'de'; en or fr is expected"):
            draw(small_study, result, areas_of(small_study), lang="de")


def test_specks_are_not_drawn(small_study: Study, result: Coverage) -> None:
    big, speck = shapely.box(0, 0, 9e3, 9e3), shapely.box(2e4, 0, 20_900, 900)
    holes = [shapely.box(1e3, 1e3, 1_900, 1_900), shapely.box(4e3, 4e3, 6e3, 6e3)]
    area = shapely.union_all([big, speck]).difference(shapely.union_all(holes))
    areas = areas_of(small_study).set_geometry([area], crs=small_study.metric_crs)
    (drawn,) = drawable_areas(areas, small_study, result).geometry
    assert drawn.equals(big.difference(holes[1]))
    nothing = areas.set_geometry([None], crs=small_study.metric_crs)
    assert drawable_areas(nothing, small_study, result).geometry.is_empty.all()
    map_figure(small_study, result, nothing)
    map_page(small_study, result, nothing)


# -- labels -------------------------------------------------------------------------------------


def test_names_keep_apart_and_inside() -> None:
    rng = np.random.default_rng(5)
    places, sizes = rng.uniform(0, 400, (60, 2)), np.tile([70.0, 10.0], (60, 1))
    site = (190.0, 190.0, 210.0, 210.0)
    land = shapely.box(100, 100, 300, 300)
    placed = place_labels(
        places, sizes, frame=(0, 0, 400, 400), taken=[site], marked=land, land=land
    )
    boxes = [shapely.box(p.x - 35, p.y - 5, p.x + 35, p.y + 5) for p in placed]
    assert len(placed) > 40
    assert all(shapely.box(0, 0, 400, 400).covers(box) for box in boxes)
    assert not any(box.intersects(shapely.box(*site)) for box in boxes)
    left, right = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    assert (left == right).all()


# -- the figure ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_figure_says_what_it_shows(
    small_study: Study, result: Coverage, tmp_path: Path, lang: str
) -> None:
    text = svg_of(small_study, result, tmp_path, lang=lang)
    told = said(small_study, result, lang)
    assert told.title in text
    for name in result.uncovered["name"]:
        assert text.count(f">{name}</text>") == 2  # on the map and in the list
    assert ">Aval</text>" not in text  # it is covered
    for key in ("legend_time", "not_covered", "not_reached", "area", "site", "canton", "choices"):
        assert told.labels[key] in text, key
    for part in ("OpenStreetMap", "ODbL", "osrm-car", "2019", " km<", ">N<", "5–10 min"):
        assert part in text, part


def test_names_without_room_are_counted(
    small_study: Study, result: Coverage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accessibility.report.map_figure.place_labels", lambda *a, **k: [])
    text = svg_of(small_study, result, tmp_path)
    assert "Not named on the map, for want of room: 2." in text
    assert text.count(">Ilot</text>") == 1  # in the list alone


def test_many_names_do_not_hide_the_map(
    small_study: Study, result: Coverage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accessibility.report.map_figure.MOST_NAMES", 1)
    many = pd.concat([result.uncovered] * 30, ignore_index=True)
    text = svg_of(small_study, replace(result, uncovered=many), tmp_path)
    assert "Not named on the map, for want of room: 1." in text
    (more,) = re.findall(r">and (\d+) more<", text)
    assert text.count(">Combe</text>") + text.count(">Ilot</text>") == 1 + 60 - int(more)


def test_dollars_in_a_name_are_no_formula(
    small_study: Study, result: Coverage, tmp_path: Path
) -> None:
    named = result.by_commune.assign(name="$x^2$ & <b>")
    assert ">$x^2$ & <b></text>" in svg_of(small_study, replace(result, by_commune=named), tmp_path)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_figure_is_the_same_each_time(
    small_study: Study, result: Coverage, tmp_path: Path, suffix: str
) -> None:
    made = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{suffix}"
        save_figure(map_figure(small_study, result, areas_of(small_study, (10, 20))), path)
        made.append(path.read_bytes())
    assert made[0] == made[1]
    assert made[0].startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix])


def test_all_is_covered_and_no_canton_is_known(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path / "plain", cantons=False))
    study = replace(study, communes=study.communes[:2].assign(canton_code=None))
    found = coverage(study)
    assert found.uncovered.empty
    text = svg_of(study, found, tmp_path)
    for key in ("not_covered", "not_reached", "canton"):
        assert words("en")[key] not in text
    answer = answer_of(map_page(study, found, areas_of(study)))
    assert (answer["unreached"], answer["cantons"]) == (None, False)


# -- the page -----------------------------------------------------------------------------------


def test_the_page_holds_the_numbers(small_study: Study, result: Coverage) -> None:
    page = map_page(small_study, result, areas_of(small_study, (10, 20, 30)), lang="fr")
    assert '<html lang="fr">' in page
    assert f"<title>{html.escape(said(small_study, result, 'fr').title)}</title>" in page
    answer = answer_of(page)
    communes = answer["communes"]
    assert communes["code"][:3] == [AVAL, "39002", COMBE]
    assert communes["time_s"] == [0, 1200, 1200, 0, 1000, None]
    assert communes["late"] == [False, False, True, False, False, True]
    assert communes["over_s"] == [None, None, 0, None, None, None]
    assert communes["site"][-2:] == ["site f2", None]
    assert [name for _, name in answer["bands"]] == ["0–10", "10–20", "20–30"]
    assert answer["words"]["en"]["layer_bands"] == "Areas within 10, 20, 30 minutes"
    assert answer["words"]["en"]["title"] == said(small_study, result).title


def test_the_page_is_the_same_each_time(small_study: Study, result: Coverage) -> None:
    first, second = (map_page(small_study, result, areas_of(small_study)) for _ in range(2))
    assert first == second


def test_the_page_loads_nothing_from_outside(small_study: Study, result: Coverage) -> None:
    page = map_page(small_study, result, areas_of(small_study))
    assert not re.search(r"<(?:script|img|iframe|link|source)\b[^>]*\b(?:src|href)\s*=", page)
    assert "@import" not in page.split("</style>")[0]
    ours = page.split('<script type="application/json" id="answer">')
    drawing = ours[1].split("</script>\n<script>")[0]
    assert not re.search(r"https?:", ours[0] + drawing)


def test_names_cannot_break_the_page(small_study: Study) -> None:
    sites = own_sites([0.0, 40_000.0], name=[EVIL, "<!--"])
    communes = small_study.communes.assign(name=f"{EVIL}<!--<script>")
    study = replace(small_study, communes=communes, title=EVIL)
    page = map_page(study, coverage(study, sites=sites), areas_of(study), own_sites=EVIL)
    plain = map_page(small_study, coverage(small_study), areas_of(small_study))
    for mark in ("<b>x", "</script>", "<!--", "<script"):
        assert page.count(mark) == plain.count(mark), mark
    assert answer_of(page)["communes"]["site"][0] == EVIL


# -- the command --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "html"])
def test_the_command_writes_a_map(small_study: Study, tmp_path: Path, suffix: str) -> None:
    coverage(small_study)
    out = tmp_path / "made" / f"map.{suffix}"
    arguments = ["map", "--study", str(small_study.folder), "--out", str(out), "--lang", "fr"]
    done = RUNNER.invoke(cli.app, arguments)
    assert done.exit_code == 0, done.output
    trail = out.with_name(f"{out.name}.manifest.json")
    assert done.stdout == f"Written: {out}, {trail.name}\n"
    assert set(out.parent.iterdir()) == {out, trail}
    told = json.loads(trail.read_text(encoding="utf-8"))
    assert told["answer"]["share_covered"] == 0.925
    assert told["files"] == {out.name: sha256(out)}
    first = out.read_bytes()
    assert RUNNER.invoke(cli.app, [*arguments, "--overwrite"]).exit_code == 0
    assert out.read_bytes() == first


def test_the_command_takes_other_choices(small_study: Study, tmp_path: Path) -> None:
    sites = tmp_path / "mine.csv"
    sites.write_text(f"code_insee\n{MONT}\n", encoding="utf-8")
    out = tmp_path / "map.html"
    done = RUNNER.invoke(
        cli.app,
        ["map", "--study", str(small_study.folder), "--out", str(out), "--sites", str(sites),
         "--minutes", "15", "--direction", "from", "--population", "2020",
         "--as-of", "2021-01-01", "--walk-kph", "4.5"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    english = answer_of(out.read_text(encoding="utf-8"))["words"]["en"]
    assert "are reached from a site within 15 minutes" in english["title"]
    assert dict(english["choice_rows"])["Sites"].startswith("1, from mine.csv")
    assert "on foot off the road, at 4.5 km/h" in dict(english["choice_rows"])["Direction"]
    assert english["layer_bands"] == "Areas within 10, 15, 20, 30 minutes"


def refusal(*arguments: object) -> str:
    error = RUNNER.invoke(cli.app, ["map", *map(str, arguments)]).exception
    assert isinstance(error, AccessibilityError), error
    return str(error)


def test_the_command_refuses_before_it_works(tmp_path: Path) -> None:
    assert "ends in .png, .svg, .pdf or .html" in refusal("--out", tmp_path / "map.jpg")
    for name in ("map.png", "page.html.manifest.json"):
        (tmp_path / name).touch()
    assert "exists already" in refusal("--out", tmp_path / "map.png")
    assert "exists already" in refusal("--out", tmp_path / "page.html")
    for wrong in (["--lang", "de"], ["--minutes", "0"], []):
        out = ["--out", str(tmp_path / "m.png")] if wrong else []
        assert RUNNER.invoke(cli.app, ["map", *out, *wrong]).exit_code == 2
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("library", "suffix", "modules"),
    [
        ("matplotlib", "png", ["map_column", "map_figure"]),
        ("bokeh", "html", ["map_drawing", "map_page"]),
    ],
)
def test_a_missing_library_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, suffix: str, modules: list[str]
) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    for name in modules:
        monkeypatch.delitem(sys.modules, f"accessibility.report.{name}")
    told = refusal("--out", tmp_path / f"map.{suffix}")
    assert told.endswith(f'needs {library}: pip install "accessibility-toolkit[maps]".')


# -- before and after ---------------------------------------------------------------------------


def what_if() -> Scenario:
    """Aval closes, Combe opens, the site of Ville moves to the west."""
    ((lon, lat),) = lonlat([(39_000, 0)])
    return Scenario(
        name=f"Aval goes {EVIL}",
        add=(Place(insee=COMBE),),
        remove=(Place(id="f1"),),
        move=(Move(Place(id="f2"), Place(lon=lon, lat=lat)),),
    )


@pytest.fixture
def both(small_study: Study) -> dict[str, Any]:
    done = simulate(small_study, what_if())
    return {"result": done.after, "before": done.before, "scenario": what_if()}


def test_changes_are_those_of_the_simulation(small_study: Study, both: dict[str, Any]) -> None:
    changes = changes_between(small_study, both["before"], both["result"], scenario=what_if())
    simulation = simulate(small_study, what_if())
    for change, codes in (("gained", [COMBE]), ("lost", [AVAL, BIEF])):
        assert changes.of(change)["code_insee"].tolist() == codes
        people = getattr(simulation, f"population_{change}")
        assert changes.of(change)["population"].sum() == people
    assert (changes.named("opened"), changes.named("closed")) == (["Combe"], ["site f1"])
    (moved,) = changes.sites[changes.sites["change"] == "moved"].itertuples()
    assert moved.before.distance(moved.geometry) == pytest.approx(1000, rel=0.01)
    assert (changes.services_before, changes.services_after) == (2, 2)
    back = changes_between(small_study, both["result"], both["before"])
    assert back.of("lost")["code_insee"].tolist() == [COMBE]
    assert back.named("opened") == ["site f1"]


def test_an_itinerant_service_is_one_site(small_study: Study) -> None:
    stops = Scenario(stop=(Stop((Place(insee=COMBE), Place(insee=MONT)), name="Bus"),))
    done = simulate(small_study, stops)
    changes = changes_between(small_study, done.before, done.after, scenario=stops)
    assert (changes.services_after, len(changes.named("opened"))) == (3, 2)


def test_answers_of_other_questions_are_refused(
    small_study: Study, result: Coverage, both: dict[str, Any]
) -> None:
    others = (
        ({"minutes": 15.0}, "the minutes 15.0; 20.0 is expected"),
        ({"direction": "from"}, "the direction from"),
        ({"population_year": 2020}, "the population year 2020"),
        ({"by_commune": result.by_commune[:3]}, "of other communes"),
    )
    for change, told in others:
        for draw in (map_figure, map_page):
            with pytest.raises(InputError, match=told):
                draw(small_study, result, areas_of(small_study), before=replace(result, **change))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_figure_tells_before_and_after(
    small_study: Study, both: dict[str, Any], tmp_path: Path, lang: str
) -> None:
    result = both.pop("result")
    text = svg_of(small_study, result, tmp_path, lang=lang, **both)
    title = {
        "en": "Small: 65.00 % of the inhabitants reach a France services within 20 minutes by car, "
        "instead of 92.50 %",
        "fr": f"d'une France services, au lieu de 92,50{NBSP}%",
    }
    assert title[lang] in text
    known = words(lang)
    for key in ("scenario", "gained", "lost", "opened", "closed", "moved", "commune_gained",
                "commune_lost", "not_covered", "opens", "closes", "moves"):  # fmt: skip
        assert known[key] in text, key
    for name, times in (
        ("Combe", ("20 min 00 s", "0 min 00 s")),
        ("Aval", ("0 min 00 s", "20 min 00 s")),
        ("Bief", ("20 min 00 s", "40 min 00 s")),
    ):
        assert f">{name}</text>" in text
        for time in times:
            assert f">{time}</text>" in text, (name, time)
    for name in ("Combe", "Aval", "Bief"):  # on the map and in the list
        assert text.count(f">{name}</text>") >= 2, name


def test_the_words_of_a_scenario(small_study: Study, both: dict[str, Any]) -> None:
    changes = changes_between(small_study, both["before"], both["result"], scenario=what_if())
    told = said(small_study, both["result"], changes=changes)
    assert told.summary.startswith("After the scenario: 2,600 of 4,000 inhabitants.")
    assert told.changes == (
        ("Name", f"Aval goes {EVIL}"),
        ("Covered before", "3,700 inhabitants, 92.50 %"),
        ("Newly covered", "200 inhabitants of 1 commune"),
        ("No longer covered", "1,300 inhabitants of 2 communes"),
        ("Opens", "Combe"),
        ("Closes", "site f1"),
        ("Moves", "site f2"),
    )
    assert dict(told.choices)["Sites"].endswith("(2 before the scenario)")
    same = changes_between(small_study, both["before"], both["before"])
    told = said(small_study, both["before"], changes=same)
    assert told.title.endswith("by car, as before")
    assert dict(told.changes)["Newly covered"] == "nobody"
    unknown = replace(both["result"], share=float("nan"))
    told = said(small_study, unknown, changes=changes)
    assert told.title.endswith("is unknown")


def test_many_changes_are_listed_as_far_as_there_is_room(
    small_study: Study, both: dict[str, Any], tmp_path: Path
) -> None:
    def many(answer: Coverage) -> Coverage:
        n = 40
        rows = pd.concat([answer.by_commune] * n, ignore_index=True)
        rows["code_insee"] = [f"{i:05d}" for i in range(len(rows))]
        rows["name"] = [f"{'Very-long-name-' * 3}{i}" for i in range(len(rows))]
        return replace(answer, by_commune=rows, uncovered=pd.concat([answer.uncovered] * n))

    path = tmp_path / "map.svg"
    drawn = map_figure(
        small_study, many(both["result"]), areas_of(small_study), before=many(both["before"]),
        scenario=what_if(),
    )  # fmt: skip
    save_figure(drawn, path)
    more = [int(n) for n in re.findall(r">and (\d+) more<", path.read_text(encoding="utf-8"))]
    assert len(more) >= 2
    lowest = min(
        text.get_window_extent().y0 for text in drawn.texts if text.get_position()[0] > 0.6
    )
    assert lowest > 0.03 * drawn.bbox.height


def test_the_page_holds_what_was_before(small_study: Study, both: dict[str, Any]) -> None:
    page = map_page(small_study, both["result"], areas_of(small_study), before=both["before"],
                    scenario=what_if())  # fmt: skip
    answer = answer_of(page)
    assert answer["before"]["time_s"] == [0, 1200, 1200, 0, 1000, None]
    assert answer["before"]["site"][:2] == ["site f1", "site f1"]
    assert (answer["before"]["gained"], answer["before"]["lost"]) == ([2], [0, 1])
    assert dict(zip(answer["sites"]["name"], answer["sites"]["change"], strict=True)) == {
        "site f2": "moved", "Combe": "opened", "site f1": "closed",
    }  # fmt: skip
    assert ["changes", True] in answer["layers"]
    again = map_page(small_study, both["result"], areas_of(small_study), before=both["before"],
                     scenario=what_if())  # fmt: skip
    assert page == again
    plain = answer_of(map_page(small_study, both["result"], areas_of(small_study)))
    assert plain["before"] is None
    assert "changes" not in dict(plain["layers"])


@pytest.mark.parametrize("suffix", ["svg", "html"])
def test_the_command_maps_a_scenario(small_study: Study, tmp_path: Path, suffix: str) -> None:
    file, out = tmp_path / "what-if.toml", tmp_path / f"map.{suffix}"
    file.write_text(what_if().to_toml(), encoding="utf-8")
    arguments = ["map", "--study", str(small_study.folder), "--scenario", str(file), "--out",
                 str(out)]  # fmt: skip
    done = RUNNER.invoke(cli.app, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads(out.with_name(f"{out.name}.manifest.json").read_text(encoding="utf-8"))
    assert told["own_inputs"] == [{"file": file.name, "sha256": sha256(file)}]
    answer = told["answer"]
    assert (answer["share_before"], answer["share_covered"]) == (0.925, 0.65)
    assert (answer["population_gained"], answer["population_lost"]) == (200, 1300)
    assert (answer["communes_gained"], answer["communes_lost"]) == ([COMBE], [AVAL, BIEF])
    first = out.read_bytes()
    assert RUNNER.invoke(cli.app, [*arguments, "--overwrite"]).exit_code == 0
    assert out.read_bytes() == first


def test_a_site_that_opens_before_its_day_is_drawn(small_study: Study, tmp_path: Path) -> None:
    file, out = tmp_path / "what-if.toml", tmp_path / "map.html"
    file.write_text('[[add]]\nid = "f2"\n', encoding="utf-8")
    done = RUNNER.invoke(
        cli.app,
        ["map", "--study", str(small_study.folder), "--scenario", str(file), "--out", str(out),
         "--as-of", "2021-01-01"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    answer = answer_of(out.read_text(encoding="utf-8"))
    assert answer["sites"]["change"] == ["stays", "opened"]


def test_areas_of_changed_roads_are_drawn_on_them(small_study: Study, tmp_path: Path) -> None:
    file, out = tmp_path / "slower.toml", tmp_path / "map.html"
    file.write_text('[[speed]]\nclass = "primary"\nkph = 18\n', encoding="utf-8")
    done = RUNNER.invoke(
        cli.app,
        ["map", "--study", str(small_study.folder), "--scenario", str(file), "--out", str(out)],
    )
    assert done.exit_code == 0, done.output
    simulation = simulate(small_study, read_scenario(file))
    assert simulation.after.share < simulation.before.share
    slower = isochrones(simulation.study, minutes=20)
    assert slower["road_km"][0] < isochrones(small_study, minutes=20)["road_km"][0]
    assert slower["population"][0] == simulation.after.population_covered


def test_scenarios_that_cannot_be_mapped_are_refused(small_study: Study, tmp_path: Path) -> None:
    file = tmp_path / "what-if.toml"
    given = ["--study", small_study.folder, "--scenario", file, "--out", tmp_path / "map.svg"]
    assert "what-if.toml" in refusal(*given)
    file.write_text('[[remove]]\nid = "f1"\n[[remove]]\nid = "f2"\n', encoding="utf-8")
    assert "leaves no site" in refusal(*given)
    for text, extra in (("", []), ('[[remove]]\nid = "f1"\n', ["--walk-kph", "4"])):
        file.write_text(text, encoding="utf-8")
        assert RUNNER.invoke(cli.app, ["map", *map(str, given), *extra]).exit_code == 2
    assert not list(tmp_path.glob("map*"))


# -- the Jura -----------------------------------------------------------------------------------


@pytest.mark.jura
def test_the_maps_of_the_jura(jura: Study, tmp_path: Path) -> None:
    found = coverage(jura)
    areas = isochrones(jura, minutes=(10, 20, 30))
    path = tmp_path / "jura.svg"
    save_figure(map_figure(jura, found, areas[areas["cutoff_s"] == 1200.0]), path)
    text = html.unescape(path.read_text(encoding="utf-8"))
    assert f"Jura: {found.share * 100:.2f} % of the inhabitants reach" in text
    for name in found.uncovered["name"]:
        assert text.count(f">{name}</text>") == 2, name
    page = map_page(jura, found, areas, lang="fr")
    assert 1e6 < len(page.encode()) < 2.5e6
    answer = answer_of(page)
    assert sum(answer["communes"]["late"]) == len(found.uncovered)
    assert "97,5" in answer["words"]["fr"]["title"]
