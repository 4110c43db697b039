"use strict";
// The page asks the program in Python, step by step, and shows what it is told; it counts nothing.
const accessibilityPage = (() => {
  const { make, viewOf, around, startSearch } = accessibilityParts;
  const element = (id) => document.getElementById(id);
  const ground = JSON.parse(element("ground").textContent);
  const { communes } = ground; // code, name, box
  let words = {};
  let answer = null; // what was told last
  let model = null; // the drawing
  let view = null;
  let chosen = -1;
  let count = 0; // of questions
  const pointed = { commune: -1, site: -1, gain: -1 };
  const sent = new Map(); // when each question was asked

  const source = (name) => model.document.get_model_by_name(name);
  const minutes = (seconds) => accessibilityParts.minutes(seconds, words);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const people = (i) => {
    const number = answer.communes.population[i];
    return number === null ? words.unknown : number.toLocaleString(answer.lang);
  };

  function ask(command) {
    count += 1;
    sent.set(count, performance.now());
    send({ ...command, n: count });
  }

  function send(command) {
    source("asked").data = { json: [JSON.stringify(command)] };
  }

  // -- what is told -----------------------------------------------------------------------------

  function told(text) {
    if (!text || !model) return;
    answer = JSON.parse(text);
    if (answer.labels) words = answer.labels;
    document.documentElement.lang = answer.lang;
    document.title = words.page_title;
    if (answer.labels) speak();
    showFigure();
    showChoices();
    showEdits();
    showLists();
    showSites();
    showHelp();
    showBest();
    showSide();
    showLegend();
    showPanel();
    showTip();
    showNotice(answer.notice);
    element("busy").hidden = !answer.busy;
    element("busy").textContent = answer.busy;
    element("undo").disabled = !answer.undo;
    element("redo").disabled = !answer.redo;
    if (answer.file) take(answer.file);
    const query = new URLSearchParams({ lang: answer.lang });
    if (answer.address) query.set("s", answer.address);
    history.replaceState(null, "", `?${query}`);
    if (!answer.pending && answer.n) {
      if (sent.has(answer.n)) {
        const since = sent.get(answer.n);
        // when it is on the screen
        requestAnimationFrame(() => requestAnimationFrame(() => {
          document.body.dataset.tookMs = String(performance.now() - since);
        }));
      }
      for (const n of sent.keys()) if (n <= answer.n) sent.delete(n);
      document.body.dataset.done = String(answer.n);
    }
    document.body.dataset.ready = "yes";
  }

  function speak() {
    for (const e of document.querySelectorAll("[data-word]")) e.textContent = words[e.dataset.word];
    for (const e of document.querySelectorAll("[data-label]")) {
      e.setAttribute("aria-label", words[e.dataset.label]);
      if (e.tagName === "BUTTON") e.title = words[e.dataset.label];
    }
    for (const button of document.querySelectorAll("[data-lang]")) {
      button.setAttribute("aria-pressed", String(button.dataset.lang === answer.lang));
    }
    for (const e of document.querySelectorAll("#layers span")) {
      e.textContent = words[`layer_${e.dataset.layer}`];
    }
    showTool();
  }

  function texts(id, items) {
    element(id).replaceChildren(...items.map((text) => make("li", text)));
  }

  function showFigure() {
    const { figure } = answer;
    element("share").textContent = figure.share;
    element("of").textContent = figure.of;
    element("today").textContent = figure.today;
    element("published").replaceChildren(...[figure.published, figure.difference, figure.source]
      .filter(Boolean).flatMap((line) => [document.createTextNode(line), make("br")]));
    const rows = answer.facts.map(([name, now, was]) => {
      const row = make("tr");
      const head = make("th", name);
      head.scope = "row";
      const cell = make("td", now);
      if (was) cell.append(make("span", fill(words.was, { value: was }), "was"));
      row.append(head, cell);
      return row;
    });
    element("facts").replaceChildren(...rows);
    element("facts").setAttribute("aria-label", words.now_and_before);
    texts("warnings", answer.warnings);
    element("choices").replaceChildren(
      ...answer.choices.flatMap(([name, value]) => [make("dt", name), make("dd", value)]));
    texts("sources", answer.sources);
  }

  function showChoices() {
    const slider = (id, value, text) => {
      if (document.activeElement !== element(id) || !element(id).dataset.moving) {
        element(id).value = value;
        element(`${id}-text`).textContent = text;
      }
    };
    slider("minutes", answer.minutes, answer.minutes_text);
    element("day").max = answer.days.length - 1;
    slider("day", answer.day, answer.days[answer.day]);
    element("year").replaceChildren(...answer.years.map((year) => {
      const option = make("option", year);
      option.selected = year === answer.population;
      return option;
    }));
    if (document.activeElement !== element("name")) element("name").value = answer.name;
  }

  function button(text, command, name) {
    const made = make("button", text, name);
    made.type = "button";
    made.addEventListener("click", () => ask(command));
    return made;
  }

  function line(parts) {
    const made = make("li");
    made.append(...parts);
    return made;
  }

  function showEdits() {
    element("edits").replaceChildren(...(answer.edits.length
      ? answer.edits.map(([text, command]) => line([make("span", text, "row-text"),
        ...(command ? [button(words.take_back, command)] : [])]))
      : [make("li", words.no_edits, "small")]));
  }

  function link(i, text) {
    const made = make("button", communes.name[i], "link");
    made.type = "button";
    made.addEventListener("click", () => go(i));
    return line([made, make("span", text, "small")]);
  }

  function byPeople(rows) {
    const { population } = answer.communes;
    return [...rows].sort((a, b) => (population[b] || 0) - (population[a] || 0));
  }

  function showLists() {
    const { late, over_s: over, time_s: time, gained, lost } = answer.communes;
    const rows = byPeople([...late.keys()].filter((i) => late[i]));
    const lists = {
      late: rows.map((i) => link(i, over[i] === null
        ? fill(words.people_unreached, { people: people(i) })
        : fill(words.people_over, { people: people(i), time: minutes(over[i]) }))),
    };
    for (const [name, found] of [["gained", gained], ["lost", lost]]) {
      lists[name] = byPeople(found).map((i) => link(i,
        fill(words.people_minutes, { people: people(i), time: minutes(time[i]) })));
      element(`${name}-now`).hidden = !found.length;
    }
    for (const [name, found] of Object.entries(lists)) {
      element(`${name}-number`).textContent = String(found.length);
      element(name).replaceChildren(...found);
    }
    if (!rows.length) texts("late", [words.none_uncovered]);
  }

  function showSites() {
    const sites = [...answer.sites].sort((a, b) => a[1].localeCompare(b[1], answer.lang));
    element("sites").replaceChildren(...sites.map(([id, name, change, x, y, off]) => {
      const shown = make("button", name, "link");
      shown.type = "button";
      shown.addEventListener("click", () => view.fit(around([x - 2000, y - 2000, x + 2000, y + 2000])));
      const state = words[`site_${change}`];
      const parts = [shown, make("span", off === null ? state
        : `${state}, ${fill(words.off_by, { metres: off })}`, "small")];
      const todo = change === "closed" ? "site_reopen" : change === "opened" ? "site_remove"
        : "site_close";
      parts.push(button(words[todo], { do: "toggle", site: id }));
      if (chosen >= 0 && change !== "closed") {
        parts.push(button(words.site_move, { do: "move", site: id, code: communes.code[chosen] }));
      }
      return line(parts);
    }));
  }

  function showHelp() {
    const { help } = answer;
    element("help-off").hidden = !help;
    if (!help) return element("help").replaceChildren();
    const rows = help.rows.map(([name, text, [lon, lat]]) => line([
      make("span", `${name}${words.colon} ${text}`, "row-text"),
      button(words.site_here, { do: "add", lon, lat })]));
    if (!rows.length) rows.push(make("li", words.help_none));
    if (help.stale) rows.unshift(make("li", words.stale, "late"));
    return element("help").replaceChildren(...rows);
  }

  function showBest() {
    const { best } = answer;
    element("best-take").hidden = !best || best.stale || !best.sites.length;
    if (!best) return element("best").replaceChildren();
    const parts = best.lines.map((text) => make("p", text));
    if (best.stale) parts.unshift(make("p", words.stale, "late"));
    const list = make("ul");
    list.append(...best.sites.map(([name, gain]) => make("li", `${name} (${gain})`)));
    return element("best").replaceChildren(...parts, list);
  }

  // scenarios side by side stay in this tab; the address holds the one that is shown
  const place = `accessibility beside ${ground.study}`;
  function stored(kept) {
    try {
      if (kept) sessionStorage.setItem(place, JSON.stringify(kept));
      return JSON.parse(sessionStorage.getItem(place)) || [];
    } catch {
      return []; // a browser that keeps nothing
    }
  }

  function showSide() {
    const { names, rows, kept } = answer.side;
    if (kept.length) stored(kept); // none may mean that they are not back yet
    if (!rows.length) return element("side").replaceChildren();
    const table = names.map((name, k) => {
      const row = make("tr");
      const head = make("th", name);
      head.scope = "row";
      row.append(head, ...rows.map((values) => make(k ? "td" : "th", values[k])));
      return row;
    });
    const last = make("tr");
    last.append(make("th"), ...rows.map((_, k) => {
      const cell = make("td");
      if (k) {
        const drop = button(words.side_drop, { do: "drop", number: k - 1 });
        drop.addEventListener("click", () => stored([]));
        cell.append(button(words.side_show, { do: "show_kept", number: k - 1 }), " ", drop);
      }
      return cell;
    }));
    return element("side").replaceChildren(...table, last);
  }

  function showLegend() {
    const shades = element("layer-areas").checked ? answer.bands : answer.classes;
    const rows = shades.map(([colour, name]) => [{ colour }, `${name} min`]);
    const { late, gained, lost } = answer.communes;
    if (answer.unreached) rows.push([{ colour: "#ffffff" }, words.not_reached]);
    if (gained.length) rows.push([{ kind: "gained" }, words.commune_gained]);
    if (lost.length) rows.push([{ kind: "lost" }, words.commune_lost]);
    if (late.some((is, i) => is && !lost.includes(i))) rows.push([{ kind: "late" }, words.not_covered]);
    rows.push([{ kind: "site" }, words.site]);
    for (const kind of ["opened", "closed", "moved"]) {
      if (answer.sites.some((site) => site[2] === kind)) rows.push([{ kind }, words[kind]]);
    }
    if (answer.help && !answer.help.stale) rows.push([{ kind: "gain" }, words.layer_gain]);
    if (answer.closed_roads) rows.push([{ kind: "road" }, fill(words.edit_close_road, { name: "" }).replace(/[\s:]+$/, "")]);
    if (ground.cantons) rows.push([{ kind: "canton" }, words.canton]);
    element("legend").replaceChildren(...rows.map(([key, text]) => {
      const mark = make("span", "", `key ${key.kind || ""}`);
      if (key.colour) mark.style.background = key.colour;
      return line([mark, make("span", text)]);
    }));
  }

  function showNotice({ kind, text }) {
    element("notice").hidden = !text;
    element("notice").className = kind;
    element("notice").textContent = text;
    if (kind === "error") restoreSites();
  }

  function about(i) {
    const { time_s: time, before_s: before, site, site_before: old, over_s: over, late, gained, lost } =
      answer.communes;
    const rows = [
      [words.code, communes.code[i]],
      [words.inhabitants, people(i)],
      [words.time, minutes(time[i])],
      [words.nearest, site[i] === null ? words.none : site[i]],
    ];
    if (before[i] !== time[i]) rows.splice(3, 0, [words.time_before, minutes(before[i])]);
    if (old[i] !== site[i]) rows.push([words.nearest_before, old[i] === null ? words.none : old[i]]);
    const list = make("dl");
    for (const [name, value] of rows) list.append(make("dt", name), make("dd", value));
    const verdict = !late[i] ? (gained.includes(i) ? words.verdict_gained : words.covered)
      : over[i] === null ? (lost.includes(i) ? words.verdict_lost_unreached : words.not_covered)
        : (lost.includes(i) ? words.verdict_lost : words.over).replace("{time}", minutes(over[i]));
    return [make("p", communes.name[i], "name"), list,
      make("p", verdict, late[i] ? "late" : "covered")];
  }

  function showPanel() {
    element("panel").replaceChildren(...(chosen < 0 ? [make("p", words.click)] : about(chosen)));
    element("add-here").disabled = chosen < 0;
  }

  function showTip(at) {
    if (!answer) return;
    const tip = element("tip");
    const parts = [];
    const site = answer.sites[pointed.site];
    if (site) {
      parts.push(make("p", site[1], "name"));
      if (site[2] !== "stays") parts.push(make("p", words[site[2]]));
      if (site[5] !== null) parts.push(make("p", fill(words.off_by, { metres: site[5] })));
    } else if (pointed.gain >= 0) {
      const more = source("gain").data.people[pointed.gain];
      parts.push(make("p", `${words.help_legend} ${Math.round(more).toLocaleString(answer.lang)}`));
    } else if (pointed.commune >= 0) parts.push(...about(pointed.commune));
    tip.hidden = !parts.length;
    tip.replaceChildren(...parts);
    if (tip.hidden || !at) return;
    const frame = element("frame");
    const right = at.sx + 16 + tip.offsetWidth > frame.clientWidth;
    const low = at.sy + 16 + tip.offsetHeight > frame.clientHeight;
    tip.style.left = `${Math.max(0, right ? at.sx - 12 - tip.offsetWidth : at.sx + 16)}px`;
    tip.style.top = `${Math.max(0, low ? at.sy - 12 - tip.offsetHeight : at.sy + 16)}px`;
  }

  function take({ name, media, content }) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const address = URL.createObjectURL(new Blob([bytes], { type: media }));
    const made = make("a");
    made.href = address;
    made.download = name;
    made.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }

  // -- what is asked ----------------------------------------------------------------------------

  const tool = () => document.querySelector("[name=tool]:checked").value;

  function showTool() {
    element("tool-help").textContent = words[`tool_${tool()}_help`];
    element("frame").dataset.tool = tool();
    if (view) hold(false);
  }

  const NEAR_PX = 16;

  // the site under a place of the map, -1 if there is none
  function siteAt(x, y) {
    const { x: xs, y: ys } = source("sites").data;
    const away = [...xs].map((sx, i) => Math.hypot(sx - x, ys[i] - y));
    const least = Math.min(...away);
    return least <= NEAR_PX * view.scale() ? away.indexOf(least) : -1;
  }

  function tap({ x, y }) {
    const site = siteAt(x, y);
    if (tool() === "toggle") {
      if (site >= 0) ask({ do: "toggle", site: answer.sites[site][0] });
    } else if (tool() === "road") ask({ do: "road", x, y, within_m: NEAR_PX * view.scale() });
    else if (tool() === "add" && site < 0) ask({ do: "add", x, y });
  }

  // a press on a site drags it, one beside it drags the map
  let dragged = -1;
  function pressed(event) {
    const box = element("frame").getBoundingClientRect();
    const [left, bottom, right, top] = view.bounds();
    const x = left + (event.clientX - box.left) / box.width * (right - left);
    const y = top - (event.clientY - box.top) / box.height * (top - bottom);
    dragged = siteAt(x, y);
    if (dragged >= 0 && answer.sites[dragged][2] === "closed") dragged = -1;
    hold(dragged >= 0);
  }

  // which tool has the pointer: the one that drags sites excludes those that pan and pick
  function hold(site) {
    source(site ? "drag" : "pan").active = true;
    // a commune is chosen only where a click does nothing else
    if (!site) source("tap").active = tool() === "look";
  }

  function panend() {
    setTimeout(() => { // the tool has put the point down by then
      if (dragged < 0) return;
      const { x, y } = source("sites").data;
      const [id, , , oldX, oldY] = answer.sites[dragged];
      if (x[dragged] !== oldX || y[dragged] !== oldY) {
        ask({ do: "move", site: id, x: x[dragged], y: y[dragged] });
      }
      dragged = -1;
      hold(false);
    }, 0);
  }

  function restoreSites() {
    const sites = source("sites");
    sites.setv({ data: { ...sites.data, x: answer.sites.map((site) => site[3]),
      y: answer.sites.map((site) => site[4]) } }, { sync: false });
  }

  function picked(indices) {
    chosen = indices.length ? indices[0] : -1;
    if (!answer) return;
    showPanel();
    showSites();
  }

  function go(i) {
    source("communes").selected.indices = [i];
    picked([i]);
    view.fit(around(communes.box[i]));
  }

  function show(layer, on) {
    element(`layer-${layer}`).checked = on;
    for (const drawn of model.renderers) if (drawn.tags.includes(layer)) drawn.visible = on;
  }

  let looking = null;
  let seen = ""; // the bounds whose roads were asked for
  function viewed() {
    if (!view) return;
    view.moved();
    clearTimeout(looking);
    looking = setTimeout(() => {
      const box = view.bounds();
      if (!element("layer-roads").checked || String(box) === seen) return;
      seen = String(box);
      send({ do: "view", box });
    }, 300);
  }

  function start() {
    for (const [layer, on] of ground.layers) {
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
        // in the holes of the areas, the communes' shades would look like areas
        const other = { areas: "communes", communes: "areas" }[layer];
        if (other && box.checked && element(`layer-${other}`).checked) {
          show(other, false);
          if (other === "areas") ask({ do: "areas_off" });
        }
        if (layer === "areas") ask({ do: box.checked ? "areas" : "areas_off" });
        if (layer === "background") {
          for (const drawn of model.renderers) {
            if (drawn.tags.includes("communes")) drawn.glyph.fill_alpha = box.checked ? 0.45 : 1;
          }
        }
        if (layer === "roads") viewed();
        showLegend();
      });
    }
    startSearch(element("search"), element("found"), communes, () => words, go);
    const click = (id, does) => element(id).addEventListener("click", does);
    for (const id of ["undo", "redo", "reset", "keep"]) click(id, () => ask({ do: id }));
    click("add-here", () => chosen >= 0 && ask({ do: "add", code: communes.code[chosen] }));
    click("help-ask", () => ask({ do: "help" }));
    click("help-off", () => ask({ do: "help_off" }));
    click("best-take", () => ask({ do: "take_best" }));
    click("best-ask", () => ask({ do: "best", number: element("best-number").valueAsNumber || 0,
      budget: element("best-budget").value === "" ? null : element("best-budget").valueAsNumber }));
    click("nearer", () => view.zoom(1 / 1.5));
    click("farther", () => view.zoom(1.5));
    click("whole", () => view.whole());
    click("print", () => window.print());
    // paper gets a copy of the map as it is seen: nothing is drawn while a browser prints
    window.addEventListener("beforeprint", () => element("paper").replaceChildren(
      window.Bokeh.index.find_one(model).export("png").canvas));
    window.addEventListener("afterprint", () => element("paper").replaceChildren());
    click("copy", () => {
      if (answer.address === null) return showNotice({ kind: "error", text: words.too_long });
      navigator.clipboard?.writeText(location.href);
      return showNotice({ kind: "done", text: words.copied });
    });
    for (const made of document.querySelectorAll("[data-export]")) {
      made.addEventListener("click", () => ask({ do: "export", kind: made.dataset.export }));
    }
    for (const made of document.querySelectorAll("[data-lang]")) {
      made.addEventListener("click", () => ask({ do: "lang", lang: made.dataset.lang }));
    }
    for (const made of document.querySelectorAll("[name=tool]")) {
      made.addEventListener("change", showTool);
    }
    for (const [id, key] of [["minutes", "minutes"], ["day", "day"]]) {
      let waiting = null;
      element(id).addEventListener("input", () => {
        element(id).dataset.moving = "yes";
        element(`${id}-text`).textContent = id === "day" ? answer.days[element(id).value]
          : `${element(id).value} min`;
        clearTimeout(waiting); // where a slider rests, not each step on the way
        waiting = setTimeout(() => {
          delete element(id).dataset.moving;
          ask({ do: "set", [key]: element(id).valueAsNumber });
        }, 150);
      });
    }
    element("year").addEventListener("change", () =>
      ask({ do: "set", population: Number(element("year").value) }));
    element("name").addEventListener("change", () => ask({ do: "name", name: element("name").value }));
    element("load").addEventListener("change", async () => {
      const [file] = element("load").files;
      element("load").value = "";
      if (!file) return;
      if (file.size > ground.most_bytes) {
        showNotice({ kind: "error", text: fill(words.refused, { reason: fill(words.too_large,
          { size: Math.ceil(file.size / 1000), most: ground.most_bytes / 1000 }) }) });
        return;
      }
      ask({ do: "load", text: await file.text(), name: file.name });
    });
    element("frame").addEventListener("pointerdown", pressed, true);
    element("frame").addEventListener("mouseleave", () => {
      Object.assign(pointed, { commune: -1, site: -1, gain: -1 });
      showTip();
    });
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.target.matches("input, select")) return;
      const step = event.key === "z" ? (event.shiftKey ? "redo" : "undo") : event.key === "y" && "redo";
      if (step) { event.preventDefault(); ask({ do: step }); }
    });
    view.resized();
    told(source("told").data.json[0]);
    const kept = stored();
    if (kept.length) ask({ do: "restore", kept });
  }

  // the program sends the drawing over its own connection
  function wait() {
    const found = window.Bokeh?.documents[0]?.get_model_by_name("map");
    if (!found || !window.Bokeh.documents[0].get_model_by_name("told")) {
      setTimeout(wait, 20);
      return;
    }
    model = found;
    view = viewOf(model, ground.box);
    start();
  }
  window.addEventListener("DOMContentLoaded", wait);

  return {
    told, picked, tap, panend, viewed,
    panstart: () => {},
    doubletap: () => {},
    lost: () => showNotice({ kind: "error", text: words.lost_connection }),
    resized: () => {
      if (!view) return;
      if (!matchMedia("print").matches) view.resized();
    },
    pointed: (what, indices, at) => {
      pointed[what] = indices.length ? indices[0] : -1;
      showTip(at);
    },
  };
})();
window.accessibilityPage = accessibilityPage;
