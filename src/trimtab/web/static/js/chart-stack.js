// Stacks: which lines lie on which, the first at the bottom, and what is filled: the band between a line and the one below it.

/** @typedef {import("./chart-data.js").Answer} Answer */

/** Lines that lie on each other, from the bottom up; what goes below zero is a stack of its own, downwards.
 * @param {Answer} answer @param {Set<number>} hidden @returns {{down: boolean, members: number[]}[]} */
function piles(answer, hidden) {
  /** @type {Map<string, {down: boolean, members: number[]}>} */
  const found = new Map();
  answer.series.forEach(({ pile = 0, values }, at) => {
    if (pile === null || hidden.has(at)) return;
    const down = values.some((value) => value !== null && value < 0);
    const key = `${pile} ${down}`;
    if (!found.has(key)) found.set(key, { down, members: [] });
    found.get(key)?.members.push(at);
  });
  return [...found.values()];
}

/** Where each line runs. One that has no value where others of its stack have some adds nothing there.
 * @param {Answer} answer @param {Set<number>} hidden @returns {(number | null)[][]} */
export function stacked(answer, hidden) {
  const rows = answer.series.map((one) => one.values);
  for (const { members } of piles(answer, hidden)) {
    /** @type {(number | null)[]} */
    let below = rows[members[0]].map((_, index) => (members.some((at) => rows[at][index] !== null) ? 0 : null));
    for (const at of members) below = rows[at] = rows[at].map((value, index) => (below[index] === null ? null : below[index] + (value ?? 0)));
  }
  return rows;
}

/** The bands of a chart as it is now. @param {any} plot @param {Answer} answer @param {Set<number>} hidden */
export function setBands(plot, answer, hidden) {
  plot.delBand(null);
  for (const { down, members } of piles(answer, hidden)) {
    for (const [place, at] of members.slice(1).entries()) plot.addBand({ series: [at + 1, members[place] + 1], dir: down ? 1 : -1 });
  }
}
