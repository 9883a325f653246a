// The page: what is shown when, what keys do, and how it stays up to date.

import { render } from "./vendor/preact.js";
import { useEffect, useLayoutEffect, useRef, useState } from "./vendor/hooks.js";
import { html, Icon, Time, totals, grouped, counted } from "./words.js";
import { ask, listen } from "./server.js";
import { shortcuts, theme, turnTheme } from "./person.js";
import { backTo, Health, Stage } from "./stage.js";
import { History } from "./history.js";
import { Dialog } from "./dialogs.js";
import { Login } from "./login.js";

const OWN = ["ingestion", "preprocessing", "training", "evaluation", "deployment", "inference", "monitoring"];

/** One accent per stage, everywhere the same; other names take those left over. */
function accentsOf(board) {
  // Stages that are gone are still in the history.
  const names = [...new Set([...board.stages.map((stage) => stage.name), ...board.history.map((entry) => entry.stage)])];
  const free = OWN.filter((accent) => !names.includes(accent));
  return Object.fromEntries(names.map((name) => [name, OWN.includes(name) ? name : (free.shift() ?? "shared")]));
}

/** The stage that the address names, to be opened. */
function named() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || null;
  } catch {
    return null;
  }
}

function App() {
  const [session, setSession] = useState("asking");
  const [board, setBoard] = useState(null);
  const [lost, setLost] = useState(null);
  const [open, setOpen] = useState(named);
  const [dialog, setDialog] = useState(null);
  const [said, setSaid] = useState("");
  const [shade, setShade] = useState(theme());

  useEffect(() => {
    if (session === "out") return undefined;
    return listen((what, of) => {
      if (what === "out") return setSession("out"), setDialog(null), setLost(null);
      if (what === "lost") return setLost(of);
      setBoard(of);
      setLost(null);
      return setSession("in");
    });
  }, [session === "out"]);

  const accents = board ? accentsOf(board) : {};
  const act = (stage, action) => setDialog({ action, stage, accent: accents[stage.name] });
  const toggle = (name) => {
    const next = open === name ? null : name;
    history.replaceState(null, "", next ? `#${encodeURIComponent(next)}` : location.pathname);
    setOpen(next);
  };
  const leave = async () => {
    // A session that cannot be ended ends by itself.
    await ask("DELETE", "/session").catch(() => null);
    setSession("out");
    setBoard(null);
  };
  useKeys({
    help: () => setDialog({ action: "help" }),
    theme: () => setShade(turnTheme()),
    toggle,
    act: (name, action) => {
      const stage = board?.stages.find((one) => one.name === name);
      if (stage && may(stage, action)) act(stage, action);
    },
  }, dialog === null && session === "in");

  useEffect(() => {
    const n = board && session === "in" ? board.stages.filter(needsSomebody).length + (lost !== null) : 0;
    document.title = n > 0 ? `(${n}) cutline` : "cutline";
  });

  if (session === "out") return html`<${Login} done=${() => setSession("asking")} />`;
  if (!board) return html`<main class="alone"><h1>cutline</h1><p role="status">${lost ? `No word from the proxy: ${lost}. Trying again.` : "Asking the proxy…"}</p></main>`;
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>To the stages</a>
    <header>
      <h1>cutline</h1>
      <p class="where">${board.listen.join(", ")}<span class="quiet"> · ${board.version} · up since <${Time} of=${board.started} /></span></p>
      <p class="link" data-live=${lost === null} role="status">${lost === null ? "live" : "not live"}</p>
      <div class="tools">
        <button onClick=${() => setShade(turnTheme())} title="Dark, light or as the system (t)">Theme: ${shade}</button>
        <button onClick=${() => setDialog({ action: "help" })} title="Keys (?)">Keys</button>
        <button onClick=${leave}>Log out</button>
      </div>
    </header>
    <main id="main" tabindex="-1">
      <${Notices} board=${board} lost=${lost} />
      <section aria-labelledby="stages-title"><h2 id="stages-title" class="hidden">Stages</h2>
        ${board.stages.length === 0 ? html`<${NoStage} />` : html`<ol class="stages">
          ${board.stages.map((stage) => html`<${Stage} key=${stage.name} stage=${stage} accent=${accents[stage.name]}
            open=${open === stage.name} toggle=${() => toggle(stage.name)} act=${(action) => act(stage, action)}
            history=${board.history.filter((entry) => entry.stage === stage.name)} />`)}
        </ol>`}
        <${Unowned} traffic=${board.unowned} />
      </section>
      <section aria-labelledby="history-title" class="all"><h2 id="history-title">Last changes and decisions</h2>
        <${History} entries=${board.history.slice(0, 12)} accents=${accents} /></section>
    </main>
    <${Said} text=${said} clear=${() => setSaid("")} />
    ${dialog && html`<${Dialog} wanted=${dialog} latest=${board.stages.find((one) => one.name === dialog.stage?.name)} close=${() => setDialog(null)}
      done=${(text) => { setDialog(null); setSaid(text); }} />`}`;
}

/** What the tab's title counts. */
const needsSomebody = ({ rollout, candidate, now }) => ["rolled-back", "awaiting-confirmation"].includes(rollout?.judged)
  || (now.mode !== "monolith" && candidate.some((one) => !one.healthy));

/** What is to be seen before anything else. */
function Notices({ board, lost }) {
  const { refused, restart_for: restart, path } = board.file;
  const down = board.monolith.filter((one) => !one.healthy);
  return html`<div role="status">
    ${lost !== null && html`<p class="notice bad"><${Icon} name="warn" />No word from the proxy: ${lost}. What is below is what it said last; this page goes on trying.</p>`}
    ${board.draining && html`<p class="notice"><${Icon} name="wait" />The proxy is shutting down: it ends once the requests under way have ended.</p>`}
    ${refused && html`<p class="notice bad"><${Icon} name="warn" />${path}${refused.line && `:${refused.line}:${refused.column}`} is refused, and what it said before holds: ${refused.message}${refused.mend && ` (${refused.mend})`}</p>`}
    ${restart.length > 0 && html`<p class="notice"><${Icon} name="warn" />Restart the proxy for what the file says of ${restart.join(", ")}.</p>`}
    ${down.map((one) => html`<p class="notice bad">monolith: <${Health} of=${one} /></p>`)}
  </div>`;
}

const NoStage = () => html`<div class="none"><p><strong>No stage yet.</strong> Everything goes to the monolith.</p>
  <p>Add one to routes.toml, or have <code>cutline analyze --format routes</code> write a first file; this page follows.</p></div>`;

function Unowned({ traffic }) {
  const { requests } = totals(traffic);
  if (requests === 0) return null;
  const refused = traffic.requests.refused ?? 0;
  return html`<p class="unowned">${counted(requests, "request")} of no stage went to the monolith${refused > 0 && `, ${grouped(refused)} of them refused`}.</p>`;
}

/** What came of the last thing asked for. */
function Said({ text, clear }) {
  useEffect(() => {
    if (!text) return undefined;
    const timer = setTimeout(clear, 8_000);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<p class="said-last" role="status">${text && html`<${Icon} name="check" />${text}`}</p>`;
}

/** Whether a stage can be asked that now. */
function may(stage, action) {
  if (action === "shift") return stage.candidate.length > 0;
  if (action === "roll-back") return backTo(stage) !== null;
  return stage.rollout?.actions.includes(action) ?? false;
}

/** Single keys, outside of fields, for the stage that has the focus. */
function useKeys(does, active) {
  const latest = useRef(null);
  latest.current = does;
  // At once with what is shown, so that no key is lost between the two.
  useLayoutEffect(() => {
    if (!active) return undefined;
    const pressed = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !shortcuts()) return;
      if (event.target.closest?.("input, textarea, select, dialog")) return;
      const { help, theme: turn, toggle, act } = latest.current;
      const name = document.activeElement?.closest?.(".stage")?.dataset.name;
      const on = (action) => name && act(name, action);
      const does = {
        "?": help,
        t: turn,
        j: () => step(1),
        k: () => step(-1),
        o: () => name && toggle(name),
        s: () => on("shift"),
        b: () => on("roll-back"),
        p: () => (on("pause"), on("resume")),
      }[event.key];
      if (!does) return;
      event.preventDefault();
      does();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [active]);
}

function step(by) {
  const names = [...document.querySelectorAll(".stage .name")];
  const at = names.findIndex((name) => name.closest(".stage").contains(document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : names.length - 1) : Math.min(names.length - 1, Math.max(0, at + by));
  names[next]?.focus();
}

render(html`<${App} />`, document.getElementById("page"));
