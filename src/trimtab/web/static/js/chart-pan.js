// Panning and zooming with wheel, shift and drag, and keys. All charts move together; the address follows at the end.
import { room } from "./chart-ahead-switch.js";
import { all } from "./chart-data.js";
import { hold, release } from "./live.js";
import { goHome, setRangeMs } from "./range.js";

const REST_MS = 350;

/** @typedef {HTMLElement & {plot: any}} Plotted */

let frame = 0;
/** @type {{fromMs: number, toMs: number} | null} */
let wanted = null;

/** Whether any of it can be seen: what cannot need not be drawn while it moves. @param {HTMLElement} chart */
function isSeen(chart) {
  const { top, bottom } = chart.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}

/** Move every chart that is seen to a range on the next frame; the data that is there moves along. @param {number} fromMs @param {number} toMs */
function moveAll(fromMs, toMs) {
  wanted = { fromMs, toMs };
  window.cancelAnimationFrame(frame);
  frame = window.requestAnimationFrame(() => {
    for (const chart of /** @type {Plotted[]} */ (/** @type {unknown} */ ([...all()].filter(isSeen)))) chart.plot?.setScale("x", { min: fromMs, max: toMs });
  });
}

/** Put where the charts stand now into the address. */
function settle() {
  const goal = wanted;
  wanted = null;
  release("pan");
  if (goal) setRangeMs(goal.fromMs, goal.toMs - room.ms);
}

/** @param {any} plot @returns {{fromMs: number, toMs: number}} */
function shown(plot) {
  return wanted ?? { fromMs: plot.scales.x.min, toMs: plot.scales.x.max };
}

/** @param {Plotted} chart @param {PointerEvent} down */
function drag(chart, down) {
  const { plot } = chart;
  const { fromMs, toMs } = shown(plot);
  const msPerPixel = (toMs - fromMs) / plot.over.clientWidth;
  const over = /** @type {HTMLElement} */ (plot.over);
  hold("pan");
  over.setPointerCapture(down.pointerId);
  over.style.cursor = "grabbing";
  /** @param {PointerEvent} event */
  const move = (event) => {
    const shift = (down.clientX - event.clientX) * msPerPixel;
    moveAll(fromMs + shift, toMs + shift);
  };
  const end = () => {
    over.removeEventListener("pointermove", move);
    over.style.cursor = "";
    settle();
  };
  over.addEventListener("pointermove", move);
  over.addEventListener("pointerup", end, { once: true });
  over.addEventListener("pointercancel", end, { once: true });
}

let rest = 0;

/** @param {Plotted} chart @param {WheelEvent} event */
function wheel(chart, event) {
  if (!event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
  event.preventDefault();
  hold("pan");
  const { fromMs, toMs } = shown(chart.plot);
  const shift = ((event.deltaX || event.deltaY) / chart.plot.over.clientWidth) * (toMs - fromMs);
  moveAll(fromMs + shift, toMs + shift);
  window.clearTimeout(rest);
  rest = window.setTimeout(settle, REST_MS);
}

/** @param {Plotted} chart @param {KeyboardEvent} event */
function key(chart, event) {
  const { plot } = chart;
  if (!plot || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = (event.shiftKey ? 10 : 1) * ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0);
  if (step) {
    const last = plot.data[0].length - 1;
    const index = Math.min(Math.max((plot.cursor.left < 0 ? last : plot.cursor.idx) + step, 0), last);
    plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top: 10 });
  } else if (event.key === "+" || event.key === "-" || event.key === "=") {
    const [min, max] = [plot.scales.x.min, plot.scales.x.max - room.ms];
    const middle = plot.cursor.left < 0 ? (min + max) / 2 : Math.min(plot.posToVal(plot.cursor.left, "x"), max);
    const half = ((max - min) / 2) * (event.key === "-" ? 2 : 0.5);
    setRangeMs(middle - half, middle + half);
  } else if (event.key === "Home") goHome();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** @param {Plotted} chart @param {HTMLElement} host the element with focus */
export function makePannable(chart, host) {
  const { plot } = chart;
  plot.over.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    if (event.shiftKey && event.button === 0) drag(chart, event);
  });
  plot.over.addEventListener("dblclick", goHome);
  plot.over.addEventListener("wheel", (/** @type {WheelEvent} */ event) => wheel(chart, event), { passive: false });
  host.onkeydown = (event) => key(chart, event);
}
