// The search of traces: what is suggested while one types, dragging over the picture to zoom, and the range of the moment in the form.
import { setRangeMs } from "./range.js";

const AFTER_MS = 150;
const BRUSH_PX_MIN = 6;

let planned = 0;
/** @type {AbortController | null} */
let asking = null;

/** @returns {HTMLFormElement | null} */
const form = () => document.querySelector("form#trace-search");

/** @param {string} name @param {string} words */
async function suggest(name, words) {
  const list = document.getElementById(name);
  if (!list) return;
  asking?.abort();
  const mine = (asking = new AbortController());
  try {
    const answer = await fetch(`/traces/words?${words}`, { signal: mine.signal, headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const found = /** @type {string[]} */ (await answer.json());
    list.replaceChildren(...found.map((value) => Object.assign(document.createElement("option"), { value })));
  } catch {
    // suggestions help; the search works without
  }
}

/** @param {Record<string, string>} more */
function wanted(more) {
  const there = new URLSearchParams(location.search);
  const words = new URLSearchParams(more);
  for (const name of ["from", "to", "source"]) if (there.get(name)) words.set(name, there.get(name) ?? "");
  const service = form()?.querySelector("#s-service");
  if (service instanceof HTMLInputElement && service.value) words.set("service", service.value);
  return String(words);
}

/** @param {Event} event */
function onInput(event) {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || !box.form || box.form !== form()) return;
  window.clearTimeout(planned);
  if (box.matches("[data-attribute]")) planned = window.setTimeout(() => void suggest("attribute-words", wanted({ attribute: box.value })), AFTER_MS);
  if (box.id === "s-service") planned = window.setTimeout(() => void suggest("operations", wanted({})), AFTER_MS);
}

/** Words are there when one begins. @param {FocusEvent} event */
function onFocus(event) {
  const box = event.target;
  if (box instanceof HTMLInputElement && box.id === "s-service" && !document.querySelector("#services option")) void suggest("services", wanted({ of: "services" }));
  if (box instanceof HTMLInputElement && box.id === "s-operation" && !document.querySelector("#operations option")) void suggest("operations", wanted({}));
  if (box instanceof HTMLInputElement && box.matches("[data-attribute]")) void suggest("attribute-words", wanted({ attribute: box.value }));
}

/** The range is in the address, and may have changed since the form was drawn. */
function carryRange() {
  const there = new URLSearchParams(location.search);
  for (const name of ["from", "to", "tz"]) {
    form()?.querySelector(`input[name="${name}"]`)?.remove();
    const value = there.get(name);
    if (value) form()?.prepend(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
}

/** Drag over the picture: that time. @param {PointerEvent} event */
function onPress(event) {
  const plot = event.target instanceof Element ? event.target.closest(".scatter-plot") : null;
  const figure = /** @type {HTMLElement | null} */ (plot?.closest(".scatter") ?? null);
  if (!(plot instanceof HTMLElement) || !figure || event.button !== 0 || event.pointerType === "touch") return;
  const box = plot.getBoundingClientRect();
  const [from, to] = [Number(figure.dataset.fromMs), Number(figure.dataset.toMs)];
  const brush = Object.assign(document.createElement("div"), { className: "scatter-brush" });
  const at = (/** @type {PointerEvent} */ one) => Math.min(Math.max((one.clientX - box.left) / box.width, 0), 1);
  const begun = at(event);
  const move = (/** @type {PointerEvent} */ one) => {
    const now = at(one);
    if (!brush.isConnected && Math.abs(now - begun) * box.width >= BRUSH_PX_MIN) plot.append(brush);
    brush.style.left = `${Math.min(begun, now) * 100}%`;
    brush.style.width = `${Math.abs(now - begun) * 100}%`;
  };
  const end = (/** @type {PointerEvent} */ one) => {
    window.removeEventListener("pointermove", move);
    if (!brush.isConnected) return;
    brush.remove();
    const shares = [begun, at(one)].sort((a, b) => a - b);
    setRangeMs(from + shares[0] * (to - from), from + shares[1] * (to - from));
    window.addEventListener("click", (click) => click.preventDefault(), { once: true, capture: true }); // not the point under it
  };
  event.preventDefault();
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", end, { once: true });
}

document.addEventListener("input", onInput);
document.addEventListener("focusin", onFocus);
document.addEventListener("pointerdown", onPress);
document.addEventListener("htmx:after:swap", carryRange);
document.body.addEventListener("tt:range", carryRange);
window.addEventListener("popstate", carryRange);
carryRange();
