// What happens, on the page: events become `tt:slice`, `tt:case`, … on the body; regions and charts listen there.
import { clockText } from "./format.js";
import { zone } from "./prefs.js";
import { current, goLive } from "./range.js";
import { startStream } from "./stream.js";

let heardMs = Date.now();
let opened = 0;
/** @type {Set<string>} Why nothing moves: "hand", "pan". */
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
  if (words && words.textContent !== text) {
    const [what, why] = text.split(":");
    words.textContent = what;
    if (why) words.append(Object.assign(document.createElement("span"), { className: "live-why", textContent: `:${why}` }));
  }
  if (note) {
    note.hidden = !line;
    if (note.textContent !== line) note.textContent = line;
  }
}

/** What the stream says, here or through another tab. @param {string} kind @param {string} data */
function onWord(kind, data) {
  if (kind === "lost") {
    broken = true;
    show();
    return;
  }
  heardMs = Date.now();
  const isNew = kind === "open" || opened === 0;
  if (isNew) opened += 1;
  if (broken || isNew) {
    broken = false;
    show();
  }
  if (kind === "gap" || (kind === "open" && opened > 1)) tell("refresh", {});
  if (["open", "here", "beat", "gap"].includes(kind) || holds.has("hand") || holds.has("pan")) return;
  if (kind === "slice" && !current().live && document.querySelector("tt-range")) return; // nothing new in a fixed range
  tell(kind, JSON.parse(data || "{}"));
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
  startStream(address, onWord);
  document.body.addEventListener("tt:range", show);
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest('[data-action="live"]')) toggleLive();
  });
  show();
}
