"use strict";
// What the page does: speak two languages, tell a commune's minutes, find it, show layers.
const accessibilityMap = (() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const element = (id) => document.getElementById(id);
  const answer = read("answer");
  const { communes, sites, before } = answer; // before: only where a scenario is shown
  let lang = document.documentElement.lang;
  let words = answer.words[lang];
  let model = null; // the drawing, once it stands
  let chosen = -1;
  const late = [...communes.late.keys()].filter((i) => communes.late[i])
    .sort((a, b) => communes.population[b] - communes.population[a]);
  const pointed = { commune: -1, site: -1 };

  // texts go into the page as text, never as markup: a name may hold anything
  function make(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function minutes(seconds) {
    if (seconds === null) return words.not_reached;
    const whole = Math.round(seconds);
    return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  }

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

  // -- the view -------------------------------------------------------------------------------

  // the frame that the view was made for, in pixels
  let [width, height] = [0, 0];

  // show the surroundings of a point, as many metres in a pixel across as up
  function view(x, y, scale) {
    const halves = [(width * scale) / 2, (height * scale) / 2];
    model.x_range.setv({ start: x - halves[0], end: x + halves[0] });
    model.y_range.setv({ start: y - halves[1], end: y + halves[1] });
  }

  // show a box of metres in the middle
  function fit([left, bottom, right, top]) {
    const scale = Math.max((right - left) / width, (top - bottom) / height) * 1.04;
    view((left + right) / 2, (bottom + top) / 2, scale);
  }

  function zoom(factor) {
    const { x_range: x, y_range: y } = model;
    view((x.start + x.end) / 2, (y.start + y.end) / 2, factor * (x.end - x.start) / width);
  }

  let resizing = null;
  function resized() { // once both sides of the frame are known
    clearTimeout(resizing);
    resizing = setTimeout(() => {
      const { x_range: x, y_range: y, inner_width, inner_height } = model;
      const scale = (x.end - x.start) / width;
      const first = !width || !height;
      [width, height] = [inner_width, inner_height];
      if (!width || !height) return;
      if (first) fit(answer.box);
      else view((x.start + x.end) / 2, (y.start + y.end) / 2, scale);
    }, 30);
  }

  // write the names that have room, the most populous communes first
  const pen = document.createElement("canvas").getContext("2d");
  let moving = null;
  function moved() {
    cancelAnimationFrame(moving);
    moving = requestAnimationFrame(() => {
      const { x_range: x, y_range: y } = model;
      const source = model.document.get_model_by_name("names");
      const { x: xs, y: ys, text } = source.data;
      pen.font = "12px sans-serif";
      const boxes = [];
      const alpha = text.map((name, i) => {
        const half = pen.measureText(name).width / 2 + 4;
        const at = [(xs[i] - x.start) / (x.end - x.start) * width,
          (ys[i] - y.start) / (y.end - y.start) * height];
        const box = [at[0] - half, at[1] + 7, at[0] + half, at[1] + 27];
        const free = boxes.every((b) => b[2] < box[0] || b[0] > box[2] || b[3] < box[1] ||
          b[1] > box[3]);
        if (free) boxes.push(box);
        return free ? 0.85 : 0;
      });
      if (alpha.some((a, i) => a !== source.data.alpha[i])) {
        source.data = { ...source.data, alpha };
      }
    });
  }

  // a commune with its surroundings
  function around(i) {
    const [left, bottom, right, top] = communes.box[i];
    const margin = 1.5 * Math.max(right - left, top - bottom);
    return [left - margin, bottom - margin, right + margin, top + margin];
  }

  // -- choosing a commune ---------------------------------------------------------------------

  function picked(indices) {
    chosen = indices.length ? indices[0] : -1;
    showPanel();
  }

  function go(i) {
    model.document.get_model_by_name("communes").selected.indices = [i];
    picked([i]);
    fit(around(i));
  }

  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/œ/g, "oe").replace(/[^\p{L}\p{N}]+/gu, " ").replace(/\bste? /g, (s) =>
      s === "ste " ? "sainte " : "saint ").trim();
  const names = communes.name.map(plain);

  function matching(typed) {
    const wanted = plain(typed);
    if (!wanted) return [];
    const rank = (i) => names[i] === wanted || communes.code[i].toLowerCase() === wanted ? 0
      : names[i].startsWith(wanted) || communes.code[i].toLowerCase().startsWith(wanted) ? 1
        : names[i].includes(` ${wanted}`) ? 2 : names[i].includes(wanted) ? 3 : 4;
    return names.map((_, i) => [rank(i), i]).filter(([r]) => r < 4)
      .sort((a, b) => a[0] - b[0] || names[a[1]].localeCompare(names[b[1]])).slice(0, 8)
      .map(([, i]) => i);
  }

  function startSearch() {
    const [input, found] = [element("search"), element("found")];
    let at = 0;
    const close = () => {
      found.hidden = true;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const mark = () => {
      [...found.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === at)));
      input.setAttribute("aria-activedescendant", `found-${at}`);
      found.children[at].scrollIntoView({ block: "nearest" });
    };
    const take = (i) => { input.value = communes.name[i]; close(); go(i); };
    let hits = [];
    input.addEventListener("input", () => {
      hits = matching(input.value);
      at = 0;
      if (!input.value.trim()) return close();
      found.replaceChildren(...(hits.length ? hits.map((i, place) => {
        const row = make("li", `${communes.name[i]} (${communes.code[i]})`);
        row.id = `found-${place}`;
        row.setAttribute("role", "option");
        // before the field loses the focus
        row.addEventListener("mousedown", (event) => { event.preventDefault(); take(i); });
        return row;
      }) : [make("li", words.nothing_found)]));
      found.hidden = false;
      input.setAttribute("aria-expanded", "true");
      return hits.length ? mark() : undefined;
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      if (found.hidden || !hits.length) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) at = (at + step + hits.length) % hits.length;
      if (event.key === "Enter") take(hits[at]);
      else if (step) mark();
      if (step || event.key === "Enter") event.preventDefault();
    });
    input.addEventListener("blur", close);
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
    startSearch();
    speak(lang);
    for (const button of document.querySelectorAll("[data-lang]")) {
      button.addEventListener("click", () => speak(button.dataset.lang));
    }
    await Bokeh.embed.embed_item(read("drawing"));
    model = Bokeh.documents[0].get_model_by_name("map");
    element("nearer").addEventListener("click", () => zoom(1 / 1.5));
    element("farther").addEventListener("click", () => zoom(1.5));
    element("whole").addEventListener("click", () => fit(answer.box));
    element("stage").addEventListener("mouseleave", () => {
      Object.assign(pointed, { commune: -1, site: -1 });
      showTip();
    });
    resized();
    document.body.dataset.ready = "yes";
  }
  window.addEventListener("DOMContentLoaded", start);

  return {
    picked,
    moved: () => model && moved(),
    resized: () => model && resized(),
    pointed: (what, indices, at) => {
      pointed[what] = indices.length ? indices[0] : -1;
      showTip(at);
    },
  };
})();
