// A row per stage, from the monolith on the left to the candidate on the right.

import { answered, both, counted, grouped, html, Icon, interval, millis, percent, rate, same, share, Time, totals } from "./words.js";
import { Badge, Criteria, Meter, Steps, Trend } from "./evidence.js";
import { Differences } from "./differences.js";
import { History } from "./history.js";

/** The limit on answers that differ, where the policy states one. */
const limit = (stage) => stage.rollout?.criteria.find((one) => one.name === "mismatch")?.limit ?? null;

export function Stage({ stage, accent, open, toggle, act, history }) {
  const can = (action) => stage.rollout?.actions.includes(action);
  const { name, now } = stage;
  return html`<li class="stage" data-accent=${accent} data-name=${name}>
    <div class="head">
      <h2><button class="name" aria-expanded=${open} onClick=${toggle}>
        <${Icon} name="open" /><span>${name}</span></button></h2>
      <p class="mode"><strong>${share(now)}</strong>${stage.since && html`${" "}since <${Time} of=${stage.since.time} />${" "}by ${stage.since.who}`}</p>
    </div>
    <div class="actions">
      ${can("confirm") && html`<button class="main" onClick=${() => act("confirm")}>Confirm</button>`}
      ${can("start") && html`<button class="main" onClick=${() => act("start")}>Start</button>`}
      ${can("pause") && html`<button onClick=${() => act("pause")}><${Icon} name="pause" />Pause</button>`}
      ${can("resume") && html`<button onClick=${() => act("resume")}><${Icon} name="forward" />Resume</button>`}
      ${backTo(stage) && html`<button onClick=${() => act("roll-back")}><${Icon} name="back" />Roll back</button>`}
      ${stage.candidate.length > 0 && html`<button onClick=${() => act("shift")}>Change…</button>`}
    </div>
    <${Track} stage=${stage} />
    <div class="said">
      ${stage.rollout && html`<${Meter} rollout=${stage.rollout} />`}
      <${Sentence} stage=${stage} />
    </div>
    <${Figures} stage=${stage} />
    ${open && html`<${Detail} stage=${stage} history=${history} act=${act} />`}
  </li>`;
}

/** Where a rollback leads; null where there is nothing to roll back. */
export function backTo({ rollout, now }) {
  if (rollout) return rollout.actions.includes("roll-back") ? rollout.back_to : null;
  return now.mode === "monolith" ? null : { mode: "monolith", percent: 0 };
}

/** The share is the position of the mark between the two sides. */
function Track({ stage }) {
  const { now, rollout } = stage;
  const place = answered(now);
  const copied = now.mode.endsWith("shadow") ? now.percent : 0;
  // The line goes on beyond 0 and 100 % by half a mark.
  const line = { [now.mode === "shadow" ? "left" : "right"]: 0, width: `calc(${copied}% + ${copied * 0.26}px)` };
  const steps = rollout?.steps.filter((step) => step.share.mode === "split") ?? [];
  const unhealthy = stage.candidate.filter((one) => !one.healthy).length;
  const told = `${stage.name}: ${percent(place)} answered by the candidate${copied ? `, ${percent(copied)} copied to the ${now.mode === "shadow" ? "candidate" : "monolith"}` : ""}`;
  return html`<div class="track">
    <p class="side">monolith</p>
    <div class="rail" role="img" aria-label=${told}>
      <div class="inner">
        <div class="way"></div>
        ${steps.map((step) => html`<div class="tick" style=${{ left: `${step.share.percent}%` }}></div>`)}
        <div class="moved" style=${{ width: `${place}%` }}></div>
        ${copied > 0 && html`<div class="copied" style=${line}></div>`}
        <div class="mark" style=${{ left: `${place}%` }}>${percent(place)}</div>
      </div>
    </div>
    <p class="side">candidate${stage.candidate.length === 0 ? html`<small>none named</small>`
      : unhealthy > 0 && html`<small class="bad"><${Icon} name="warn" />${unhealthy === stage.candidate.length ? "down" : `${unhealthy} of ${stage.candidate.length} down`}</small>`}</p>
  </div>`;
}

/** The last decision, or what is the case without one. */
function Sentence({ stage }) {
  const { rollout, last } = stage;
  if (rollout) return html`<p class="last"><${Badge} judged=${rollout.judged} /> ${rollout.sentence}</p>`;
  const why = last?.why && `“${last.why}”`;
  const was = last?.from && `Was ${share(last.from)} before`;
  return was || why ? html`<p class="last">${[was, why].filter(Boolean).join(": ")}</p>` : null;
}

function Figures({ stage }) {
  const { traffic, compared } = stage;
  const { requests, failures, dropped } = totals(traffic);
  const sides = compared?.monolith || compared?.candidate ? compared : traffic.seconds;
  return html`<dl class="figures">
    <div><dt>Mismatch</dt><dd>${compared?.rate ? html`${rate(compared.rate.value)} <small>(${interval(compared.rate, "share")})</small>` : "–"}
      ${compared && html`<${Trend} points=${compared.trend} limit=${limit(stage)} />`}</dd></div>
    <div><dt>p99 mono / cand</dt><dd>${both(sides.monolith, sides.candidate, "p99")}</dd></div>
    <div class=${failures > 0 && "bad"}><dt>Errors</dt><dd>${failures > 0 && html`<${Icon} name="warn" />`}${grouped(failures)}</dd></div>
    <div><dt>Copies dropped</dt><dd>${grouped(dropped)}</dd></div>
    <div><dt>Requests</dt><dd>${grouped(requests)}</dd></div>
  </dl>`;
}

/** All that is known of a stage, once it is opened. */
function Detail({ stage, history, act }) {
  const { rollout, compared, now, declared } = stage;
  return html`<div class="detail">
    ${!same(now, declared) && html`<p class="note">routes.toml says ${share(declared)}; ${share(now)} holds until the file says something else.</p>`}
    <section><h3>Evidence</h3>
      ${rollout ? html`<${Steps} rollout=${rollout} />
          ${rollout.explanation && html`<p class="explained">${rollout.explanation}</p>`}
          <${Criteria} criteria=${rollout.criteria} />
          ${rollout.actions.includes("advance") && html`<button onClick=${() => act("advance")}>Advance without waiting…</button>`}`
        : html`<p class="empty">No policy: nothing moves by itself. Add <code>[stage.${stage.name}.rollout]</code> to routes.toml to have it moved on evidence.</p>`}
    </section>
    <div class="beside">
    <section><h3>Differences over time</h3>
      ${compared ? html`<${Trend} points=${compared.trend} limit=${limit(stage)} large />`
        : html`<p class="empty">Nothing is compared${now.mode.endsWith("shadow") ? " yet" : ": that needs a mode that copies, shadow or reverse-shadow"}.</p>`}
    </section>
    <${Sides} stage=${stage} />
    </div>
    <${Differences} stage=${stage} />
    <section class="wide"><h3>What was changed and decided</h3><${History} entries=${history} /></section>
  </div>`;
}

function Sides({ stage }) {
  const { traffic, compared } = stage;
  const ended = (end) => grouped(traffic.requests[end] ?? 0);
  const paired = compared?.monolith || compared?.candidate;
  const seconds = paired ? compared : traffic.seconds;
  const time = (side, quantile) => (seconds[side] ? `${millis(seconds[side][quantile])} ms` : "–");
  const rows = [
    ["Answered", ended("monolith"), ended("candidate")],
    ["Errors", grouped(traffic.failures.monolith ?? 0), grouped(traffic.failures.candidate ?? 0)],
    ["Copies received", grouped(traffic.mirrored.monolith ?? 0), grouped(traffic.mirrored.candidate ?? 0)],
    ["p50", time("monolith", "p50"), time("candidate", "p50")],
    ["p99", time("monolith", "p99"), time("candidate", "p99")],
  ];
  const apart = Object.entries({ ...compared?.unavailable }).map(([why, n]) => `${counted(n, "pair")} not compared: ${why}`);
  const excused = compared?.excused > 0 ? [`${counted(compared.excused, "answer")} differed in noise alone`] : [];
  const dropped = Object.entries(traffic.dropped).map(([why, n]) => `${counted(n, "copy", "copies")} dropped: ${why}`);
  const others = [["fallback", "answered by the monolith in the candidate’s place"], ["refused", "refused"], ["aborted", "broken off"]]
    .filter(([end]) => traffic.requests[end] > 0)
    .map(([end, text]) => `${counted(traffic.requests[end], "request")} ${text}`);
  return html`<section><h3>Both sides</h3>
    <table>
      <thead><tr><td></td><th scope="col">monolith</th><th scope="col">candidate</th></tr></thead>
      <tbody>${rows.map(([name, ...cells]) => html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
    </table>
    <ul class="plain">
      ${[...others, ...dropped, ...apart, ...excused].map((text) => html`<li>${text}</li>`)}
      ${stage.candidate.map((one) => html`<li><${Health} of=${one} /></li>`)}
      <li class="quiet">Routes: ${stage.routes.map((route, index) => html`${index > 0 && ", "}<code>${route}</code>`)}</li>
      <li class="quiet">${paired ? "Times are those of requests that both sides answered." : "Times are those of the side that was chosen, since the proxy started."}</li>
    </ul>
  </section>`;
}

export const Health = ({ of }) => html`<span class=${of.healthy ? "health" : "health bad"}>
  <${Icon} name=${of.healthy ? "check" : "warn"} /><code>${of.url}</code> ${of.healthy ? "is asked" : "is left out: it failed too often"}</span>`;
