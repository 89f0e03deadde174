// The time range lives in the address. This module reads it, changes it, and tells the page.

const UNITS = /** @type {Record<string, number>} */ ({ s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 });
const SHORTEST_MS = 60_000;
const LONGEST_MS = 90 * 864e5;

/** @typedef {{from: string, to: string, fromMs: number, toMs: number, live: boolean}} Range */

/** Unix milliseconds of `now-6h`, RFC 3339 or digits; NaN for anything else. @param {string} text @param {number} nowMs */
export function momentMs(text, nowMs) {
  const relative = /^now(?:-(\d{1,7})([smhdw]))?$/.exec(text);
  if (relative) return relative[1] ? nowMs - Number(relative[1]) * UNITS[relative[2]] : nowMs;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return Date.parse(text);
}

/** @returns {Range} */
export function current() {
  const parameters = new URLSearchParams(location.search);
  const from = parameters.get("from") || document.body.dataset.homeFrom || "now-1h";
  const to = parameters.get("to") || document.body.dataset.homeTo || "now";
  const nowMs = Date.now();
  return { from, to, fromMs: momentMs(from, nowMs), toMs: momentMs(to, nowMs), live: to === "now" };
}

const loaded = current();
/** @type {{from: string, to: string}} Where a double click leads back to. */
let home = { from: loaded.from, to: loaded.to };

/** What is wrong with a range, or "". @param {string} from @param {string} to */
export function problemOf(from, to) {
  const now = Date.now();
  const [start, end] = [momentMs(from, now), momentMs(to, now)];
  if (Number.isNaN(start)) return `From: "${from}" is no moment. Try now-6h or 2026-01-31T08:00:00Z.`;
  if (Number.isNaN(end)) return `To: "${to}" is no moment. Try now or 2026-01-31T08:00:00Z.`;
  if (end - start < SHORTEST_MS) return "A range has at least one minute.";
  if (end - start > LONGEST_MS) return "A range has at most 90 days.";
  return "";
}

/**
 * Put a range into the address and tell everybody.
 * @param {string} from
 * @param {string} to
 * @param {{replace?: boolean, home?: boolean}} [how] `home`: a double click leads back here
 */
export function setRange(from, to, how = {}) {
  if (problemOf(from, to)) return;
  const url = new URL(location.href);
  if (url.searchParams.get("from") === from && url.searchParams.get("to") === to) return;
  url.searchParams.set("from", from);
  url.searchParams.set("to", to);
  url.searchParams.delete("page");
  history[how.replace ? "replaceState" : "pushState"]({ tt: true }, "", url);
  if (how.home) home = { from, to };
  announce();
}

/** A range in milliseconds, widened to a minute where it is shorter, moved back where it would end after now. @param {number} fromMs @param {number} toMs @param {{replace?: boolean}} [how] */
export function setRangeMs(fromMs, toMs, how = {}) {
  const now = Date.now();
  const ahead = Math.max(toMs - now, 0);
  let [start, end] = [Math.round(fromMs - ahead), Math.round(toMs - ahead)];
  if (end - start < SHORTEST_MS) {
    const middle = (start + end) / 2;
    end = Math.round(Math.min(middle + SHORTEST_MS / 2, now));
    start = end - SHORTEST_MS;
  }
  setRange(String(Math.max(start, end - LONGEST_MS)), String(end), how);
}

/** Where one came from; who is there already sees twice as much. */
export function goHome() {
  const { from, to } = current();
  if (from === home.from && to === home.to) zoomOut();
  else setRange(home.from, home.to);
}

/** Twice as wide around the same middle. */
export function zoomOut() {
  const { from, fromMs, toMs, live } = current();
  const half = (toMs - fromMs) / 2;
  const relative = /^now-(\d+)([smhdw])$/.exec(from);
  if (live && relative) setRange(`now-${Number(relative[1]) * 2}${relative[2]}`, "now");
  else setRangeMs(fromMs - half, toMs + half);
}

/** Back to a range of the same length that ends now. */
export function goLive() {
  const { fromMs, toMs } = current();
  const minutes = Math.max(1, Math.round((toMs - fromMs) / 6e4));
  const [unit, name] = minutes % 1440 === 0 ? [1440, "d"] : minutes % 60 === 0 ? [60, "h"] : [1, "m"];
  setRange(`now-${minutes / Number(unit)}${name}`, "now", { home: true });
}

/** Tell the page that the range is another one now. */
export function announce() {
  document.body.dispatchEvent(new CustomEvent("tt:range", { detail: current(), bubbles: true }));
}

/** Links that carry the range of the loaded page get today's instead. @param {Event} event */
function refreshLink(event) {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin || link.hasAttribute("data-fixed")) return;
  const now = current();
  const url = new URL(link.href);
  const same = (url.searchParams.get("from") ?? loaded.from) === loaded.from && (url.searchParams.get("to") ?? loaded.to) === loaded.to;
  if (!same || (now.from === loaded.from && now.to === loaded.to)) return;
  if (url.pathname === location.pathname && !link.hasAttribute("data-nav") && !url.searchParams.has("from")) return;
  url.searchParams.set("from", now.from);
  url.searchParams.set("to", now.to);
  link.href = url.pathname + url.search + url.hash;
}

export function startRange() {
  for (const kind of ["mousedown", "click", "contextmenu"]) document.addEventListener(kind, refreshLink, true);
}
