// One request for all charts of the page. They follow the range in the address, and the clock while the page is live.
import { isMoving } from "./live.js";
import { current } from "./range.js";

/**
 * @typedef {{key: string, name: string, unit: string, about?: string, slot?: number, total?: number, pile?: number | null, filled?: boolean, values: (number | null)[]}} Series `slot`: which colour; `total`: what stands beside its name; `pile`: on which stack, null is on none; `filled`: what is below its line
 * @typedef {{error: string, texts: string[]}} Note
 * @typedef {{at_ms: number, end_ms: number | null, kind: string, label: string, system: string, case_id: number | null, change_id: string | null}} Mark
 * @typedef {{from_ms: number, to_ms: number, step_ms: number, series: Series[], marks: Mark[], notes?: Record<string, Note>, error?: string, said?: string}} Answer
 * @typedef {HTMLElement & {keys: string[], width: number, receive(answer: Answer): void, fail(message: string): void, wait(): void}} Chart
 */

const KEYS_MAX = 24;
const POINTS_MIN = 300;
const POINTS_MAX = 10_000;
const EVERY_MS_MIN = 2_000;
const EVERY_MS_MAX = 30_000;

/** @type {Set<Chart>} */
const charts = new Set();
/** @type {AbortController | null} */
let running = null;
let planned = 0;
let askedMs = 0;
let stepMs = 0;

/** @param {Chart} chart */
export function join(chart) {
  charts.add(chart);
  plan();
}

/** @param {Chart} chart */
export function leave(chart) {
  charts.delete(chart);
}

/** @returns {Iterable<Chart>} */
export function all() {
  return charts;
}

/** Ask soon; many wishes in one turn are one request. */
export function plan() {
  window.clearTimeout(planned);
  planned = window.setTimeout(() => void load(), 0);
}

/** How many points fit the widest chart; `points` in the address asks for another number. */
function pointsWanted() {
  const asked = Number(new URLSearchParams(location.search).get("points"));
  if (asked >= 2) return Math.min(Math.round(asked), POINTS_MAX);
  const widest = Math.max(...[...charts].map((chart) => chart.width), POINTS_MIN);
  return Math.ceil(Math.min(widest, 2_000) / 100) * 100;
}

/** @param {string[]} keys @param {AbortSignal} signal @returns {Promise<Answer>} */
async function ask(keys, signal) {
  const { from, to } = current();
  const wanted = new URLSearchParams({ from, to, points: String(pointsWanted()) });
  for (const key of keys) wanted.append("key", key);
  const answer = await fetch(`/series?${wanted}`, { signal, headers: { Accept: "application/json" } });
  if (answer.redirected && new URL(answer.url).pathname === "/login") throw new Error("You are signed out: reload the page.");
  if (!answer.ok) {
    const body = await answer.json().catch(() => null);
    throw new Error(body?.error?.message ?? `trimtab answered ${answer.status}`);
  }
  return answer.json();
}

async function load() {
  if (!charts.size) return;
  running?.abort();
  const mine = new AbortController();
  running = mine;
  askedMs = Date.now();
  const keys = [...new Set([...charts].flatMap((chart) => chart.keys))];
  const parts = [];
  for (let at = 0; at < keys.length; at += KEYS_MAX) parts.push(ask(keys.slice(at, at + KEYS_MAX), mine.signal));
  try {
    const answers = await Promise.all(parts);
    if (mine.signal.aborted) return;
    const whole = { ...answers[0], series: answers.flatMap((answer) => answer.series), notes: Object.assign({}, ...answers.map((answer) => answer.notes)) };
    stepMs = whole.step_ms;
    for (const chart of charts) chart.receive(pick(whole, chart.keys));
  } catch (error) {
    if (mine.signal.aborted) return;
    const message = error instanceof TypeError ? "trimtab does not answer." : String(error instanceof Error ? error.message : error);
    for (const chart of charts) chart.fail(message);
  }
}

/** The part of an answer that belongs to some keys, in their order. @param {Answer} whole @param {string[]} keys @returns {Answer} */
function pick(whole, keys) {
  const notes = keys.flatMap((key) => whole.notes?.[key] ?? []);
  const error = notes.map((note) => note.error).join(" ").trim();
  const said = notes.flatMap((note) => note.texts).join(" ");
  return { ...whole, error, said, series: keys.flatMap((key) => whole.series.filter((series) => series.key === key || series.key.startsWith(`${key}{`))) };
}

/** While live: as often as a new point can come, and not more often than that. */
function follow() {
  const every = Math.min(Math.max(stepMs, EVERY_MS_MIN), EVERY_MS_MAX);
  if (isMoving() && charts.size && Date.now() - askedMs >= every - 250) plan();
}

document.body.addEventListener("tt:range", () => {
  for (const chart of charts) chart.wait();
  plan();
});
document.body.addEventListener("tt:slice", follow);
for (const kind of ["refresh", "case", "change"]) {
  document.body.addEventListener(`tt:${kind}`, () => {
    if (charts.size && isMoving()) plan();
  });
}

/** @typedef {{down: boolean, members: number[]}} Pile Lines that lie on each other, from the bottom up, or below zero. */

/** @param {Answer} answer @param {Set<number>} hidden */
function piles(answer, hidden) {
  /** @type {Record<string, Pile>} */
  const found = {};
  answer.series.forEach(({ pile = 0, values }, at) => {
    if (pile === null || hidden.has(at)) return;
    const down = values.some((value) => (value ?? 0) < 0);
    (found[`${pile} ${down}`] ??= { down, members: [] }).members.push(at);
  });
  return Object.values(found);
}

/** Where each line runs. One without a value where others have some adds nothing. @param {Answer} answer @param {Set<number>} hidden */
export function stacked(answer, hidden) {
  const rows = answer.series.map((one) => one.values);
  for (const { members } of piles(answer, hidden)) {
    /** @type {(number | null)[]} */
    let below = rows[members[0]].map((_, index) => (members.some((at) => rows[at][index] !== null) ? 0 : null));
    for (const at of members) below = rows[at] = below.map((height, index) => (height === null ? null : height + (rows[at][index] ?? 0)));
  }
  return rows;
}

/** What is filled. @param {any} plot @param {Answer} answer @param {Set<number>} hidden */
export function setBands(plot, answer, hidden) {
  plot.delBand(null);
  for (const { down, members } of piles(answer, hidden)) {
    members.reduce((below, at) => {
      plot.addBand({ series: [at + 1, below + 1], dir: down ? 1 : -1 });
      return at;
    });
  }
}
