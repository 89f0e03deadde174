// One event stream for the whole page. Events become `tt:slice`, `tt:case`, … on the body; regions and charts listen there.
import { clockText } from "./format.js";
import { zone } from "./prefs.js";
import { current, goLive } from "./range.js";

const KINDS = ["slice", "case", "change", "system", "status"];
const SILENCE_MS = 40_000;
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 30_000;
const HIDDEN_MS = 60_000;

/** @type {EventSource | null} */
let source = null;
let heardMs = Date.now();
let waitMs = WAIT_MS_MIN;
let opened = 0;
let retry = 0;
let hiddenTimer = 0;
/** @type {Set<string>} Why nothing moves: "hand", "pan", "hidden". */
const holds = new Set();
let broken = false;

/** Whether charts should follow the clock. */
export function isMoving() {
  return holds.size === 0 && current().live;
}

/** Stop following for a reason; the page says so. @param {string} why */
export function hold(why) {
  holds.add(why);
  show();
}

/** @param {string} why */
export function release(why) {
  if (!holds.delete(why)) return;
  show();
  if (holds.size === 0 && why !== "pan") tell("refresh", {}); // panning ends with a new range, which says it all
}

/** @param {string} kind @param {unknown} detail */
function tell(kind, detail) {
  document.body.dispatchEvent(new CustomEvent(`tt:${kind}`, { detail, bubbles: true }));
}

/** The button and the line under the header say what is going on. */
function show() {
  const button = document.querySelector('[data-action="live"]');
  const note = document.getElementById("stream-note");
  if (!(button instanceof HTMLElement)) return;
  const range = current();
  let [state, text, line] = ["live", "Live", ""];
  if (broken) [state, text, line] = ["stale", "Stale", `No word from trimtab since ${clockText(heardMs, zone())}. Trying again; what is shown is that old.`];
  else if (holds.has("pan")) [state, text] = ["paused", "Paused: panning"];
  else if (holds.has("hand")) [state, text] = ["paused", "Paused"];
  else if (!range.live && document.querySelector("tt-range")) [state, text] = ["paused", "Paused: fixed range"];
  else if (!opened) [state, text] = ["starting", "Connecting"];
  button.dataset.liveState = state;
  button.setAttribute("aria-pressed", String(state === "live"));
  button.title = state === "live" ? "Follows what happens. Press to pause." : state === "paused" ? "Press to follow again." : line || text;
  const words = button.querySelector(".live-text");
  if (words && words.textContent !== text) words.textContent = text;
  if (note) {
    note.hidden = !line;
    if (note.textContent !== line) note.textContent = line;
  }
}

/** @param {string} address */
function open(address) {
  source?.close();
  window.clearTimeout(retry);
  const stream = new EventSource(address);
  source = stream;
  stream.addEventListener("open", () => {
    waitMs = WAIT_MS_MIN;
    heard();
    opened += 1;
    if (opened > 1) tell("refresh", {});
    show();
  });
  stream.addEventListener("error", () => {
    stream.close();
    if (source === stream) again(address);
  });
  stream.addEventListener("beat", heard);
  stream.addEventListener("gap", () => {
    heard();
    tell("refresh", {});
  });
  for (const kind of KINDS) {
    stream.addEventListener(kind, (event) => {
      heard();
      if (holds.has("hand") || holds.has("pan")) return;
      if (kind === "slice" && !current().live && document.querySelector("tt-range")) return; // nothing new in a fixed range
      tell(kind, JSON.parse(/** @type {MessageEvent} */ (event).data || "{}"));
    });
  }
}

function heard() {
  heardMs = Date.now();
  if (broken) {
    broken = false;
    show();
  }
}

/** Try again after a while that doubles. @param {string} address */
function again(address) {
  broken = true;
  show();
  window.clearTimeout(retry);
  retry = window.setTimeout(() => open(address), waitMs * (0.75 + Math.random() / 2));
  waitMs = Math.min(waitMs * 2, WAIT_MS_MAX);
}

/** A tab that nobody sees for a minute needs no stream. @param {string} address */
function onVisibility(address) {
  window.clearTimeout(hiddenTimer);
  if (document.hidden) {
    hiddenTimer = window.setTimeout(() => {
      source?.close();
      source = null;
    }, HIDDEN_MS);
  } else if (!source || source.readyState === EventSource.CLOSED) {
    open(address);
  }
}

/** The button, or the key `p`. */
export function toggleLive() {
  if (holds.has("hand")) release("hand");
  else if (!current().live && document.querySelector("tt-range")) goLive();
  else hold("hand");
}

export function startLive() {
  const address = document.body.dataset.stream;
  if (!address) return;
  open(address);
  document.addEventListener("visibilitychange", () => onVisibility(address));
  document.body.addEventListener("tt:range", show);
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest('[data-action="live"]')) toggleLive();
  });
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) open(address);
  });
  setInterval(() => {
    if (source && Date.now() - heardMs > SILENCE_MS && !broken) {
      source.close();
      again(address);
    }
  }, 5_000);
  show();
}
