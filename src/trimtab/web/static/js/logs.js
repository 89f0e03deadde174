// The logs page: the chart and the counts follow the search, terms are put to what is in the box now, a tail begins and ends with the page.
import { current } from "./range.js";

/** What the chart shows, to see what changed. */
let shown = "";

const box = () => /** @type {HTMLInputElement | null} */ (document.querySelector("#search"));

/** Bracketed where it has an OR: one more term is AND'd to all of it. @param {string} text @param {string} term */
function withTerm(text, term) {
  const before = text.trim();
  if (!before) return term;
  return /(^|\s)OR(\s|$)/.test(before) ? `(${before}) ${term}` : `${before} ${term}`;
}

/** A record was drawn with the search of that time; its terms are added to what is searched now. @param {Event} event */
function refreshTerm(event) {
  const link = event.target instanceof Element ? event.target.closest("a[data-term]") : null;
  const now = box()?.value;
  if (!(link instanceof HTMLAnchorElement) || now === undefined) return;
  const url = new URL(link.href);
  for (const name of ["from", "to"]) if (new URLSearchParams(location.search).has(name)) url.searchParams.set(name, current()[/** @type {"from" | "to"} */ (name)]);
  url.searchParams.set("q", withTerm(now, link.dataset.term ?? ""));
  link.href = url.pathname + url.search;
  link.setAttribute("hx-get", link.href);
}

/** Hidden fields of the form say what the address says. */
function carry() {
  const form = document.querySelector("#log-search");
  if (!form) return;
  for (const field of form.querySelectorAll('input[type="hidden"]')) field.remove();
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (["q", "cursor", "n", "fragment"].includes(name)) continue;
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
}

/** After something was drawn: the chart asks for the same, counts are asked for again, a tail that was begun gets its script. */
function follow() {
  carry();
  const found = document.querySelector("#results");
  const key = found instanceof HTMLElement ? found.dataset.chart : undefined;
  if (key !== undefined && key !== shown) {
    document.querySelector("#log-levels")?.setAttribute("data-keys", JSON.stringify([key]));
    if (shown) document.body.dispatchEvent(new CustomEvent("tt:logs"));
    shown = key;
  }
  const tail = document.querySelector("tt-tail:not(:defined)");
  if (tail instanceof HTMLElement) void import(tail.dataset.module ?? "");
}

/** Completion is fetched when somebody begins to write. @param {Event} event */
async function onWriting(event) {
  const form = document.querySelector("#log-search");
  if (event.target !== box() || !(form instanceof HTMLElement) || form.dataset.ready !== undefined) return;
  form.dataset.ready = "";
  await import(form.dataset.complete ?? "");
  /** @type {HTMLElement & {attach(box: HTMLElement): void}} */ (document.querySelector("tt-complete")).attach(/** @type {HTMLElement} */ (box()));
}

for (const kind of ["mousedown", "click"]) document.addEventListener(kind, refreshTerm, true);
document.addEventListener("focusin", (event) => void onWriting(event));
document.addEventListener("htmx:after:swap", follow);
for (const kind of ["htmx:after:history:push", "htmx:after:history:replace"]) document.addEventListener(kind, carry);
document.body.addEventListener("tt:range", carry);
follow();
if (document.activeElement === box()) void onWriting(/** @type {any} */ ({ target: box() }));
