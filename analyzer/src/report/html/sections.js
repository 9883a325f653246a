// What stands above and below the map.

function planSection() {
  const { cut } = report;
  if (cut.lines.length === 0) {
    const why = report.functions.length === 0 ? "No functions were found: there is nothing to cut." : "No call or data crosses between stages.";
    return section("plan", "Where to cut", "", empty(why));
  }
  const blocked = cut.lines.filter((line) => line.blocked).length;
  const dearest = Math.max(...cut.lines.map((line) => line.price), 1e-9);
  const facts = [
    ["price", priceText(cut.price)],
    [cut.lines.length === 1 ? "cut line" : "cut lines", grouped(cut.lines.length)],
    [report.crossings.length === 1 ? "crossing" : "crossings", grouped(report.crossings.length)],
    ["blocked", grouped(blocked)],
  ];
  const list = el("ol", { class: "plan" });
  return section("plan", "Where to cut", "",
    el("dl", { class: "facts" }, facts.map(([name, value]) =>
      el("div", { class: name === "blocked" && blocked > 0 ? "bad" : null }, el("dt", {}, name), el("dd", {}, value)))),
    firstOf(cut.lines, 12, list, (line) => planRow(line, dearest), list));
}

function planRow(line, dearest) {
  const bar = el("span", { class: "bar", "data-stage": line.from, "aria-hidden": "true" });
  bar.style.setProperty("--share", `${Math.max(3, (100 * line.price) / dearest)}%`);
  const open = () => openBoundary(line);
  return el("li", {}, el("button", { type: "button", class: "plan-row", click: open },
    el("span", { class: "ends" }, chip(line.from), el("span", { class: "to", "aria-label": "to" }, "→"), chip(line.to)),
    el("span", { class: "price" }, el("span", { class: "price-number" }, `price ${priceText(line.price)}`), bar),
    el("span", { class: "n" }, count(line.crossings, "crossing")),
    el("span", { class: "headline" }, line.headline,
      line.blocked && el("span", { class: "blocked" }, `Cannot be cut as it is: ${line.blocked}`))));
}

function orderSection() {
  if (report.order.length === 0) return null;
  const steps = report.order.map((step) => el("li", {}, chip(step.stage),
    el("ul", {}, step.reasons.map((reason) => el("li", {}, reason)))));
  return section("order", "In which order", "", el("ol", { class: "order" }, steps));
}

function hazardsSection() {
  if (report.findings.length === 0) {
    return report.functions.length === 0 ? null : section("hazards", "Hazards", "", empty("None found."));
  }
  const box = el("div");
  const show = (severity) => {
    const found = SEVERITIES
      .filter((one) => !severity || one === severity)
      .flatMap((one) => report.findings.filter((finding) => finding.severity === one));
    const list = el("ul", { class: "findings" });
    box.replaceChildren(firstOf(found, 30, list, findingItem));
    for (const button of filters.children) button.setAttribute("aria-pressed", String(button.value === severity));
  };
  const filter = (severity, text) => {
    const found = report.findings.filter((finding) => !severity || finding.severity === severity).length;
    return el("button", { type: "button", value: severity, disabled: found === 0, click: () => show(severity) },
      `${text} `, el("span", { class: "n" }, grouped(found)));
  };
  const filters = el("div", { class: "filters", role: "group", "aria-label": "Filter by severity" },
    filter("", "all"), filter("blocks", "block a cut"), filter("costs", "cost"), filter("note", "notes"));
  show("");
  return section("hazards", "Hazards", "", filters, box);
}

function findingItem(finding) {
  const related = finding.related || [];
  return el("li", { class: `finding ${finding.severity}` },
    el("p", { class: "finding-head" },
      el("span", { class: "severity" }, finding.severity), " ",
      el("strong", {}, finding.hazard), " ", where(finding.place),
      finding.function && [" in ", functionLink(finding.function)],
      finding.between && [" ", chips(finding.between)]),
    el("p", {}, finding.message),
    finding.place.code && el("pre", {}, code(finding.place.code)),
    related.length > 0 && el("ul", { class: "related" }, related.map(({ place, what }) => el("li", {}, where(place), ` ${what}`))),
    finding.mend && el("p", { class: "mend" }, finding.mend));
}

// What a way in is that is no HTTP route: a "luigi step", a "script".
function way(route) {
  if (route.kind === "http") return "";
  return route.framework === "script" ? "script" : `${route.framework} ${route.kind === "web-socket" ? "WebSocket" : route.kind}`;
}

function routesSection() {
  if (report.routes.length === 0) return null;
  const fat = report.routes.filter((route) => route.fat).length;
  const note = fat > 0 ? `${fat === 1 ? "1 spans" : `${fat} span`} several stages and must be split first.` : "";
  const rows = [...report.routes].sort((a, b) => b.fat - a.fat).map((route) => {
    const name = `${route.method} ${route.path}`.trim();
    const contract = contractAt.get(name);
    return [
      [el("code", { class: "route" }, name), way(route) && el("span", { class: "quiet" }, ` ${way(route)}`), route.fat && el("span", { class: "fat" }, `fat: ${count(route.stages.length, "stage")}`)],
      chips(route.stages),
      [functionLink(route.handler), " ", where(route.place)],
      route.side_effects.length > 0 ? route.side_effects.join(", ") : el("span", { class: "quiet" }, "nothing outside"),
      contract ? el("button", { type: "button", class: "link", click: () => openContract(contract) }, `${count(contract.entries.length, "entry")}`) : el("span", { class: "quiet" }, "–"),
    ];
  });
  return section("routes", "Routes", note, table("Routes", ["Route", "Stages", "Handler", "Changes", "Contract"], rows));
}

function contractsSection() {
  const contracts = report.contracts.filter((contract) => contract.entries.length > 0);
  if (contracts.length === 0) return null;
  const list = el("div");
  const fold = (contract) => {
    const unknown = contract.entries.filter((item) => item.value === "unknown").length;
    const made = el("details", {}, el("summary", {}, contractTitle(contract.at),
      el("span", { class: "n" }, `${count(contract.entries.length, "entry")}${unknown > 0 ? `, ${unknown} unknown` : ""}`)));
    made.addEventListener("toggle", () => {
      if (made.open && made.children.length === 1) made.append(contractTable(contract));
    });
    return made;
  };
  return section("contracts", "Contracts", "What must pass at a boundary or a route.", firstOf(contracts, 30, list, fold));
}

function contractTitle(at) {
  const ends = at.split(" -> ");
  if (ends.length === 2 && ends.every((stage) => STAGES.includes(stage))) {
    return el("span", { class: "ends" }, chip(ends[0]), el("span", { class: "to", "aria-label": "to" }, "→"), chip(ends[1]));
  }
  return code(at);
}

const contractTable = (contract) => table(`Contract of ${contract.at}`, ["Kind", "Name", "Value", "Where"],
  contract.entries.map((item) => [item.kind.replace("-", " "), code(item.name), valueOf(item), where(item.place)]), 60, "compact");

function sharedSection() {
  if (report.cut.shared.length === 0) return null;
  const advice = { duplicate: "copy", library: "make a library", split: "split" };
  const rows = report.cut.shared.map((entry) =>
    [functionLink(entry.function), chips(entry.stages), advice[entry.advice], entry.reason]);
  return section("shared", "Shared functions", "Several stages need them.", table("Shared functions", ["Function", "Needed by", "Advice", "Why"], rows));
}

function resourcesSection() {
  if (report.resources.length === 0) return null;
  const touch = (access) => {
    const id = `${access.file}:${access.qualname}`;
    const entry = functions.get(id);
    return el("li", { class: "touch" }, access.access, " ", functionLink(id), entry && [" ", chip(entry.stage)], " ", el("span", { class: "quiet" }, `line ${access.line}`));
  };
  const rows = report.resources.map((resource) => {
    const list = el("ul", { class: "touches" });
    return [resource.kind, code(resource.identity), firstOf(resource.accesses, 6, list, touch)];
  });
  return section("resources", "Resources", "What functions touch outside their own memory.", table("Resources", ["Kind", "Which", "Who"], rows, 25));
}

function skippedSection() {
  if (report.skipped.length === 0) return null;
  return section("skipped", "Skipped", "Left out, and why.",
    table("Skipped files", ["File", "Why"], report.skipped.map((file) => [code(file.file), file.reason]), 25, "compact"));
}

function build() {
  const { summary } = report;
  document.getElementById("name").textContent = report.name;
  const read = [count(summary.files, "file"), count(summary.lines, "line"), summary.frameworks.join(", "), summary.libraries.join(", ")];
  document.getElementById("read").textContent = read.filter(Boolean).join(" · ");
  const main = document.getElementById("main");
  const sections = [
    planSection(), report.functions.length > 0 && stagesSection(), orderSection(), hazardsSection(), routesSection(),
    contractsSection(), sharedSection(), resourcesSection(), skippedSection(),
  ].filter(Boolean);
  main.replaceChildren(...sections);
  document.getElementById("nav").append(...sections.map((one) =>
    el("a", { href: `#${one.id}` }, one.querySelector("h2").textContent)));
  if (report.functions.length === 0) document.querySelector(".search").hidden = true;
  renderMap();
  watchMap();
}
