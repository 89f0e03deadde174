// Draws a band, the moment at which the history ends, and a limit.

/** @typedef {{start_ms: number, step_ms: number, mean: number[], lo_80: number[], hi_80: number[], lo_90: number[], hi_90: number[]}} Band */

/** @param {any} plot @param {Band} band @param {string} colour @param {number} strength @param {number[]} dash */
export function drawBand(plot, band, colour, strength, dash) {
  const { ctx } = plot;
  const x = band.mean.map((_, at) => plot.valToPos(band.start_ms + at * band.step_ms, "x", true));
  const { min, max } = plot.scales.x;
  if (band.start_ms > max || band.start_ms + band.mean.length * band.step_ms < min) return;
  const y = (/** @type {number} */ value) => plot.valToPos(value, "y", true);
  ctx.fillStyle = colour;
  for (const [low, high, alpha] of /** @type {[number[], number[], number][]} */ ([[band.lo_90, band.hi_90, 0.13], [band.lo_80, band.hi_80, 0.15]])) {
    ctx.globalAlpha = alpha * strength;
    ctx.beginPath();
    high.forEach((value, at) => ctx.lineTo(x[at], y(value)));
    for (let at = low.length - 1; at >= 0; at -= 1) ctx.lineTo(x[at], y(low[at]));
    ctx.closePath();
    ctx.fill();
  }
  ctx.globalAlpha = 0.9 * strength;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.25 * devicePixelRatio;
  ctx.setLineDash(dash.map((px) => px * devicePixelRatio));
  ctx.beginPath();
  band.mean.forEach((value, at) => ctx.lineTo(x[at], y(value)));
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Where the history ends. @param {any} plot @param {number} atMs @param {string} colour */
export function drawNow(plot, atMs, colour) {
  const { ctx, bbox } = plot;
  const left = Math.round(plot.valToPos(atMs, "x", true));
  ctx.globalAlpha = 0.5;
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
}

/** @param {any} plot @param {number} limit @param {string} colour */
export function drawLimit(plot, limit, colour) {
  const { ctx, bbox } = plot;
  const top = Math.round(plot.valToPos(limit, "y", true));
  ctx.globalAlpha = 0.9;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.25 * devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 2 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, top);
  ctx.lineTo(bbox.left + bbox.width, top);
  ctx.stroke();
  ctx.setLineDash([]);
}
