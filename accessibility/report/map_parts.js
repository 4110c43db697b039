"use strict";
// What the offline map and the planners' page do alike: texts, the view, the search.
const accessibilityParts = (() => {
  // texts go into the page as text, never as markup: a name may hold anything
  function make(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function minutes(seconds, words) {
    if (seconds === null) return words.not_reached;
    const whole = Math.round(seconds);
    return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  }

  // The view of a map: it keeps as many metres in a pixel across as up.
  // model: the Bokeh figure; box: metres that it shows at first.
  function viewOf(model, box) {
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
        if (first) fit(box);
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
          source.setv({ data: { ...source.data, alpha } }, { sync: false });
        }
      });
    }

    // metres of a pixel across
    const scale = () => (model.x_range.end - model.x_range.start) / width;
    const bounds = () => [model.x_range.start, model.y_range.start, model.x_range.end,
      model.y_range.end];
    return { fit, zoom, resized, moved, scale, bounds, whole: () => fit(box) };
  }

  // a box with its surroundings
  function around([left, bottom, right, top]) {
    const margin = 1.5 * Math.max(right - left, top - bottom);
    return [left - margin, bottom - margin, right + margin, top + margin];
  }

  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase()
    .replace(/œ/g, "oe").replace(/[^\p{L}\p{N}]+/gu, " ").replace(/\bste? /g, (s) =>
      s === "ste " ? "sainte " : "saint ").trim();
  // Search among communes {name, code}. words(): those of now; go(i): show one.
  function startSearch(input, found, communes, words, go) {
    const names = communes.name.map(plain);
    let at = 0;
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
      }) : [make("li", words().nothing_found)]));
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

  return { make, minutes, viewOf, around, startSearch };
})();
