// The line of tools above the waterfall and the flame graph, and what the waterfall's signs mean below it.

/** @typedef {import("./trace-model.js").TraceModel} TraceModel */
/**
 * @typedef {{find: (text: string, said: HTMLElement) => void, nextFound: () => void, nextFailed: () => void, fold: (isAll: boolean) => void,
 *   wholeTime: () => void, asTable: (isTable: boolean) => void}} Acts
 */

const SEARCH_AFTER_MS = 200;

/** @param {string} label @param {string} title @param {() => void} act */
export function button(label, title, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "quiet", textContent: label, title });
  made.addEventListener("click", act);
  return made;
}

/** Parts are of one of the two views, by `data-of`. @param {TraceModel} model @param {Acts} acts */
export function toolsOf(model, acts) {
  const bar = document.createElement("div");
  bar.className = "trace-tools";
  const label = Object.assign(document.createElement("label"), { className: "sr", htmlFor: "trace-find", textContent: "Search in the trace" });
  const found = Object.assign(document.createElement("span"), { className: "found" });
  found.setAttribute("role", "status");
  const hasFailed = model.order.some((span) => model.hasFailed(span));
  const foldAll = button("Fold all", "Only the outermost spans", () => acts.fold(true));
  foldAll.classList.add("spring");
  const ofWaterfall = [
    searchBox(acts, found),
    found,
    button("Next match", "Key n, in the waterfall", acts.nextFound),
    ...(hasFailed ? [button("Next error", "Key e, in the waterfall", acts.nextFailed)] : []),
    foldAll,
    button("Unfold all", "All spans", () => acts.fold(false)),
    button("Whole time", "Key 0, in the waterfall", acts.wholeTime),
  ];
  for (const one of ofWaterfall) one.dataset.of = "waterfall";
  let isTable = false;
  const asTable = button("View as table", "The work by operation", () => {
    isTable = !isTable;
    asTable.textContent = isTable ? "Hide table" : "View as table";
    asTable.setAttribute("aria-expanded", String(isTable));
    acts.asTable(isTable);
  });
  asTable.dataset.of = "flame";
  asTable.classList.add("spring");
  asTable.setAttribute("aria-expanded", "false");
  bar.append(label, ...ofWaterfall, asTable);
  return bar;
}

/** @param {Acts} acts @param {HTMLElement} found */
function searchBox(acts, found) {
  const box = Object.assign(document.createElement("input"), { id: "trace-find", type: "search", placeholder: "Name, service or attribute   /", maxLength: 200, autocomplete: "off", spellcheck: false });
  box.dataset.search = "";
  let planned = 0;
  box.addEventListener("input", () => {
    window.clearTimeout(planned);
    planned = window.setTimeout(() => acts.find(box.value.trim(), found), SEARCH_AFTER_MS);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "ArrowDown") return;
    event.preventDefault();
    event.stopPropagation();
    acts.nextFound();
  });
  return box;
}

export function keyOf() {
  const list = Object.assign(document.createElement("ul"), { className: "fall-key" });
  list.dataset.of = "waterfall";
  list.setAttribute("aria-label", "What is drawn");
  for (const [className, text] of [["", "a span"], ["self", "it works itself"], ["failed", "failed (✕)"], ["event", "an event"]]) {
    const row = document.createElement("li");
    row.append(Object.assign(document.createElement("i"), { className }), text);
    list.append(row);
  }
  return list;
}
