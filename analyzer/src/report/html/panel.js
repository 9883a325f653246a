// What was chosen, in a panel at the foot of the page.

const panel = document.getElementById("panel");
const panelBody = document.getElementById("panel-body");
const panelTitle = document.getElementById("panel-title");
let opener = null;

function openPanel(title, children, lit) {
  if (panel.hidden) opener = document.activeElement;
  panelTitle.replaceChildren(...title);
  panelBody.replaceChildren(...children.flat().filter(Boolean));
  panel.hidden = false;
  panelBody.scrollTop = 0;
  document.body.classList.add("with-panel");
  select(lit);
  panelTitle.focus({ preventScroll: true });
  const at = columns.querySelector(".at");
  if (at && opener && opener.closest(".map")) opener.scrollIntoView({ block: "nearest" });
}

function closePanel() {
  if (panel.hidden) return;
  panel.hidden = true;
  document.body.classList.remove("with-panel");
  select(null);
  if (opener && opener.isConnected) opener.focus({ preventScroll: true });
  opener = null;
}

const part = (title, ...children) => el("div", { class: "part" }, el("h3", {}, title), children);

function codeAt(title, id, stage, place) {
  return el("div", { class: "part code-at", "data-stage": stage },
    el("h3", {}, title, " ", chip(stage)),
    el("p", {}, functionLink(id), " ", where(place)),
    place.code ? el("pre", { tabindex: "0", "aria-label": `Code at ${placeText(place)}` }, code(place.code)) : empty("The line's text is not in the report."));
}

/** The places of a crossing by its ends: a call is seen downstream. */
function ends(crossing) {
  const files = [fileOf(crossing.from), fileOf(crossing.to)];
  const { place, far } = crossing;
  const swapped = files[0] !== files[1] && place.file === files[1] && far.file === files[0];
  return swapped ? [far, place] : [place, far];
}

function openCrossing(crossing) {
  const [from, to] = ends(crossing);
  const contract = contractAt.get(boundary(crossing.from_stage, crossing.to_stage));
  const facts = el("p", { class: "becomes" }, `price ${priceText(crossing.price)}`,
    crossing.becomes && [" · becomes ", el("strong", {}, crossing.becomes)]);
  openPanel(
    [`${crossing.via} `, code(crossing.name)],
    [facts, el("div", { class: "both" },
      codeAt("From", crossing.from, crossing.from_stage, from),
      codeAt("To", crossing.to, crossing.to_stage, to)),
    part("Contract", contract ? contractTable(contract) : empty("Nothing is known about what must pass here."))],
    (wire) => wire.crossings.includes(crossing));
}

function crossingList(crossings) {
  const list = el("ul", { class: "crossings" });
  const item = (crossing) => el("li", {}, el("button", { type: "button", class: "link crossing-link", click: () => openCrossing(crossing) },
    el("span", { class: "price-number" }, priceText(crossing.price)),
    el("span", {}, `${crossing.via} `, code(crossing.name)),
    el("span", { class: "ends" }, code(short(crossing.from)), el("span", { class: "to", "aria-label": "to" }, "→"), code(short(crossing.to)))));
  return firstOf(crossings, 30, list, item);
}

function openCrossings(crossings) {
  const { from_stage: from, to_stage: to } = crossings[0];
  openPanel([chip(from), " → ", chip(to)], [part(count(crossings.length, "crossing"), crossingList(crossings))],
    (wire) => wire.crossings.some((crossing) => crossings.includes(crossing)));
}

function openBoundary(line) {
  const key = boundary(line.from, line.to);
  const crossings = crossingsAt.get(key) || [];
  const contract = contractAt.get(key);
  openPanel([chip(line.from), " → ", chip(line.to), ` price ${priceText(line.price)}`],
    [line.blocked && el("p", { class: "blocked" }, `Cannot be cut as it is: ${line.blocked}`),
      el("div", { class: "both" },
        part(count(crossings.length, "crossing"), crossingList(crossings)),
        part("Contract", contract ? contractTable(contract) : empty("Nothing is known about what must pass here.")))],
    (wire) => boundary(wire.crossings[0].from_stage, wire.crossings[0].to_stage) === key);
}

function openContract(contract) {
  openPanel(["Contract of ", contractTitle(contract.at)], [contractTable(contract)], null);
}

function openFunction(id) {
  const entry = functions.get(id);
  const crossings = crossingsOf.get(id) || [];
  const findings = findingsOf.get(id) || [];
  const idx = indexOf.get(id);
  const names = (calls, end) => {
    const ids = [...new Set((calls || []).map((call) => report.functions[call[end]].id))];
    if (ids.length === 0) return empty("none");
    const list = el("ul", { class: "names" });
    return firstOf(ids, 12, list, (one) => el("li", {}, functionLink(one), " ", chip(functions.get(one).stage)));
  };
  const why = entry.pinned ? "pinned by cutline.toml" : `confidence ${entry.confidence.toFixed(2)}`;
  openPanel([code(short(id))], [
    el("p", {}, chip(entry.stage), ` ${why} · `, code(`${entry.file}:${entry.line}–${entry.end_line}`)),
    el("div", { class: "three" },
      part("Why", el("ul", { class: "why" }, entry.evidence.map((reason) =>
        el("li", {}, chip(reason.stage), ` ${reason.reason}`, reason.line > 0 && el("span", { class: "quiet" }, ` line ${reason.line}`)))),
      entry.evidence.length === 0 && empty("Nothing speaks for any stage.")),
      part(crossings.length === 0 ? "No crossings" : count(crossings.length, "crossing"), crossings.length > 0 && crossingList(crossings)),
      part("Calls", names(callsFrom.get(idx), 1)),
      part("Called by", names(callsTo.get(idx), 0)),
      findings.length > 0 && part("Hazards", el("ul", { class: "findings" }, findings.map(findingItem)))),
  ], (wire) => wire.crossings.some((crossing) => crossing.from === id || crossing.to === id));
}

document.getElementById("panel-close").addEventListener("click", closePanel);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closePanel();
  if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    document.getElementById("search").focus();
  }
});

build();
