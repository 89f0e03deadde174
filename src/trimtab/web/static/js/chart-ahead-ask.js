// Asks for forecasts: one question for all charts with keys, and one for the panels of a dashboard, which answers panel by panel.
import { aheadOf, room } from "./chart-ahead-switch.js";
import { current } from "./range.js";

/**
 * @typedef {import("./chart-ahead-draw.js").Band} Band
 * @typedef {import("./chart-ahead-switch.js").AheadChart} AheadChart
 * @typedef {{key: string, name?: string, about: string, model: string, points: number, inside_90: number | null, again?: boolean, total?: boolean, ahead: Band, past: Band[]}} Line `again`: made now, also those of before; `total`: of the sum of all lines
 * @typedef {{chart: AheadChart, lines: Line[], take(lines: Line[], why: string): void}} Asker
 */

const KEYS_MAX = 100;
const PANELS_MAX = 12;
const POINTS_MAX = 2_000;
const EVERY_MS = 60_000;
const PILED = new Set(["stack", "bars"]);
const MIXED = "No forecast: its lines lie on each other, and come from different questions.";

/** @type {Set<Asker>} */
export const shown = new Set();
let planned = 0;
let settling = 0;
let askedMs = 0;
let askedFor = "";
/** @type {AbortController | null} */
let running = null;

/** The panel that a chart belongs to, which asks in its place. @param {Asker} one */
const panelOf = (one) => (one.chart.hasAttribute("data-own") ? /** @type {HTMLElement | null} */ (one.chart.closest("[data-panel]"))?.dataset.panel : undefined);

/** @param {Asker} one */
const isPiled = (one) => PILED.has(one.chart.dataset.kind ?? "line");

/** Ask soon: many charts in one turn are one question, and answers of lines come more often than forecasts. @param {boolean} [again] */
export function plan(again = false) {
  const { from, to } = current();
  const each = [...shown].map((one) => [panelOf(one) ?? one.chart.keys, Boolean(one.chart.answer), aheadOf(one.chart)]);
  const wanted = JSON.stringify([each, from, to, location.search]);
  if (!again && wanted === askedFor && Date.now() - askedMs < EVERY_MS) return;
  window.clearTimeout(planned);
  planned = window.setTimeout(() => void load(wanted), 30);
}

/** @param {string} wanted */
async function load(wanted) {
  running?.abort();
  const mine = (running = new AbortController());
  [askedFor, askedMs] = [wanted, Date.now()];
  const askers = [...shown].filter(({ chart }) => chart.answer); // lines come first: what nobody sees need not go on
  const panels = askers.filter((one) => panelOf(one) !== undefined);
  try {
    await Promise.all([keyed(askers.filter((one) => !panels.includes(one)), mine.signal), drawn(panels, mine.signal)]);
  } catch {
    if (!mine.signal.aborted) askedFor = ""; // the lines are there; bands come with the next look
  }
}

/** @param {Asker[]} askers @returns {URLSearchParams} */
function question(askers) {
  const { from, to } = current();
  return new URLSearchParams({ from, to, past: askers.some(({ chart }) => aheadOf(chart) === "past") ? "1" : "0" });
}

/** @param {string} path @param {AbortSignal} signal */
async function fetched(path, signal) {
  const answer = await fetch(path, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`trimtab answered ${answer.status}`);
  return answer;
}

/** Charts that have keys. @param {Asker[]} askers @param {AbortSignal} signal */
async function keyed(askers, signal) {
  const able = askers.filter((one) => !isPiled(one) || one.chart.keys.length === 1);
  const pairs = [...new Set(able.flatMap((one) => one.chart.keys.map((key) => `${isPiled(one) ? "total" : "key"} ${key}`)))];
  /** @type {Line[]} */
  const lines = [];
  const why = /** @type {Record<string, string>} */ ({});
  for (let at = 0; at < pairs.length; at += KEYS_MAX) {
    const asked = question(askers);
    for (const pair of pairs.slice(at, at + KEYS_MAX)) asked.append(pair.split(" ", 1)[0], pair.slice(pair.indexOf(" ") + 1));
    const told = await (await fetched(`/series/ahead?${asked}`, signal)).json();
    lines.push(...told.lines);
    Object.assign(why, told.why);
  }
  for (const one of askers) {
    const mine = lines.filter(({ key, total }) => one.chart.keys.includes(key) && Boolean(total) === isPiled(one));
    one.take(mine, able.includes(one) ? one.chart.keys.map((key) => why[key]).find(Boolean) ?? "" : MIXED);
  }
  settle();
}

/** Panels of a dashboard that were drawn: each is told as soon as it is forecast. @param {Asker[]} askers @param {AbortSignal} signal */
async function drawn(askers, signal) {
  const address = document.getElementById("dashboard")?.dataset.data?.replace(/data$/, "ahead");
  for (let at = 0; address && at < askers.length; at += PANELS_MAX) {
    const part = askers.slice(at, at + PANELS_MAX);
    const asked = question(part);
    for (const [name, value] of new URLSearchParams(location.search)) if (name.startsWith("var-")) asked.append(name, value);
    for (const one of part) asked.append("panel", `${panelOf(one)}:${Math.ceil(Math.min(one.chart.width, POINTS_MAX) / 20) * 20}`);
    const { body } = await fetched(`${address}?${asked}`, signal);
    const reader = /** @type {ReadableStream<Uint8Array>} */ (body).pipeThrough(/** @type {ReadableWritablePair<string, Uint8Array>} */ (/** @type {unknown} */ (new TextDecoderStream()))).getReader();
    for (let rest = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop() ?? "";
      for (const told of parts.filter(Boolean).map((text) => JSON.parse(text))) part.find((one) => panelOf(one) === told.panel)?.take(told.lines, told.why);
      settle();
    }
  }
}

/** Axes follow what came, all at once. */
function settle() {
  window.cancelAnimationFrame(settling);
  settling = window.requestAnimationFrame(() => {
    measure();
    for (const chart of /** @type {Iterable<AheadChart>} */ (/** @type {unknown} */ (document.querySelectorAll("tt-chart")))) chart.refit?.();
  });
}

/** Room behind now: as far as forecasts reach, and never more than what the range shows of the past. */
export function measure() {
  const { fromMs, toMs, live } = current();
  const ends = [...shown].flatMap((one) => one.lines.map(({ ahead }) => ahead.start_ms + (ahead.mean.length - 1) * ahead.step_ms));
  room.ms = live && ends.length ? Math.min(Math.max(Math.max(...ends) - toMs, 0), toMs - fromMs) : 0;
}
