// Draws one chart with uPlot: axes with units, a cross-hair shared by all charts, marks, bands, stacks.
import { room } from "./chart-ahead-switch.js";
import { setBands, stacked } from "./chart-data.js";
import { clockText, digitsOf, durationText, momentText, plainUnit, valueText } from "./format.js";

/**
 * @typedef {import("./chart-data.js").Answer} Answer
 * @typedef {import("./chart-ahead-switch.js").Ahead} Ahead
 * @typedef {{axis: string, grid: string, mark: string, series: string[]}} Colours
 * @typedef {{
 *   width: number, height: number, unit: string, kind: string, tz: "utc" | "local", colours: Colours,
 *   hidden: Set<number>, onCursor: (index: number | null, atMs: number) => void, ahead?: () => Ahead | null, onBrush: (fromMs: number, toMs: number) => void,
 *   shown: () => Answer, ends?: (string | undefined)[], marks: () => import("./chart-data.js").Mark[], onDraw?: () => void
 * }} Wish
 */

/** How buckets are drawn: chart-heat.js says it. @type {{by: any}} */
export const heat = { by: null };

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
const BRUSH_PX_MIN = 6;
const DAY_MS = 864e5;
const BYTE_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** Whether lines of this kind lie on each other. @param {string} kind */
const isPiled = (kind) => kind === "stack" || kind === "bars";

/** Times and values as uPlot wants them: stacks without those that are hidden, bars in the middle of their steps.
 * @param {Answer} answer @param {string} kind @param {Set<number>} hidden */
function aligned(answer, kind, hidden) {
  const { from_ms: start, step_ms: step, series } = answer;
  const count = series[0]?.values.length ?? 0;
  const times = new Float64Array(count);
  for (let index = 0; index < count; index += 1) times[index] = start + (kind === "bars" ? index + 0.5 : index) * step;
  if (kind === "heat" && heat.by) return [times, ...heat.by.rows(answer)];
  return [times, ...(isPiled(kind) ? stacked(answer, hidden) : series.map((one) => one.values))];
}

/** Other numbers for lines that are there already. @param {any} plot @param {Answer} answer @param {string} kind @param {Set<number>} hidden */
export function feed(plot, answer, kind, hidden) {
  if (isPiled(kind)) setBands(plot, answer, hidden);
  plot.setData(aligned(answer, kind, hidden), false);
}

/** Labels of the time axis: dates where a day begins or steps are days, else the clock. @param {number[]} splits @param {number} step @param {"utc" | "local"} tz */
function timeLabels(splits, step, tz) {
  let day = "";
  return splits.map((split) => {
    const text = momentText(split, tz);
    const date = text.slice(5, 10);
    const clock = step < 60_000 ? clockText(split, tz) : text.slice(11, 16);
    const isNewDay = day !== "" && date !== day;
    day = date;
    return step >= DAY_MS || (isNewDay && clock.startsWith("00:00")) ? date : clock;
  });
}

/** Labels of the value axis, with their unit. @param {number[]} splits @param {string} unit */
function valueLabels(splits, unit) {
  const shown = plainUnit(unit);
  const few = unit === "ms" ? (/** @type {number} */ v) => durationText(v, 4) : (/** @type {number} */ v) => valueText(v, unit.split("#")[0]);
  const texts = splits.map((split) => (split === 0 ? "0" : few(split)));
  return new Set(texts).size === texts.length ? texts : splits.map((split) => `${digitsOf(split, 5)} ${shown}`);
}

/** @param {any} plot @param {Wish} wish */
function drawMarks(plot, wish) {
  const { ctx, bbox, scales } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = wish.colours.mark;
  ctx.lineWidth = devicePixelRatio;
  for (const mark of wish.marks()) {
    if (mark.at_ms > scales.x.max || (mark.end_ms ?? mark.at_ms) < scales.x.min) continue;
    const left = Math.round(plot.valToPos(mark.at_ms, "x", true));
    if (mark.end_ms) {
      ctx.globalAlpha = 0.14;
      ctx.fillRect(left, bbox.top, Math.max(plot.valToPos(mark.end_ms, "x", true) - left, 1), bbox.height);
    }
    ctx.globalAlpha = 0.75;
    ctx.strokeStyle = mark.kind === "event" ? wish.colours.axis : wish.colours.mark;
    const [dash, end] = MARKS[mark.kind] ?? MARKS.verdict;
    ctx.setLineDash(dash.map((px) => px * devicePixelRatio));
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillRect(left - (end / 2) * devicePixelRatio, bbox.top, end * devicePixelRatio, end * devicePixelRatio);
  }
  ctx.restore();
}

/** How a mark is drawn, so that it is told from others without its colour: dashes, and the square at its upper end.
 * @type {Record<string, [number[], number]>} */
const MARKS = { change: [[], 0], verdict: [[7, 4], 7], event: [[1.5, 3.5], 0] };

/** A scale with a little room around the values: from zero on, but for what is far from it; where nothing but zeros is, to one whole. @param {number | null} low @param {number | null} high @param {string} unit @returns {[number, number]} */
export function around(low, high, unit) {
  if (low === null || high === null || !(low || high)) return [0, unit === "%" ? 100 : 1];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  const isNear = low >= 0 && (low === high || low < (high - low) * 2);
  return [isNear ? 0 : low - room, high <= 0 && high > (low - high) * 2 ? 0 : high + room];
}

/** A scale with zero in it, whatever the values: where all are below, it is its upper end. @param {number | null} low @param {number | null} high @returns {[number, number]} */
export function fromZero(low, high) {
  const least = Math.min(0, low ?? 0);
  return [least, Math.max(0, high || +!least) * 1.08];
}

/** @param {string} colour @param {number} percent */
const faint = (colour, percent) => `color-mix(in srgb, ${colour} ${percent}%, transparent)`;

/** @param {Answer} answer @param {Wish} wish */
function seriesOptions(answer, wish) {
  return answer.series.map((one, index) => {
    const colour = wish.colours.series[index];
    const isEdge = wish.kind === "band" && index !== 1;
    if (wish.kind === "bars") return { label: one.name, show: !wish.hidden.has(index), fill: one.pile === null ? faint(colour, 45) : colour, width: 0, paths: window.uPlot.paths.bars({ size: [0.88, 64] }), points: { show: false } };
    if (wish.kind === "heat") return { label: one.name, show: !wish.hidden.has(index), width: 0, points: { show: false } };
    const filled = (wish.kind === "stack" && one.pile !== null && one.filled !== false) || (wish.kind === "area" && index === 0);
    return {
      label: one.name,
      show: !wish.hidden.has(index),
      stroke: colour,
      width: isEdge ? 0.5 : 1.5,
      fill: filled ? faint(colour, wish.kind === "stack" ? 45 : 14) : undefined,
      points: { size: 4, space: 14 },
    };
  });
}

/** @param {HTMLElement} host @param {Answer} answer @param {Wish} wish */
export function makePlot(host, answer, wish) {
  let brushing = false; // cross-hairs are shared; only the chart under the pointer may say what was brushed
  const grid = { stroke: wish.colours.grid, width: 1 };
  const ends = (/** @type {any} */ _plot, /** @type {number} */ least0, /** @type {number} */ most0) => {
    const [low, high] = /** @type {[number, number]} */ (wish.ahead?.()?.ends(least0, most0) ?? [least0, most0]);
    if (wish.kind === "heat") return [0, Math.max(answer.series.length, 1)];
    const [least, most] = wish.kind === "free" ? around(low, high, wish.unit) : fromZero(low, high);
    const [floor, ceiling] = (wish.ends ?? []).map((end) => (end === undefined ? null : Number(end)));
    const bottom = low < (floor ?? least) ? least : (floor ?? least); // what is drawn below zero on purpose is seen
    return [bottom, Math.max(ceiling ?? most, bottom + Number.EPSILON)];
  };
  const axis = { stroke: wish.colours.axis, font: FONT, grid, ticks: { ...grid, size: 4 } };
  const options = {
    width: wish.width,
    height: wish.height,
    ms: 1,
    tzDate: (/** @type {number} */ at) => (wish.tz === "utc" ? window.uPlot.tzDate(new Date(at), "Etc/UTC") : new Date(at)),
    legend: { show: false },
    padding: [8, 20, 0, 0],
    scales: {
      x: { range: (/** @type {any} */ _plot, /** @type {number} */ low, /** @type {number} */ high) => [low, high] },
      y: { range: ends },
    },
    axes: [
      { ...axis, space: 64, size: 26, values: (/** @type {any} */ _p, /** @type {number[]} */ splits, /** @type {any} */ _a, /** @type {any} */ _s, /** @type {number} */ step) => timeLabels(splits, step, wish.tz) },
      {
        ...axis,
        space: 32,
        ...(/^(?:bytes|iec:)/.test(wish.unit) ? { incrs: BYTE_STEPS } : {}),
        ...(wish.kind === "heat" ? { incrs: [1, 2, 5, 10, 20, 50] } : {}),
        values: (/** @type {any} */ _p, /** @type {number[]} */ splits) => (wish.kind === "heat" && heat.by ? heat.by.labels(answer, splits) : valueLabels(splits, wish.unit)),
        size: (/** @type {any} */ _p, /** @type {string[] | null} */ texts) => Math.max(...(texts ?? [""]).map((text) => text.length)) * 6.3 + 16,
      },
    ],
    series: [{}, ...seriesOptions(answer, wish)],
    bands: wish.kind === "band" && answer.series.length === 3 ? [{ series: [3, 1], fill: faint(wish.colours.series[1], 16) }] : [],
    cursor: {
      // on the nearest step before it is told to the other charts: else a rounding decides which of two steps each of them says
      move: (/** @type {any} */ plot, /** @type {number} */ left, /** @type {number} */ top) => {
        const moment = left < 0 || left > plot.over.clientWidth ? undefined : plot.data[0][plot.posToIdx(left)];
        const isAhead = moment !== undefined && plot.posToVal(left, "x") > moment + (answer.step_ms || 0);
        return [moment === undefined || isAhead ? left : plot.valToPos(moment, "x"), top];
      },
      y: false,
      points: { size: 7 },
      drag: { x: true, y: false, setScale: false, dist: BRUSH_PX_MIN },
      sync: { key: "trimtab", setSeries: false, scales: ["x", null], filters: { pub: (/** @type {string} */ type) => type === "mousemove" || type === "mouseleave" } },
      bind: {
        dblclick: () => null,
        mousedown: (/** @type {any} */ _p, /** @type {any} */ _t, /** @type {(event: MouseEvent) => null} */ handle) => (/** @type {MouseEvent} */ event) => {
          brushing = !event.shiftKey;
          return brushing ? handle(event) : null;
        },
      },
    },
    hooks: {
      drawAxes: [(/** @type {any} */ plot) => wish.ahead?.()?.draw(plot, wish.colours.series, wish.colours.axis)],
      draw: [(/** @type {any} */ plot) => wish.kind === "heat" && heat.by?.draw(plot, wish.shown(), wish.colours.series[0]), (/** @type {any} */ plot) => drawMarks(plot, wish), () => wish.onDraw?.()],
      setCursor: [(/** @type {any} */ plot) => wish.onCursor(plot.cursor.left < 0 ? null : (plot.cursor.idx ?? null), plot.cursor.left < 0 ? 0 : plot.posToVal(plot.cursor.left, "x"))],
      setSelect: [
        (/** @type {any} */ plot) => {
          const { left, width } = plot.select;
          if (width < BRUSH_PX_MIN || !brushing) return;
          brushing = false;
          const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          wish.onBrush(from, to);
        },
      ],
    },
  };
  const plot = new window.uPlot(options, [], host);
  plot.batch(() => {
    feed(plot, answer, wish.kind, wish.hidden);
    fit(plot, answer);
  });
  return plot;
}

/** The x axis shows the whole range, also where nothing was observed at its ends. @param {any} plot @param {Answer} answer */
export function fit(plot, answer) {
  plot.setScale("x", { min: answer.from_ms, max: answer.to_ms + room.ms });
}
