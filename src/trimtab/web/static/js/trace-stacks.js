// Spans of the same way of calls put together: what the flame graph draws, and its table.

/** @typedef {import("./trace-model.js").TraceModel} TraceModel */
/**
 * `own` is how long these spans worked by themselves, `total` that of them and of all below; both in ms. `span` is the longest of them.
 * @typedef {{service: string, name: string, colour: number, own: number, total: number, count: number, failed: number, span: number,
 *   longest: number, depth: number, up: Stack | null, below: Stack[], left: number}} Stack
 */

/** The way from the root to each call; spans with the same service and name below the same are one. @param {TraceModel} model @returns {Stack} */
export function stacksOf(model) {
  const root = stack("", "All", 0, null);
  /** @type {Stack[]} */
  const of = new Array(model.count);
  /** @type {Map<Stack, Map<string, Stack>>} */
  const known = new Map();
  for (const span of model.order) {
    const parent = model.sent.parents[span];
    const up = parent >= 0 && of[parent] ? of[parent] : root;
    const key = `${model.sent.service[span]} ${model.sent.name[span]}`;
    let here = known.get(up);
    if (!here) known.set(up, (here = new Map()));
    let one = here.get(key);
    if (!one) {
      one = stack(model.service(span), model.name(span), model.colour(span), up);
      here.set(key, one);
      up.below.push(one);
    }
    of[span] = one;
    one.own += model.selfMs[span];
    one.count += 1;
    one.failed += model.hasFailed(span) ? 1 : 0;
    const took = model.ends[span] - model.starts[span];
    if (one.span < 0 || took > one.longest) [one.span, one.longest] = [span, took];
  }
  total(root);
  return root;
}

/** @param {string} service @param {string} name @param {number} colour @param {Stack | null} up @returns {Stack} */
function stack(service, name, colour, up) {
  return { service, name, colour, own: 0, total: 0, count: 0, failed: 0, span: -1, longest: 0, depth: up ? up.depth + 1 : 0, up, below: [], left: 0 };
}

/** Sums from below, and where each begins in its parent; the largest first. @param {Stack} root */
function total(root) {
  const all = [root];
  for (let at = 0; at < all.length; at += 1) for (const one of all[at].below) all.push(one);
  for (const one of all.toReversed()) {
    one.total += one.own;
    if (one.up) one.up.total += one.total;
  }
  for (const one of all) {
    one.below.sort((a, b) => b.total - a.total);
    let left = one.left;
    for (const child of one.below) {
      child.left = left;
      left += child.total;
    }
  }
}

/** How deep it goes. @param {Stack} root @returns {number} */
export function depthOf(root) {
  let deepest = 0;
  const all = [root];
  for (let one = all.pop(); one; one = all.pop()) {
    deepest = Math.max(deepest, one.depth - root.depth);
    all.push(...one.below);
  }
  return deepest;
}

/** One row for each service and operation, whichever way it was called; the most of its own work first. @param {Stack} root @returns {Stack[]} */
export function operationsOf(root) {
  /** @type {Map<string, Stack>} */
  const found = new Map();
  const all = [...root.below];
  for (let one = all.pop(); one; one = all.pop()) {
    all.push(...one.below);
    const key = `${one.service}\n${one.name}`;
    let row = found.get(key);
    if (!row) found.set(key, (row = stack(one.service, one.name, one.colour, null)));
    row.own += one.own;
    row.count += one.count;
    row.failed += one.failed;
    if (row.span < 0 || one.longest > row.longest) [row.span, row.longest] = [one.span, one.longest];
  }
  return [...found.values()].sort((a, b) => b.own - a.own);
}
