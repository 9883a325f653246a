// What was changed and decided, and why: the journal's words.

import { html, share, Time, To } from "./words.js";
import { Badge } from "./evidence.js";

/** The last first. `accents` are named where several stages are listed. */
export function History({ entries, accents }) {
  if (entries.length === 0) return html`<p class="empty">Nothing was changed yet.</p>`;
  return html`<ol class="history">
    ${entries.map((entry) => html`<li key=${entry.time + entry.stage + share(entry.to)} data-accent=${accents?.[entry.stage] ?? "shared"}>
      <${Time} of=${entry.time} />
      ${accents && html`<span class="chip">${entry.stage}</span>`}
      <span class="what">
        ${entry.judged && html`<${Badge} judged=${entry.judged} /> `}
        ${(entry.from || entry.to) && html`<span class="shift">${share(entry.from)} <${To} /> ${share(entry.to)}</span> `}
        ${entry.why && html`<span>${entry.why}</span>`}
        <span class="quiet"> · ${entry.who}</span>
      </span>
    </li>`)}
  </ol>`;
}
