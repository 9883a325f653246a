// Nothing is changed before a dialog has named the stage and what will happen.

import { useEffect, useRef, useState } from "./vendor/hooks.js";
import { answered, html, Icon, meaning, percent, same, share } from "./words.js";
import { change, steer } from "./server.js";
import { name, setShortcuts, shortcuts } from "./person.js";
import { backTo } from "./stage.js";

/** Open from the first to the last moment it is there. */
function Modal({ title, close, children }) {
  const dialog = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    // Somebody who came by the keyboard goes on from where they were.
    return () => before?.focus?.();
  }, []);
  return html`<dialog ref=${dialog} onClose=${close} aria-labelledby="dialog-title">
    <h2 id="dialog-title">${title}</h2>${children}</dialog>`;
}

/**
 * Asks, does it, and says what came of it. `stage` is what it was when the
 * dialog came, and `latest` what it is now: nothing moves under a hand.
 */
function Confirm({ title, verb, ready = true, run, stage, latest, accent, done, close, children }) {
  const [refused, setRefused] = useState(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const why = new FormData(event.currentTarget).get("why").trim();
    setBusy(true);
    try {
      done(await run({ who: name() || "dashboard", ...(why && { why }) }));
    } catch (error) {
      setRefused(error);
      setBusy(false);
    }
  };
  return html`<${Modal} title=${title} close=${close}>
    <form onSubmit=${submit} data-accent=${accent}>
      ${children}
      ${!busy && latest && !same(latest.now, stage.now) && html`<p class="bad" role="alert"><${Icon} name="warn" />Meanwhile it has become ${share(latest.now)}.</p>`}
      <label>Why<input name="why" maxlength="500" autocomplete="off" placeholder="kept in the journal" /></label>
      <p role="alert" class=${refused ? "bad refused" : "refused"}>${refused && html`<${Icon} name="warn" />${refused.message}: ${refused.mend}`}</p>
      <div class="choice">
        <button type="button" onClick=${close}>Cancel</button>
        <button class="main" disabled=${busy || !ready}>${verb}</button>
      </div>
    </form>
  <//>`;
}

const MODES = ["monolith", "shadow", "split", "candidate", "reverse-shadow"];
const WHOLE = ["monolith", "candidate"];

function Shift({ stage, ...rest }) {
  const { name: stageName, now } = stage;
  const [mode, setMode] = useState(WHOLE.includes(now.mode) ? "split" : now.mode);
  const [text, setText] = useState(String(WHOLE.includes(now.mode) ? answered(now) : now.percent));
  const whole = WHOLE.includes(mode);
  const number = text.trim() === "" ? NaN : Number(text.trim());
  const sound = whole || (number >= 0 && number <= 100 && Math.abs(number * 100 - Math.round(number * 100)) < 1e-6);
  const to = { mode, percent: whole ? 0 : number };
  const steps = stage.rollout?.steps.filter((step) => step.share.mode === "split").map((step) => step.share.percent) ?? [1, 5, 25, 50, 100];
  const moves = sound && answered(to) - answered(now);
  const choose = (next) => {
    if (next !== "split" && !WHOLE.includes(next)) setText("100");
    else if (next === "split" && mode !== "split") setText(String(answered(now)));
    setMode(next);
  };
  const run = async (by) => {
    await change(stageName, { mode, ...(!whole && { percent: number }), ...by });
    return `${stageName}: ${share(to)}, was ${share(now)}`;
  };
  return html`<${Confirm} title=${`Change ${stageName}`} verb=${sound ? `Change ${stageName} to ${share(to)}` : "Change"}
      ready=${sound && !same(to, now)} run=${run} stage=${stage} ...${rest}>
    <fieldset><legend>Mode</legend>
      <div class="modes">${MODES.map((one) => html`<label class="radio">
        <input type="radio" name="mode" value=${one} checked=${one === mode} onChange=${() => choose(one)} />${one}</label>`)}</div>
    </fieldset>
    ${!whole && html`<div class="percent">
      <label>${mode === "split" ? "Percent to the candidate" : "Percent copied"}
        <input inputmode="decimal" autocomplete="off" autofocus value=${text} onInput=${(event) => setText(event.currentTarget.value)}
          aria-invalid=${sound ? null : "true"} aria-describedby="percent-wrong" /></label>
      <div class="steps-of" role="group" aria-label="Usual steps">${steps.map((step) => html`<button type="button" onClick=${() => setText(String(step))}>${percent(step)}</button>`)}</div>
    </div>`}
    <p id="percent-wrong" class="bad">${!sound && "Write a number from 0 to 100, with at most two decimals."}</p>
    <p class="happens" aria-live="polite">${sound && (same(to, now) ? `${stageName} is ${share(now)} already.` : html`
      ${meaning(to)} ${moves > 0 && `${percent(moves)} move to the candidate.`}${moves < 0 && `${percent(-moves)} move back to the monolith.`}
      ${" "}It holds for new requests at once; those under way end as they began.
      ${stage.rollout && " The rollout stays there until somebody resumes it."}`)}</p>
  <//>`;
}

function RollBack({ stage, ...rest }) {
  const { name: stageName, now, rollout } = stage;
  const to = backTo(stage);
  const run = async (by) => {
    if (rollout) await steer(stageName, { action: "roll-back", ...by });
    else await change(stageName, { mode: to.mode, ...by });
    return `${stageName}: rolled back to ${share(to)}, was ${share(now)}`;
  };
  return html`<${Confirm} title=${`Roll ${stageName} back`} verb=${`Roll ${stageName} back`} run=${run} stage=${stage} ...${rest}>
    <p class="happens">From <strong>${share(now)}</strong> to <strong>${share(to)}</strong>, at once. ${meaning(to)}
      ${" "}Requests under way end as they began.</p>
  <//>`;
}

const step = ({ rollout }) => rollout.steps[(rollout.at ?? -1) + 1]?.name ?? "the last one";
/** What is asked of a rollout: the verb, what came of it, what will happen. */
const STEERED = {
  "start": ["Start", "started", (stage) => `Its first step, ${step(stage)}, begins. From there it goes on as the evidence says.`],
  "pause": ["Pause", "paused", ({ now }) => `It stays at ${share(now)} and takes no further step until somebody resumes it. It still goes back if it must.`],
  "resume": ["Resume", "goes on", ({ rollout }) => (rollout.judged === "rolled-back"
    ? "It begins again from here, with evidence gathered anew."
    : "It takes further steps again, with the evidence it has.")],
  "advance": ["Advance", "advanced", (stage) => `It takes the next step, ${step(stage)}, whatever the evidence says.`],
  "confirm": ["Confirm", "confirmed", (stage) => `It takes the next step, ${step(stage)}: you agree with the evidence.`],
};

function Steer({ action, stage, ...rest }) {
  const [verb, was, happens] = STEERED[action];
  const run = async (by) => {
    await steer(stage.name, { action, ...by });
    return `${stage.name}: ${was}`;
  };
  return html`<${Confirm} title=${`${verb} the rollout of ${stage.name}`} verb=${`${verb} ${stage.name}`} run=${run} stage=${stage} ...${rest}>
    <p class="happens">${happens(stage)}</p>
  <//>`;
}

const KEYS = [
  ["j k", "to the next and the previous stage"],
  ["o", "opens and closes the stage"],
  ["s", "changes its mode or percent"],
  ["p", "pauses its rollout, or resumes it"],
  ["b", "rolls it back"],
  ["t", "dark, light or as the system"],
  ["?", "this"],
  ["Esc", "closes a dialog"],
];

function Help({ close }) {
  const [on, setOn] = useState(shortcuts());
  const turn = (event) => {
    setShortcuts(event.currentTarget.checked);
    setOn(event.currentTarget.checked);
  };
  return html`<${Modal} title="Keys" close=${close}>
    <dl class="keys">${KEYS.map(([keys, what]) => html`<div><dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${what}</dd></div>`)}</dl>
    <label class="radio"><input type="checkbox" checked=${on} onChange=${turn} />Single keys act, outside of fields</label>
    <div class="choice"><button class="main" onClick=${close} autofocus>Close</button></div>
  <//>`;
}

/** The dialog that is wanted, `{ action, stage, accent }`, of a stage that is `latest` now. */
export function Dialog({ wanted, ...rest }) {
  if (wanted.action === "help") return html`<${Help} ...${rest} />`;
  const Kind = { "shift": Shift, "roll-back": RollBack }[wanted.action] ?? Steer;
  return html`<${Kind} ...${wanted} ...${rest} />`;
}
