// Regions that refresh themselves by htmx: their requests carry the page's address, a fault is told and does not wipe them,
// and Back restores what was there.
import { announce } from "./range.js";
import { toast } from "./toast.js";

/** The address of the page that is shown, to see what Back changed. */
let shown = location.href;
/** @type {Set<string>} Ids of regions whose last refresh failed. */
const failed = new Set();
const FAILED = "Could not refresh: trimtab does not answer. What is shown is older.";

/** @param {string} href @returns {string} */
function withoutRange(href) {
  const url = new URL(href);
  for (const name of ["from", "to", "tz"]) url.searchParams.delete(name);
  return url.pathname + url.search;
}

/** A relative request (`?fragment=x`) is about this page: give it the page's parameters. @param {CustomEvent} event */
function completeAddress(event) {
  const { ctx } = event.detail;
  const action = String(ctx.request.action);
  if (ctx.request.method !== "GET") {
    const token = document.querySelector('meta[name="tt-csrf"]')?.getAttribute("content");
    if (token) ctx.request.headers["X-CSRF-Token"] = token;
    return;
  }
  if (!action.startsWith("?")) return;
  const wanted = new URLSearchParams(action);
  const own = new Set(wanted.keys()); // others may come several times
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (!own.has(name)) wanted.append(name, value);
  }
  ctx.request.action = `${document.body.dataset.path ?? location.pathname}?${wanted}`;
}

/** @param {CustomEvent} event */
function onAnswer(event) {
  const { ctx } = event.detail;
  const answer = ctx.response?.raw;
  if (answer?.redirected && new URL(answer.url).pathname === "/login") {
    event.preventDefault();
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
}

/** @param {CustomEvent} event */
function onFault(event) {
  const source = event.detail.ctx?.sourceElement;
  if (!(source instanceof HTMLElement)) return;
  const status = event.detail.ctx?.response?.status ?? event.detail.ctx?.response?.raw?.status;
  if (source.hasAttribute(`hx-status:${status}`)) return; // a form whose answer says what is wrong, in its place
  failed.add(source.id);
  toast(status && status < 500 ? "That did not work. Reload the page and try again." : FAILED, "fault");
}

/** Back and forward: a changed range is announced; anything else is fetched into #main. */
function onBack() {
  const before = shown;
  shown = location.href;
  if (before === shown) return;
  if (withoutRange(before) === withoutRange(shown)) {
    announce();
    return;
  }
  const address = location.pathname + location.search;
  void window.htmx?.ajax("GET", address, { target: "#main", select: "#main", swap: "outerSync" }).then(() => announce());
}

export function startRegions() {
  document.addEventListener("htmx:config:request", (event) => completeAddress(/** @type {CustomEvent} */ (event)));
  document.addEventListener("htmx:before:response", (event) => onAnswer(/** @type {CustomEvent} */ (event)));
  document.addEventListener("htmx:error", (event) => onFault(/** @type {CustomEvent} */ (event)));
  document.addEventListener("htmx:response:error", (event) => onFault(/** @type {CustomEvent} */ (event)));
  document.addEventListener("htmx:before:history:restore", (event) => event.preventDefault());
  for (const name of ["htmx:after:history:push", "htmx:after:history:replace"]) {
    document.addEventListener(name, () => {
      shown = location.href;
    });
  }
  document.addEventListener("htmx:after:swap", (event) => {
    const ctx = /** @type {CustomEvent} */ (event).detail?.ctx;
    const source = ctx?.sourceElement;
    if (ctx?.response?.raw?.ok && source instanceof HTMLElement && failed.delete(source.id) && !failed.size) toast("", "fault");
  });
  document.body.addEventListener("tt:range", () => {
    shown = location.href;
  });
  window.addEventListener("popstate", onBack);
}
