// What is known of a candidate: towards the next step, by criterion, over time.

import { figure, grouped, html, Icon, interval, rate, roughly } from "./words.js";

const JUDGED = {
  "advance": ["forward", "Takes the next step"],
  "hold": ["hold", "Holds"],
  "not-enough-evidence": ["wait", "Not enough evidence"],
  "not-started": ["hold", "Not started"],
  "rolled-back": ["back", "Rolled back"],
  "paused": ["pause", "Paused"],
  "awaiting-confirmation": ["wait", "Waits for confirmation"],
  "done": ["check", "Done"],
};

/** What the evidence comes to, in a word. */
export function Badge({ judged }) {
  const [icon, word] = JUDGED[judged] ?? ["hold", judged];
  return html`<span class="badge" data-judged=${judged}><${Icon} name=${icon} />${word}</span>`;
}

const next = (rollout) => rollout.steps[(rollout.at ?? -1) + 1];

/** Fills towards the next step. */
export function Meter({ rollout }) {
  const step = next(rollout);
  if (!step || ["rolled-back", "not-started"].includes(rollout.judged)) return null;
  const what = rollout.evidence === "runs" ? "runs" : "answers";
  const { gathered, needed, seconds_left: left } = rollout;
  const text = needed === null
    ? `${grouped(gathered)} ${what}; nobody can tell yet how many ${step.name} takes`
    : `${grouped(gathered)} of ~${grouped(needed)} ${what} towards ${step.name}${left === null ? "" : `, ${roughly(left)} at this rate`}`;
  const part = needed ? Math.min(1, gathered / needed) : 0;
  return html`<div class="meter">
    <div class="bar" role="progressbar" aria-label=${`Evidence towards ${step.name}`} aria-valuetext=${text}
      aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(part * 100)}>
      <div class="fill" style=${{ width: `${part * 100}%` }}></div>
    </div>
    <p>${text}${step.confirm && ", and then a person’s word"}</p>
  </div>`;
}

/** The policy's steps in a row, with where it stands. */
export const Steps = ({ rollout }) => html`<ol class="steps">
  ${rollout.steps.map((step, index) => html`<li aria-current=${index === rollout.at ? "step" : null}>
    ${index < (rollout.at ?? -1) && html`<${Icon} name="check" />`}${step.name}
    ${step.confirm && html`<small>by hand</small>`}
  </li>`)}
</ol>`;

const NAMES = {
  "mismatch": "Answers that differ",
  "errors": "Errors of the candidate",
  "latency-ratio": "Latency, candidate by monolith",
  "label-flips": "Labels that flip",
  "score-drift": "Drift of scores",
};
const STANDING = { within: ["check", "within its limit"], over: ["warn", "over its limit"], open: ["wait", "not known yet"] };

/** Each criterion with its estimate, its interval and its limit. */
export const Criteria = ({ criteria }) => html`<ul class="criteria">
  ${criteria.map((one) => html`<li data-standing=${one.standing}>
    <p class="what"><strong>${NAMES[one.name] ?? one.name}</strong>
      <${Standing} of=${one.standing} /></p>
    <${Span} of=${one} />
    <p class="n">
      ${one.estimate
        ? `${figure(one.estimate.value, one.unit)} (${interval(one.estimate, one.unit)} at ${Math.round(one.estimate.sure * 1000) / 10} %)`
        : "nothing measured"}, limit ${figure(one.limit, one.unit)}
      ${" · "}${grouped(one.gathered)}${one.needed !== null && ` of ~${grouped(one.needed)}`}
    </p>
  </li>`)}
</ul>`;

function Standing({ of }) {
  const [icon, word] = STANDING[of] ?? ["hold", of];
  return html`<span class="standing"><${Icon} name=${icon} />${word}</span>`;
}

/** The interval as a band and the limit as a line, on one scale. */
function Span({ of: { estimate, limit } }) {
  const end = Math.max(limit * 1.6, estimate ? (estimate.high ?? Math.max(estimate.value, estimate.low)) * 1.05 : 0) || 1;
  const place = (n) => `${Math.min(100, (n / end) * 100)}%`;
  return html`<div class="span" aria-hidden="true">
    ${estimate && html`<div class="band" style=${{ left: place(estimate.low), right: estimate.high === null ? 0 : `calc(100% - ${place(estimate.high)})` }}></div>
      <div class="point" style=${{ left: place(estimate.value) }}></div>`}
    <div class="limit" style=${{ left: place(limit) }}></div>
  </div>`;
}

/** Mismatches over time, a small or a large picture. */
export function Trend({ points, limit, large }) {
  const known = points.filter((point) => point.answers > 0);
  if (known.length < 2) return large ? html`<p class="empty">No trend yet: it takes two stretches of time.</p>` : null;
  const begin = points[0].time;
  const end = points[points.length - 1].time;
  const top = Math.max(...known.map((point) => point.mismatches / point.answers), (limit ?? 0) * 1.4) || 1;
  const x = (point) => ((point.time - begin) / (end - begin)) * 100;
  const y = (share) => 38 - (share / top) * 36;
  // A stretch without answers is a gap, not a zero; one alone is a dot.
  let pen = "M";
  const line = points.map((point) => {
    if (point.answers === 0) return (pen = "M"), "";
    const drawn = `${pen}${x(point).toFixed(2)} ${y(point.mismatches / point.answers).toFixed(2)}`;
    const dot = pen === "M" ? "h0" : "";
    pen = "L";
    return drawn + dot;
  }).join("");
  const last = known[known.length - 1];
  const peak = Math.max(...known.map((point) => point.mismatches / point.answers));
  const told = `Answers that differ, over ${roughly(end - begin)}: at most ${rate(peak)}, last ${rate(last.mismatches / last.answers)}`;
  const picture = html`<svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label=${told}>
      <path class="ground" d="M0 38H100" />
      ${limit !== null && limit <= top && html`<path class="bound" d=${`M0 ${y(limit)}H100`} />`}
      <path class="line" d=${line} />
    </svg>`;
  if (!large) return html`<span class="trend">${picture}</span>`;
  return html`<figure class="trend large">${picture}
    <figcaption>${told}${limit !== null && html`; the dashed line is the limit, ${rate(limit)}`}.</figcaption>
  </figure>`;
}
