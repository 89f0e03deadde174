// The colours of a chart: a style sheet says them, hidden elements in the chart have them, and a canvas can be told.
import { make, slotOf } from "./chart-parts.js";

const COLOURS = 7;

/** Elements that have the colours. */
export function makeProbe() {
  const probe = make("span", "chart-probe");
  probe.append(make("i", "p-axis"), make("i", "p-grid"), make("i", "p-mark"));
  const palette = make("span", "chart-legend");
  for (let index = 1; index <= COLOURS; index += 1) {
    const one = make("span", `n${index}`);
    one.append(make("i", ""));
    palette.append(one);
  }
  probe.append(palette);
  return probe;
}

/** @param {HTMLElement} chart @param {import("./chart-data.js").Answer} answer @returns {import("./chart-plot.js").Colours} */
export function coloursOf(chart, answer) {
  const colour = (/** @type {string} */ name) => getComputedStyle(/** @type {Element} */ (chart.querySelector(`.chart-probe ${name}`))).color;
  const series = answer.series.map((_, index) => colour(`.n${slotOf(answer, index)} i`));
  return { axis: colour(".p-axis"), grid: colour(".p-grid"), mark: colour(".p-mark"), series };
}
