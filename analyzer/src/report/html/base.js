// The report, what is looked up in it, and how its parts are written. All
// text reaches the page as text, never as markup.

const report = JSON.parse(document.getElementById("report").textContent);
const SVG = "http://www.w3.org/2000/svg";
const STAGES = report.stages.map((entry) => entry.stage);
const SEVERITIES = ["blocks", "costs", "note"];

/** An element: attributes, then children; a string is text. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "click") made.addEventListener("click", value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null && child !== false));
  return made;
}

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
const priceText = (price) => price.toFixed(1).replace(/\.0$/, "");

function count(number, one) {
  if (number === 1) return `1 ${one}`;
  return `${grouped(number)} ${one.endsWith("y") ? `${one.slice(0, -1)}ies` : `${one}s`}`;
}

const fileOf = (id) => id.slice(0, id.indexOf(":"));
const nameOf = (id) => id.slice(id.indexOf(":") + 1);

/** `features.build_frame` */
function short(id) {
  if (!id.includes(":")) return id;
  return `${fileOf(id).split("/").pop().replace(/\.[^.]*$/, "")}.${nameOf(id)}`;
}

const placeText = (place) =>
  `${place.file}${place.cell == null ? "" : `[${place.cell}]`}:${place.line}`;

function byKey(items, keys) {
  const map = new Map();
  for (const item of items) {
    for (const key of new Set(keys(item))) {
      if (map.has(key)) map.get(key).push(item);
      else map.set(key, [item]);
    }
  }
  return map;
}

const boundary = (from, to) => `${from} -> ${to}`;
const functions = new Map(report.functions.map((entry) => [entry.id, entry]));
const crossingsOf = byKey(report.crossings, (entry) => [entry.from, entry.to]);
const crossingsAt = byKey(report.crossings, (entry) => [boundary(entry.from_stage, entry.to_stage)]);
const findingsOf = byKey(report.findings, (entry) => [entry.function]);
const contractAt = new Map(report.contracts.map((entry) => [entry.at, entry]));
const callsFrom = byKey(report.calls, (call) => [call[0]]);
const callsTo = byKey(report.calls, (call) => [call[1]]);
const indexOf = new Map(report.functions.map((entry, idx) => [entry.id, idx]));

/** A stage's name in its colour. */
const chip = (stage) => el("span", { class: "chip", "data-stage": stage }, stage);

function chips(stages) {
  return el("span", { class: "chips" }, stages.map(chip));
}

const code = (text) => el("code", {}, text);
const where = (place) => el("code", { class: "where" }, placeText(place));

/** A function's name that opens it. */
function functionLink(id) {
  if (!functions.has(id)) return code(short(id));
  return el("button", { type: "button", class: "link", title: id, click: () => openFunction(id) }, code(short(id)));
}

/** Value of a contract entry. */
const valueOf = (item) =>
  item.value === "unknown" ? el("span", { class: "unknown" }, "unknown") : code(item.value);

// What scrolls sideways is a stop of the keyboard, else not.
const overflowing = new ResizeObserver((seen) => {
  for (const { target } of seen) {
    if (target.scrollWidth > target.clientWidth + 1) target.setAttribute("tabindex", "0");
    else target.removeAttribute("tabindex");
  }
});

/** A table whose first `shown` rows are there at once. */
function table(label, head, rows, shown = 40, kind = "") {
  const body = el("tbody");
  const made = el("div", { class: `table ${kind}`, role: "group", "aria-label": label },
    el("table", {}, el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))), body));
  overflowing.observe(made);
  const row = (cells) => el("tr", {}, cells.map((cell, idx) => el("td", { "data-label": head[idx] }, cell)));
  return firstOf(rows, shown, body, row, made);
}

/** Fills `list` with the first items; a button under `frame` gives the rest. */
function firstOf(items, shown, list, make, frame = list) {
  list.append(...items.slice(0, shown).map(make));
  if (items.length <= shown) return frame;
  const all = el("button", {
    type: "button",
    class: "more",
    click: () => {
      const rest = items.slice(shown).map(make);
      list.append(...rest);
      all.remove();
      const next = rest[0].querySelector("button, a, summary");
      if (next) next.focus();
    },
  }, `Show all ${grouped(items.length)}`);
  return el("div", {}, frame, all);
}

function section(id, title, note, ...children) {
  return el("section", { id, "aria-labelledby": `${id}-title` },
    el("div", { class: "section-head" }, el("h2", { id: `${id}-title` }, title), note && el("p", {}, note)),
    children);
}

const empty = (text) => el("p", { class: "empty" }, text);
