// How things are written: numbers, times, shares. The same as in the terminal.

import { h } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

/** Templates to elements. What is put in is text, never markup. */
export const html = htm.bind(h);

/** `41,220` */
export const grouped = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");

/** `1 answer`, `41,220 answers` */
export const counted = (n, one, many = `${one}s`) => `${grouped(n)} ${n === 1 ? one : many}`;

/** A number stays with its unit when a line breaks. */
const BOUND = "\u00a0";

/** Of a number from 0 to 100: `25 %`, `0.05 %` */
export const percent = (n) => `${Number(n.toFixed(2))}${BOUND}%`;

/** Of a number from 0 to 1, with two decimals, as rates are shown. */
export const rate = (n) => (n === 0 || n === 1 ? percent(n * 100) : `${(n * 100).toFixed(2)}${BOUND}%`);

/** Of seconds: `140`, `3`, `0.4`: milliseconds as precise as it matters. */
export function millis(seconds) {
  const n = seconds * 1000;
  return n < 10 ? String(Number(n.toFixed(1))) : grouped(n);
}

/** `140 / 3 ms` of both sides, `–` for one that was not measured. */
export function both(monolith, candidate, quantile) {
  if (!monolith && !candidate) return "–";
  const one = (side) => (side ? millis(side[quantile]) : "–");
  return `${one(monolith)} / ${one(candidate)}${BOUND}ms`;
}

/** A criterion's figure. */
export function figure(n, unit) {
  if (unit === "share") return rate(n);
  if (unit === "ratio") return `${n.toFixed(2)}×`;
  return String(Number(n.toPrecision(3)));
}

/** `0.00–0.06`, in the unit's own scale; `0.40–?` where the end is not known. */
export function interval({ low, high }, unit) {
  const one = (n) => {
    if (n === null) return "?";
    if (unit === "share") return (n * 100).toFixed(2);
    return unit === "ratio" ? n.toFixed(2) : String(Number(n.toPrecision(3)));
  };
  return `${one(low)}–${one(high)}`;
}

/** `~40 min`: how long something takes, roughly. */
export function roughly(seconds) {
  const [unit, length] = [["d", 86400], ["h", 3600], ["min", 60]].find(([, length]) => seconds >= length) ?? ["s", 1];
  return `~${Math.max(1, Math.round(seconds / length))} ${unit}`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** `14:02`, or `23 Nov 14:02` on another day. */
export function at(time) {
  const then = new Date(time);
  const today = day.format(then) === day.format(new Date());
  return today ? clock.format(then) : `${day.format(then)} ${clock.format(then)}`;
}

/** A time, with its exact form for whoever points at it. */
export const Time = ({ of }) => html`<time datetime=${of} title=${of}>${at(of)}</time>`;

/** `split 10 %`, `monolith` */
export function share(of) {
  if (!of) return "nothing";
  const whole = of.mode === "monolith" || of.mode === "candidate";
  return whole ? of.mode : `${of.mode} ${percent(of.percent)}`;
}

export const same = (a, b) => share(a) === share(b);

/** How much of what clients get comes from the candidate, from 0 to 100. */
export function answered(of) {
  if (of.mode === "split") return of.percent;
  return of.mode === "candidate" || of.mode === "reverse-shadow" ? 100 : 0;
}

/** What a mode does, in a sentence. */
export function meaning({ mode, percent: n }) {
  const part = n === 100 ? "Every request" : `${percent(n)} of the requests`;
  switch (mode) {
    case "monolith": return "The monolith answers everything; nothing is copied.";
    case "shadow": return `The monolith answers everything. ${part} ${n === 100 ? "is" : "are"} copied to the candidate, where that does no harm.`;
    case "split":
      if (n === 0) return "The monolith answers everything; nothing is copied.";
      return n === 100 ? "The candidate answers everything, the monolith where it cannot." : `The candidate answers ${percent(n)}, the monolith the rest.`;
    case "candidate": return "The candidate answers everything; nothing is copied.";
    default: return `The candidate answers everything. ${part} ${n === 100 ? "is" : "are"} copied to the monolith, where that does no harm.`;
  }
}

const sum = (counts) => Object.values(counts ?? {}).reduce((all, n) => all + n, 0);
/** Of a stage: how much was asked, and what went wrong. */
export function totals(traffic) {
  return {
    requests: sum(traffic.requests),
    failures: sum(traffic.failures),
    dropped: sum(traffic.dropped),
    copied: sum(traffic.mirrored),
  };
}

const ICONS = {
  pause: "M5 3v10M11 3v10",
  back: "M13 8H4M8 3.5 3.5 8 8 12.5",
  forward: "M3 8h9M8 3.5 12.5 8 8 12.5",
  check: "M3 8.5 6.5 12 13 4.5",
  warn: "M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5v.1",
  wait: "M8 4v4l3 2M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8",
  hold: "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3",
  open: "M3.5 6 8 10.5 12.5 6",
};
/** A picture beside a word; it says nothing alone. */
export const Icon = ({ name }) =>
  html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
/** An arrow, read as a word. */
export const To = () => html`<${Icon} name="forward" /><span class="hidden">to</span>`;
