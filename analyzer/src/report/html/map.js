// The stages as columns, their functions as rows, crossings as lines.

// Up to here every function is shown at once.
const SMALL = 150;
// More lines than this hide each other; the others show when chosen.
const MAX_WIRES = 90;
const map = { query: "", outside: false, unfolded: new Set(), folded: new Set(), all: new Set() };
const rowOf = new Map();
const groupOf = new Map();
const columnOf = new Map();
const small = report.functions.length <= SMALL;
const groupKey = (stage, file) => `${stage}|${file}`;

const columns = el("div", { class: "columns" });
const wires = svg("svg", { class: "wires", role: "group", "aria-label": "Crossings; arrow keys move between them" });
const glow = svg("svg", { class: "wires glow", "aria-hidden": "true" });
const mapBox = el("div", { class: "map" }, wires, columns, glow);
const wireNote = el("p", { class: "wire-note quiet" });
let drawn = [];

/** Stages with a column: the seven, and those beside them that hold something. */
function shownStages() {
  return report.stages
    .filter(({ stage, functions }) =>
      stage === "none" ? map.outside : stage !== "shared" || functions > 0)
    .map((entry) => entry.stage);
}

function renderMap() {
  rowOf.clear();
  groupOf.clear();
  columnOf.clear();
  const query = map.query.toLowerCase();
  const stages = shownStages();
  const members = byKey(
    report.functions.filter((entry) => !query || entry.id.toLowerCase().includes(query)),
    (entry) => [entry.stage]);
  columns.replaceChildren(...stages.map((stage) => column(stage, members.get(stage) || [])));
  columns.style.setProperty("--columns", stages.length);
  drawWires();
}

function column(stage, members) {
  const head = el("div", { class: "column-head" },
    el("h3", {}, stage),
    el("span", { class: "n" }, members.length === 0 ? "–" : grouped(members.length)));
  head.title = report.stage_abouts[stage];
  columnOf.set(stage, head);
  const files = [...byKey(members, (entry) => [entry.file])];
  if (!small) files.sort((a, b) => weight(b[1]) - weight(a[1]));
  const shown = small || map.all.has(stage) ? files.length : 8;
  const made = el("div", { class: "column", "data-stage": stage }, head,
    members.length === 0 && el("p", { class: "none" }, map.query ? "no match" : "no functions"),
    files.slice(0, shown).map(([file, entries]) => group(stage, file, entries)));
  if (files.length > shown) {
    made.append(more(`all ${grouped(files.length)} files`, () => map.all.add(stage)));
  }
  return made;
}

const weight = (entries) => entries.reduce((sum, entry) => sum + (crossingsOf.get(entry.id) || []).length, 0);

function more(text, then) {
  return el("button", { type: "button", class: "more", click: () => { then(); renderMap(); } }, text);
}

const files = new Set(report.functions.map((entry) => entry.file));
const alike = byKey([...files], (file) => [file.split("/").pop()]);

/** A file's name, with its folder where others have the same. */
function fileLabel(file) {
  const parts = file.split("/");
  return alike.get(parts.at(-1)).length > 1 ? parts.slice(-2).join("/") : parts.at(-1);
}

/** The functions of one file in one stage. Of many, those at a crossing. */
function group(stage, file, entries) {
  const key = groupKey(stage, file);
  const crossing = entries.filter((entry) => crossingsOf.has(entry.id));
  const open = !map.folded.has(key) && (small || map.query !== "" || crossing.length > 0 || map.unfolded.has(key));
  const head = el("button", {
    type: "button", class: "group-head", "aria-expanded": String(open), title: file,
    click: () => {
      if (open) { map.folded.add(key); map.unfolded.delete(key); }
      else { map.folded.delete(key); map.unfolded.add(key); }
      renderMap();
      groupOf.get(key).focus();
    },
  }, el("span", {}, fileLabel(file)), el("span", { class: "n" }, String(entries.length)));
  groupOf.set(key, head);
  const made = el("div", { class: "group" }, head);
  if (!open) return made;
  const whole = small || map.unfolded.has(key);
  const shown = whole ? entries : (map.query ? entries : crossing).slice(0, 6);
  made.append(el("ul", {}, shown.map((entry) => el("li", {}, row(entry)))));
  if (shown.length < entries.length) {
    made.append(more(`${entries.length - shown.length} more`, () => map.unfolded.add(key)));
  }
  return made;
}

function row(entry) {
  const blocking = (findingsOf.get(entry.id) || []).some((finding) => finding.severity === "blocks");
  const label = `${entry.qualname}, ${entry.file}:${entry.line}${blocking ? ", a hazard here blocks a cut" : ""}`;
  const made = el("button", {
    type: "button", class: crossingsOf.has(entry.id) ? "row crossing" : "row", title: label, "aria-label": label,
    click: () => openFunction(entry.id),
  }, el("span", { class: "name" }, entry.qualname), blocking && el("span", { class: "mark" }, "!"));
  const mine = (wire) => wire.crossings.some(({ from, to }) => from === entry.id || to === entry.id);
  const light = () => highlight(drawn.filter(mine));
  made.addEventListener("pointerenter", light);
  made.addEventListener("focus", light);
  made.addEventListener("pointerleave", unlight);
  made.addEventListener("blur", unlight);
  rowOf.set(entry.id, made);
  return made;
}

/** What stands for a function: its row, else its file, else its stage. */
function standIn(id, stage) {
  const entry = functions.get(id);
  return rowOf.get(id) || (entry && groupOf.get(groupKey(stage, entry.file))) || columnOf.get(stage);
}

function drawWires() {
  const ends = new Map();
  for (const crossing of report.crossings) {
    const from = standIn(crossing.from, crossing.from_stage);
    const to = standIn(crossing.to, crossing.to_stage);
    if (!from || !to || from === to) continue;
    if (!ends.has(from)) ends.set(from, new Map());
    const wire = ends.get(from).get(to);
    if (wire) { wire.crossings.push(crossing); wire.price += crossing.price; }
    else ends.get(from).set(to, { from, to, crossings: [crossing], price: crossing.price });
  }
  const all = [...ends.values()].flatMap((of) => [...of.values()]);
  all.sort((a, b) => b.price - a.price);
  drawn = all.slice(0, 2000);
  const inRows = (wire) => (small && !map.query) || (wire.from.matches(".row") && wire.to.matches(".row"));
  const visible = drawn.filter(inRows).slice(0, MAX_WIRES);
  wireNote.textContent = visible.length < all.length
    ? `${visible.length} of ${count(all.length, "line")} are drawn, the dearest; choose a function or a cut line to see the others.` : "";
  const box = mapBox.getBoundingClientRect();
  for (const picture of [wires, glow]) {
    picture.setAttribute("width", columns.scrollWidth);
    picture.setAttribute("height", columns.scrollHeight);
  }
  const boxes = new Map();
  const boxOf = (end) => {
    if (!boxes.has(end)) {
      const { left, right, top, bottom } = end.getBoundingClientRect();
      // At a stage's heading a line ends at its rule, not across its name.
      boxes.set(end, { left, right, top, bottom: end.matches(".column-head") ? top + 3 : bottom });
    }
    return boxes.get(end);
  };
  for (const wire of drawn) wire.path = curve(boxOf(wire.from), boxOf(wire.to), box);
  wires.replaceChildren(...visible.map((wire, idx) => wireElement(wire, idx, visible.length)));
  glow.replaceChildren();
  if (map.lit) highlight(drawn.filter(map.lit));
}

/** From the edge of one row to the facing edge of the other. */
function curve(a, b, box) {
  const x0 = mapBox.scrollLeft - box.left;
  const forward = a.left < b.left;
  const [x1, x2] = forward ? [a.right + x0, b.left + x0] : [a.left + x0, b.right + x0];
  const [y1, y2] = [a, b].map((end) => (end.top + end.bottom) / 2 - box.top);
  const bend = Math.max(18, Math.min(120, Math.abs(x2 - x1) * 0.5)) * (forward ? 1 : -1);
  const n = (value) => value.toFixed(1);
  return { d: `M${n(x1)} ${n(y1)}C${n(x1 + bend)} ${n(y1)} ${n(x2 - bend)} ${n(y2)} ${n(x2)} ${n(y2)}`, x: n(x2), y: n(y2) };
}

const thickness = (price) => Math.min(9, 1 + 1.7 * Math.sqrt(Math.max(0, price))).toFixed(1);

function lines(wire) {
  const stage = wire.crossings[0].from_stage;
  return [
    svg("path", { class: "line", d: wire.path.d, "stroke-width": thickness(wire.price), "data-stage": stage }),
    svg("circle", { class: "end", cx: wire.path.x, cy: wire.path.y, r: 3.2, "data-stage": stage }),
  ];
}

function wireElement(wire, idx, n_wires) {
  const first = wire.crossings[0];
  const more = wire.crossings.length > 1 ? ` and ${wire.crossings.length - 1} more` : "";
  const label = `${short(first.from)} to ${short(first.to)}: ${first.via} ${first.name}${more}, price ${priceText(wire.price)}`;
  const made = svg("g", { class: "wire", role: "button", tabindex: idx === 0 ? "0" : "-1", "aria-label": label },
    svg("title", {}, label), svg("path", { class: "hit", d: wire.path.d }), ...lines(wire));
  const open = () => (wire.crossings.length > 1 ? openCrossings(wire.crossings) : openCrossing(first));
  made.addEventListener("click", open);
  made.addEventListener("pointerenter", () => highlight([wire]));
  made.addEventListener("pointerleave", unlight);
  made.addEventListener("focus", () => highlight([wire]));
  made.addEventListener("blur", unlight);
  made.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "Enter" || event.key === " ") open();
    else if (step) wires.children[(idx + step + n_wires) % n_wires].focus();
    else return;
    event.preventDefault();
  });
  return made;
}

function highlight(some) {
  mapBox.classList.toggle("lit", some.length > 0);
  glow.replaceChildren(...some.slice(0, 60).flatMap(lines));
  for (const row of columns.querySelectorAll(".at")) row.classList.remove("at");
  for (const wire of some.slice(0, 60)) { wire.from.classList.add("at"); wire.to.classList.add("at"); }
}

/** Back to what is selected, if anything is. */
const unlight = () => highlight(map.lit ? drawn.filter(map.lit) : []);

/** Keeps the wires that `test` accepts lit until something else is. */
function select(test) {
  map.lit = test;
  unlight();
}

function stagesSection() {
  const outside = report.functions.filter((entry) => entry.stage === "none").length;
  const toggle = outside > 0 && el("button", {
    type: "button", class: "more", "aria-pressed": "false",
    click: () => {
      map.outside = !map.outside;
      toggle.setAttribute("aria-pressed", String(map.outside));
      renderMap();
    },
  }, `${count(outside, "function")} outside the pipeline`);
  const note = report.crossings.length > 0
    ? [el("span", { class: "wide" }, "A line is what crosses between two functions; the thicker, the dearer. "), "Choose a function or a cut line to see the code at both ends."]
    : "Nothing crosses between stages.";
  const frame = el("div", { class: "map-frame", role: "group", "aria-label": "Functions by stage" }, mapBox);
  overflowing.observe(frame);
  return section("stages", "Stages", note,
    frame, wireNote, toggle);
}

function watchMap() {
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  let later = 0;
  search.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(() => {
      map.query = search.value.trim();
      renderMap();
      const hits = report.functions.filter((entry) => entry.id.toLowerCase().includes(map.query.toLowerCase())).length;
      found.textContent = map.query ? `${count(hits, "function")}` : "";
    }, 90);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value) {
      search.value = "";
      search.dispatchEvent(new Event("input"));
      event.stopPropagation();
    } else if (event.key === "Enter") {
      const first = columns.querySelector(".row");
      if (first) { first.scrollIntoView({ block: "center" }); first.focus(); }
    }
  });
  new ResizeObserver(() => drawWires()).observe(columns);
}
