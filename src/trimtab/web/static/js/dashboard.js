// One dashboard: panels that are seen are asked for, many in one request, and each is drawn as soon as its line of the answer is
// there. They follow the range in the address, and the clock while the page is live.
import "./chart-heat.js";
import "./dashboard-variables.js";
import "./format-units.js";
import { isMoving } from "./live.js";
import { current } from "./range.js";

/** @typedef {import("./chart-data.js").Answer} Answer */
/** @typedef {HTMLElement & {width: number, wait(): void, receive(answer: Answer): void, fail(message: string): void}} Chart */
/** @typedef {{panel: string, notes?: string[], chart?: Answer, html?: string, trouble?: string, end?: boolean}} Told */
/** @typedef {{askedMs: number, generation: number, running: boolean}} Known */

const PANELS_MAX = 24;
const REQUESTS_MAX = 3;
const EVERY_MS_MIN = 5_000;
const EVERY_MS_MAX = 60_000;
const POINTS_MAX = 2_000;

/** @type {Map<HTMLElement, Known>} */
const panels = new Map();
/** @type {Set<HTMLElement>} */
const seen = new Set();
/** Counts ranges: what was asked for another one is old. */
let generation = 0;
let requests = 0;
let planned = 0;
let stop = new AbortController();

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!(target instanceof HTMLElement)) continue;
      if (isIntersecting) seen.add(target);
      else seen.delete(target);
    }
    plan();
  },
  { rootMargin: "160px 0px" },
);

/** Panels that came with the page, or with a piece of it. */
function scan() {
  for (const panel of panels.keys()) {
    if (panel.isConnected) continue;
    observer.unobserve(panel);
    panels.delete(panel);
    seen.delete(panel);
  }
  for (const panel of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#dashboard [data-panel]"))) {
    if (panels.has(panel)) continue;
    panels.set(panel, { askedMs: 0, generation: -1, running: false });
    observer.observe(panel);
  }
}

/** How often numbers of this range are worth asking for again. */
function everyMs() {
  const { fromMs, toMs } = current();
  return Math.min(Math.max((toMs - fromMs) / 720, EVERY_MS_MIN), EVERY_MS_MAX);
}

/** @param {Known} known @param {number} nowMs */
function isDue(known, nowMs) {
  if (known.running) return false;
  return known.generation !== generation || (isMoving() && nowMs - known.askedMs >= everyMs() - 250);
}

function plan() {
  window.clearTimeout(planned);
  planned = window.setTimeout(load, 30);
}

function load() {
  const nowMs = Date.now();
  const due = [...seen].filter((panel) => panel.isConnected && isDue(/** @type {Known} */ (panels.get(panel)), nowMs));
  while (due.length && requests < REQUESTS_MAX) void ask(due.splice(0, PANELS_MAX));
  const host = document.getElementById("dashboard");
  if (host) host.dataset.state = requests || due.length ? "loading" : "ready";
}

/** @param {HTMLElement} panel @returns {Chart | null} */
const chartOf = (panel) => panel.querySelector("tt-chart");

/** @param {HTMLElement[]} asked */
async function ask(asked) {
  const host = document.getElementById("dashboard");
  if (!host?.dataset.data) return;
  const mine = generation;
  const { signal } = stop;
  const { from, to } = current();
  const wanted = new URLSearchParams({ from, to });
  for (const [name, value] of new URLSearchParams(location.search)) if (name.startsWith("var-")) wanted.append(name, value);
  /** @type {Map<string, HTMLElement>} */
  const waiting = new Map();
  for (const panel of asked) {
    const known = /** @type {Known} */ (panels.get(panel));
    Object.assign(known, { askedMs: Date.now(), generation: mine, running: true });
    const key = panel.dataset.panel ?? "";
    waiting.set(key, panel);
    const points = Math.ceil(Math.min(chartOf(panel)?.width ?? 240, POINTS_MAX) / 20) * 20;
    wanted.append("panel", `${key}:${points}`);
  }
  requests += 1;
  try {
    const answer = await fetch(`${host.dataset.data}?${wanted}`, { signal, headers: { Accept: "application/json" } });
    if (answer.redirected && new URL(answer.url).pathname === "/login") throw new Error("You are signed out: reload the page.");
    if (!answer.ok || !answer.body) throw new Error((await answer.json().catch(() => null))?.error?.message ?? `trimtab answered ${answer.status}`);
    for await (const told of lines(answer.body)) {
      const panel = waiting.get(told.panel);
      if (!panel || mine !== generation) continue;
      waiting.delete(told.panel);
      finish(panel);
      show(panel, told);
    }
    if (waiting.size) throw new Error("the answer broke off");
  } catch (error) {
    if (!signal.aborted) for (const panel of waiting.values()) fail(panel, error instanceof TypeError ? "trimtab does not answer." : String(error instanceof Error ? error.message : error));
  } finally {
    requests -= 1;
    for (const panel of waiting.values()) finish(panel);
    plan();
  }
}

/** @param {HTMLElement} panel */
function finish(panel) {
  const known = panels.get(panel);
  if (known) known.running = false;
}

/** Lines of JSON as they come. @param {ReadableStream<Uint8Array>} body @returns {AsyncGenerator<Told>} */
async function* lines(body) {
  const reader = body.pipeThrough(/** @type {ReadableWritablePair<string, Uint8Array>} */ (/** @type {unknown} */ (new TextDecoderStream()))).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}

/** @param {HTMLElement} panel @param {string} text @param {string} [tone] */
function say(panel, text, tone = "") {
  const line = /** @type {HTMLElement | null} */ (panel.querySelector(".dash-said"));
  if (!line) return;
  line.hidden = !text;
  line.dataset.tone = tone;
  if (line.textContent !== text) line.textContent = text;
}

/** @param {HTMLElement} panel @param {Told} told */
function show(panel, told) {
  const notes = (told.notes ?? []).join("; ");
  const chart = chartOf(panel);
  panel.dataset.state = told.trouble ? "error" : "ready";
  if (chart) {
    const { fromMs, toMs } = current();
    const empty = { from_ms: fromMs, to_ms: toMs, step_ms: 1_000, series: [], marks: [] };
    chart.receive(told.trouble ? { ...empty, error: told.trouble } : /** @type {Answer} */ (told.chart));
    say(panel, notes);
    return;
  }
  const slot = panel.querySelector(".dash-slot");
  slot?.removeAttribute("data-waiting");
  if (!slot) return;
  if (told.trouble) {
    const state = document.createElement("div");
    state.className = "state";
    state.dataset.state = "error";
    state.append(Object.assign(document.createElement("p"), { className: "state-hint", textContent: told.trouble }));
    slot.replaceChildren(state);
  } else {
    const made = document.createElement("template");
    made.innerHTML = told.html ?? "";
    slot.replaceChildren(made.content);
  }
  say(panel, notes);
}

/** What was drawn stays, and is old. @param {HTMLElement} panel @param {string} message */
function fail(panel, message) {
  const known = panels.get(panel);
  if (known) known.askedMs = Date.now();
  chartOf(panel)?.fail(message);
  if (!chartOf(panel)) say(panel, `Could not refresh: ${message}`, "bad");
  panel.dataset.state = "error";
}

/** Everything that is seen is asked for again. */
function anew() {
  stop.abort();
  stop = new AbortController();
  generation += 1;
  for (const [panel, known] of panels) {
    known.running = false;
    if (!seen.has(panel)) continue;
    chartOf(panel)?.wait();
    panel.querySelector(".dash-slot")?.setAttribute("data-waiting", "");
  }
  plan();
}

document.body.addEventListener("tt:range", anew);
document.body.addEventListener("tt:refresh", plan);
document.body.addEventListener("tt:slice", plan);
document.addEventListener("tt:again", anew);
document.addEventListener("htmx:after:swap", scan);
window.setInterval(() => isMoving() && plan(), EVERY_MS_MIN);
scan();
plan();
