// The waterfall by keyboard, as a tree is used everywhere, and a few keys for time.

/** @typedef {import("./trace-rows.js").TraceRows} TraceRows */

/** Do what a key says; whether it says something. @param {TraceRows} rows @param {KeyboardEvent} event @returns {boolean} */
export function onTreeKey(rows, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { model, spans, selected } = rows;
  const at = spans.indexOf(selected);
  const page = Math.max(Math.floor(rows.box.clientHeight / 26) - 1, 1);
  const go = (/** @type {number} */ to) => rows.tell.select(spans[Math.min(Math.max(to, 0), spans.length - 1)]);
  const [from, to] = rows.window;
  const long = to - from;
  const middle = selected >= 0 ? (model.starts[selected] + model.ends[selected]) / 2 : (from + to) / 2;
  /** @type {Record<string, () => void>} */
  const acts = {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at < 0 ? 0 : at - 1),
    PageDown: () => go(at + page),
    PageUp: () => go(at - page),
    Home: () => go(0),
    End: () => go(spans.length - 1),
    ArrowRight: () => (event.shiftKey ? rows.zoom(from + long / 4, to + long / 4) : openOrDown(rows, at)),
    ArrowLeft: () => (event.shiftKey ? rows.zoom(from - long / 4, to - long / 4) : closeOrUp(rows)),
    Enter: () => selected >= 0 && rows.toggle(selected),
    " ": () => selected >= 0 && rows.toggle(selected),
    "+": () => rows.zoom(middle - long / 4, middle + long / 4),
    "-": () => rows.zoom(from - long / 2, to + long / 2),
    0: () => rows.zoom(0, model.endMs),
    e: () => nextOf(rows, at, (span) => model.hasFailed(span)),
    n: () => nextOf(rows, at, (span) => rows.found.has(span)),
  };
  const act = acts[event.key];
  if (!act) return false;
  act();
  return true;
}

/** @param {TraceRows} rows @param {number} at */
function openOrDown(rows, at) {
  const { model, selected, folded } = rows;
  if (selected < 0 || !model.hasChildren(selected)) return;
  if (folded.has(selected)) rows.toggle(selected, false);
  else rows.tell.select(rows.spans[at + 1]);
}

/** @param {TraceRows} rows */
function closeOrUp(rows) {
  const { model, selected, folded } = rows;
  if (selected < 0) return;
  if (model.hasChildren(selected) && !folded.has(selected)) rows.toggle(selected, true);
  else if (model.sent.parents[selected] >= 0) rows.tell.select(model.sent.parents[selected]);
}

/** The next span that fits, from the top again after the last. @param {TraceRows} rows @param {number} at @param {(span: number) => boolean} fits */
export function nextOf(rows, at, fits) {
  const { model } = rows;
  const place = at < 0 ? -1 : model.places[rows.spans[at]];
  for (let step = 1; step <= model.count; step += 1) {
    const span = model.order[(place + step) % model.count];
    if (fits(span)) {
      rows.tell.select(span);
      return;
    }
  }
}
