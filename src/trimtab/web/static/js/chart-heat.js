// Buckets over time: a cell for each bucket and step, the darker the more fell into it.
import { heat } from "./chart-plot.js";

/** @typedef {import("./chart-data.js").Answer} Answer */

/** The most of all cells. @param {Answer} answer */
function most(answer) {
  return answer.series.reduce((high, { values }) => values.reduce((/** @type {number} */ top, value) => Math.max(top, value ?? 0), high), 0);
}

/** Rows of the chart as heights: bucket n stands at n. @param {Answer} answer */
function heatRows(answer) {
  return answer.series.map(({ values }, at) => values.map((value) => (value === null ? null : at + 0.5)));
}

/** @param {any} plot @param {Answer} answer @param {string} colour */
function drawHeat(plot, answer, colour) {
  const { ctx, bbox } = plot;
  const high = most(answer);
  if (!high) return;
  const { from_ms: from, step_ms: step } = answer;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colour;
  answer.series.forEach(({ values }, row) => {
    const top = plot.valToPos(row + 1, "y", true);
    const height = plot.valToPos(row, "y", true) - top;
    values.forEach((value, at) => {
      if (!value) return;
      const left = plot.valToPos(from + at * step, "x", true);
      const width = plot.valToPos(from + (at + 1) * step, "x", true) - left;
      ctx.globalAlpha = 0.08 + 0.92 * Math.sqrt(value / high);
      ctx.fillRect(left, top + 0.5, Math.max(width - 0.5, 1), Math.max(height - 1, 1));
    });
  });
  ctx.restore();
}

/** Each line of the axis is the upper bound of the bucket below it. @param {Answer} answer @param {number[]} splits */
function heatLabels(answer, splits) {
  return splits.map((split) => answer.series[Math.floor(split) - 1]?.name ?? "");
}

heat.by = { rows: heatRows, labels: heatLabels, draw: drawHeat };
