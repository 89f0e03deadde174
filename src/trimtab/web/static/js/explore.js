// The Explorer page: Enter runs, the form goes with the range of the moment, completion is fetched when somebody types.

/** @returns {HTMLFormElement | null} */
const form = () => document.querySelector("form#ask");
/** @type {Set<Element>} Boxes that have been told about. */
const known = new Set();

/** What was just pressed, so that the focus can follow it. @type {string} */
let pressed = "";

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
  if (!(event.target instanceof Element) || !event.target.matches("[data-promql]")) return;
  event.preventDefault();
  form()?.requestSubmit();
}

/** Fetch the completion when somebody begins to write. @param {Event} event */
async function onWriting(event) {
  const box = event.target;
  const address = form()?.dataset.complete;
  if (!(box instanceof HTMLTextAreaElement) || !box.matches("[data-promql]") || known.has(box) || !address) return;
  known.add(box);
  await import(address);
  const list = /** @type {HTMLElement & {attach(box: HTMLTextAreaElement): void}} */ (document.querySelector("tt-complete"));
  list.attach(box);
}

/** The range is in the address, and may have changed since the form was drawn. */
function carryRange() {
  const there = new URLSearchParams(location.search);
  for (const name of ["from", "to", "tz"]) {
    form()?.querySelector(`input[name="${name}"]`)?.remove();
    const value = there.get(name);
    if (value) form()?.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
}

/** @param {Event} event */
function onClick(event) {
  const button = event.target instanceof Element ? event.target.closest("button") : null;
  if (button?.name === "do") pressed = button.value;
  if (!button?.dataset.go) return;
  const box = document.getElementById(button.dataset.box ?? "");
  if (!(box instanceof HTMLTextAreaElement)) return;
  box.focus();
  box.setSelectionRange(Number(button.dataset.go), Number(button.dataset.go) + 1);
}

/** After the page was drawn again: boxes say what was run, and the focus is where one goes on. */
function onSwap() {
  carryRange();
  if (!pressed) return;
  const boxes = /** @type {NodeListOf<HTMLTextAreaElement>} */ (document.querySelectorAll("[data-promql]"));
  for (const box of boxes) if (box !== document.activeElement) box.value = box.defaultValue;
  if (pressed === "add") boxes[boxes.length - 1]?.focus();
  else if (document.activeElement === document.body) boxes[0]?.focus();
  pressed = "";
}

document.addEventListener("keydown", onKey);
document.addEventListener("keydown", (event) => void onWriting(event));
document.addEventListener("paste", (event) => void onWriting(event));
document.addEventListener("click", onClick);
document.addEventListener("htmx:after:swap", onSwap);
document.body.addEventListener("tt:range", carryRange);
window.addEventListener("popstate", carryRange);
carryRange();
const first = document.querySelector("[data-promql]");
if (first instanceof HTMLTextAreaElement && !first.value && document.activeElement === document.body) first.focus();
