// What differs between the two sides' answers, by field, with examples.

import { useEffect, useRef, useState } from "./vendor/hooks.js";
import { counted, figure, grouped, html, millis, percent, Time, To } from "./words.js";
import { differences } from "./server.js";
import { aligned } from "./aligned.js";

/** In milliseconds, at most how often it is asked for. */
const OFTEN = 5_000;

/** Asked for anew when more was compared. */
export function Differences({ stage }) {
  const [told, setTold] = useState(null);
  const [refused, setRefused] = useState(null);
  const seen = JSON.stringify([stage.compared?.mismatches, stage.compared?.excused, stage.compared?.unavailable]);
  const asked = useRef(-OFTEN);
  useEffect(() => {
    const ask = () => {
      asked.current = performance.now();
      differences(stage.name).then((said) => (setTold(said), setRefused(null)), setRefused);
    };
    const timer = setTimeout(ask, asked.current + OFTEN - performance.now());
    return () => clearTimeout(timer);
  }, [seen]);
  return html`<section class="differences"><h3>What differs</h3>
    ${refused ? html`<p class="bad">${refused.message}: ${refused.mend}</p>` : told && html`<${Told} told=${told} />`}
  </section>`;
}

function Told({ told }) {
  if (told.fields.length === 0 && told.examples.length === 0 && !told.predictions) {
    return html`<p class="empty">${told.sentence ?? (told.compared ? "Every answer that was compared was the same." : "Nothing is compared yet, so nothing is known to differ.")}</p>`;
  }
  const counts = told.fields.filter((field) => !field.noise);
  const noise = told.fields.filter((field) => field.noise);
  const shown = new Set(told.fields.flatMap((field) => field.examples));
  const rest = told.examples.filter((example) => !shown.has(example.id));
  return html`
    ${told.sentence && html`<p>${told.sentence}</p>`}
    <ul class="fields">
      ${counts.map((field) => html`<li key=${field.path + field.how}><${Field} field=${field} examples=${told.examples} /></li>`)}
      ${noise.map((field) => html`<li class="noise"><code>${field.path}</code> <span class="n">${grouped(field.count)}×</span> <span>noise${field.noise.looks_like && ` (${field.noise.looks_like})`}: the monolith differs from itself in ${grouped(field.noise.differed)} of ${grouped(field.noise.asked)}</span></li>`)}
    </ul>
    ${told.predictions && html`<${Predicted} of=${told.predictions} />`}
    ${told.remarks.length > 0 && html`<ul class="predicted quiet">${told.remarks.map((text) => html`<li>Does not count: ${text}</li>`)}</ul>`}
    ${rest.length > 0 && html`<details><summary>${counted(rest.length, "other example")}</summary>
      ${rest.map((example) => html`<${Example} example=${example} />`)}</details>`}`;
}

/** Labels that flipped, and how far scores are apart. */
function Predicted({ of }) {
  const flips = of.flips.map((one) => html`<li>${grouped(one.count)}× <code>${one.from}</code> <${To} /> <code>${one.to}</code></li>`);
  const scores = of.score_differences.map(({ share, value }) =>
    `${share === 1 ? "at most" : share === 0.5 ? "half within" : `${percent(share * 100)} within`} ${figure(value, "number")}`);
  return html`<ul class="predicted">
    <li>${of.flipped === 0 ? "No" : grouped(of.flipped)} of ${counted(of.labels, "label")} flipped</li>${flips}
    ${of.scores > 0 && html`<li>${counted(of.scores, "score")} apart: ${scores.join(", ")}</li>`}
  </ul>`;
}

function Field({ field, examples }) {
  const own = examples.filter((example) => field.examples.includes(example.id));
  const more = [
    field.how,
    field.how === null && field.largest !== null && `largest difference ${figure(field.largest, "number")}`,
    field.how === null && field.label_flips !== null && (field.label_flips === 0 ? "no label flips" : counted(field.label_flips, "label flip")),
  ].filter(Boolean).join("; ");
  const head = html`<code>${field.path}</code> <span class="n">${grouped(field.count)}×</span> <span>${more}</span>`;
  const excerpts = field.excerpts.filter((one) => !field.examples.includes(one.id)).map((one) => html`<p class="excerpt">
    <code>${one.place}</code><span>monolith <code>${one.monolith || "nothing"}</code></span><span>candidate <code>${one.candidate || "nothing"}</code></span>
    <span class="quiet">${one.id.slice(0, 8)}…</span></p>`);
  if (own.length === 0) return html`<p class="field">${head}</p>${excerpts}`;
  return html`<details><summary class="field">${head} <span class="quiet">${counted(own.length, "example")}</span></summary>
    ${excerpts}${own.map((example) => html`<${Example} key=${example.id} example=${example} />`)}</details>`;
}

function Example({ example }) {
  const { monolith, candidate } = example;
  const rows = aligned(monolith.body, candidate.body);
  return html`<article class="example">
    <p><code>${example.method} ${example.path}</code> <span class="quiet"><${Time} of=${example.time} /> · ${example.id.slice(0, 8)}…</span></p>
    ${example.request && html`<details class="request"><summary>The request’s body</summary><pre tabindex="0">${example.request}</pre></details>`}
    <div class="sides">
      <${Answer} name="monolith" answer=${monolith} lines=${rows.map((row) => [row.left, row.differs])} />
      <${Answer} name="candidate" answer=${candidate} lines=${rows.map((row) => [row.right, row.differs])} />
    </div>
  </article>`;
}

function Answer({ name, answer, lines }) {
  const about = [answer.failure ?? answer.status, answer.content_type, answer.milliseconds !== null && `${millis(answer.milliseconds / 1000)} ms`];
  return html`<div class="answer"><h4>${name} <small>${about.filter(Boolean).join(" · ")}</small></h4>
    ${answer.body === null ? html`<p class="empty">No body was kept.</p>` : html`<pre tabindex="0" aria-label=${`The ${name}’s answer`}>
      ${lines.map(([line, differs]) => line === null
        ? html`<span class="line pad"></span>`
        : differs ? html`<mark class="line">${line}${"\n"}</mark>` : html`<span class="line">${line}${"\n"}</span>`)}
    </pre>`}
    ${answer.cut && html`<p class="quiet">The beginning of it; the rest was not kept.</p>`}
  </div>`;
}
