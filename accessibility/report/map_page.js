"use strict";
// What the page does: speak two languages, tell a commune's minutes, find it, show layers.
const accessibilityMap = (() => {
  const { make, viewOf, around, startSearch } = accessibilityParts;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const element = (id) => document.getElementById(id);
  const answer = read("answer");
  const { communes, sites, before } = answer; // before: only where a scenario is shown
  let lang = document.documentElement.lang;
  let words = answer.words[lang];
  let model = null; // the drawing, once it stands
  let view = null; // what of it is shown
  let chosen = -1;
  const late = [...communes.late.keys()].filter((i) => communes.late[i])
    .sort((a, b) => communes.population[b] - communes.population[a]);
  const pointed = { commune: -1, site: -1 };

  const minutes = (seconds) => accessibilityParts.minutes(seconds, words);

  function people(i) {
    const number = communes.population[i];
    return number === null ? words.unknown : number.toLocaleString(lang);
  }

  function told(i) {
    const time = communes.time_s[i];
    const over = communes.over_s[i];
    const site = communes.site[i];
    const rows = [
      [words.code, communes.code[i]],
      [words.inhabitants, people(i)],
      [words.time, minutes(time)],
      [words.nearest, site === null ? words.none : site],
    ];
    if (before) {
      rows.splice(3, 0, [words.time_before, minutes(before.time_s[i])]);
      const old = before.site[i];
      if (old !== site) rows.push([words.nearest_before, old === null ? words.none : old]);
    }
    const parts = document.createDocumentFragment();
    parts.append(make("p", communes.name[i], "name"));
    const list = make("dl");
    for (const [name, value] of rows) list.append(make("dt", name), make("dd", value));
    parts.append(list);
    const lost = before && before.lost.includes(i);
    const gained = before && before.gained.includes(i);
    const verdict = !communes.late[i] ? (gained ? words.verdict_gained : words.covered)
      : over === null ? (lost ? words.verdict_lost_unreached : words.not_covered)
        : (lost ? words.verdict_lost : words.over).replace("{time}", minutes(over));
    parts.append(make("p", verdict, communes.late[i] ? "late" : "covered"));
    return parts;
  }

  function showPanel() {
    element("panel").replaceChildren(chosen < 0 ? make("p", words.click) : told(chosen));
  }

  function showTip(at) {
    const tip = element("tip");
    const parts = [];
    if (pointed.site >= 0) {
      parts.push(make("p", sites.name[pointed.site], "name"));
      const change = sites.change ? sites.change[pointed.site] : "stays";
      if (change !== "stays") parts.push(make("p", words[change]));
    } else if (pointed.commune >= 0) parts.push(told(pointed.commune));
    tip.hidden = !parts.length;
    tip.replaceChildren(...parts);
    if (tip.hidden || !at) return;
    const stage = element("stage");
    const right = at.sx + 16 + tip.offsetWidth > stage.clientWidth;
    const low = at.sy + 16 + tip.offsetHeight > stage.clientHeight;
    tip.style.left = `${Math.max(0, right ? at.sx - 12 - tip.offsetWidth : at.sx + 16)}px`;
    tip.style.top = `${Math.max(0, low ? at.sy - 12 - tip.offsetHeight : at.sy + 16)}px`;
  }

  // -- languages ------------------------------------------------------------------------------

  function list(id, items, tag = "li") {
    element(id).replaceChildren(...items.map((text) => make(tag, text)));
  }

  function speak(wanted) {
    lang = wanted;
    words = answer.words[lang];
    document.documentElement.lang = lang;
    document.title = words.title;
    for (const e of document.querySelectorAll("[data-word]")) e.textContent = words[e.dataset.word];
    for (const e of document.querySelectorAll("[data-label]")) {
      e.setAttribute("aria-label", words[e.dataset.label]);
      if (e.tagName === "BUTTON") e.title = words[e.dataset.label];
    }
    for (const button of document.querySelectorAll("[data-lang]")) {
      button.setAttribute("aria-pressed", String(button.dataset.lang === lang));
    }
    for (const e of document.querySelectorAll("#layers span")) {
      e.textContent = words[`layer_${e.dataset.layer}`];
    }
    list("warnings", words.warnings);
    list("sources", words.source_lines);
    for (const [id, rows] of [["choices", words.choice_rows], ["change-rows", words.change_rows]]) {
      element(id).replaceChildren(
        ...rows.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
    }
    showLegend();
    showLists();
    showPanel();
    showTip();
  }

  function showLegend() {
    const rows = [];
    if (element("layer-communes").checked) {
      rows.push(...answer.classes.map(([colour, name]) => [{ colour }, `${name} min`]));
      if (answer.unreached) rows.push([{ colour: answer.unreached }, words.not_reached]);
    }
    if (element("layer-bands").checked) {
      rows.push(...answer.bands.map(([colour, name]) => [{ colour }, `${name} min`]));
    }
    for (const kind of ["gained", "lost"]) {
      if (before && before[kind].length) rows.push([{ kind }, words[`commune_${kind}`]]);
    }
    if (late.some((i) => !before || !before.lost.includes(i))) {
      rows.push([{ kind: "late" }, words.not_covered]);
    }
    rows.push([{ kind: "area" }, words.area], [{ kind: "site" }, words.site]);
    for (const kind of ["opened", "closed", "moved"]) {
      if (sites.change && sites.change.includes(kind)) rows.push([{ kind }, words[kind]]);
    }
    if (answer.cantons) rows.push([{ kind: "canton" }, words.canton]);
    element("legend").replaceChildren(...rows.map(([key, text]) => {
      const row = make("li");
      const mark = make("span", "", `key ${key.kind || ""}`);
      if (key.colour) mark.style.background = key.colour;
      row.append(mark, make("span", text));
      return row;
    }));
  }

  function link(i, time) {
    const button = make("button", `${communes.name[i]}, ${time}`);
    button.type = "button";
    button.addEventListener("click", () => go(i));
    const row = make("li");
    row.append(button);
    return row;
  }

  function showLists() {
    element("late").hidden = !late.length;
    element("late-list").replaceChildren(...late.map((i) => link(i, minutes(communes.time_s[i]))));
    element("changes").hidden = !before;
    if (!before) return;
    const both = (i) => `${minutes(before.time_s[i])} → ${minutes(communes.time_s[i])}`;
    element("change-list").replaceChildren(...["gained", "lost"].flatMap((kind) =>
      [...before[kind].length ? [make("li", words[kind], "name")] : [],
        ...before[kind].map((i) => link(i, both(i)))]));
  }

  // -- choosing a commune ---------------------------------------------------------------------

  function picked(indices) {
    chosen = indices.length ? indices[0] : -1;
    showPanel();
  }

  function go(i) {
    model.document.get_model_by_name("communes").selected.indices = [i];
    picked([i]);
    view.fit(around(communes.box[i]));
  }

  // -- layers ---------------------------------------------------------------------------------

  function show(layer, on) {
    element(`layer-${layer}`).checked = on;
    for (const drawn of model.renderers) if (drawn.tags.includes(layer)) drawn.visible = on;
  }

  function startLayers() {
    for (const [layer, on] of answer.layers) {
      const label = make("label");
      const box = make("input");
      box.type = "checkbox";
      box.id = `layer-${layer}`;
      box.checked = on;
      const text = make("span");
      text.dataset.layer = layer;
      label.append(box, text);
      element("layers").append(label);
      box.addEventListener("change", () => {
        show(layer, box.checked);
        // in the holes of the bands, the communes' shades would look like bands
        const other = { bands: "communes", communes: "bands" }[layer];
        if (other && box.checked) show(other, false);
        showLegend();
      });
    }
  }

  async function start() {
    startLayers();
    startSearch(element("search"), element("found"), communes, () => words, go);
    speak(lang);
    for (const button of document.querySelectorAll("[data-lang]")) {
      button.addEventListener("click", () => speak(button.dataset.lang));
    }
    await Bokeh.embed.embed_item(read("drawing"));
    model = Bokeh.documents[0].get_model_by_name("map");
    view = viewOf(model, answer.box);
    element("nearer").addEventListener("click", () => view.zoom(1 / 1.5));
    element("farther").addEventListener("click", () => view.zoom(1.5));
    element("whole").addEventListener("click", () => view.whole());
    element("stage").addEventListener("mouseleave", () => {
      Object.assign(pointed, { commune: -1, site: -1 });
      showTip();
    });
    view.resized();
    document.body.dataset.ready = "yes";
  }
  window.addEventListener("DOMContentLoaded", start);

  return {
    picked,
    moved: () => view && view.moved(),
    resized: () => view && view.resized(),
    pointed: (what, indices, at) => {
      pointed[what] = indices.length ? indices[0] : -1;
      showTip(at);
    },
  };
})();
