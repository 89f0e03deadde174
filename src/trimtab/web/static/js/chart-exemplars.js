// Dots on a chart: single measurements that were kept with their trace. Each is a link to it. They are asked for when the lines are drawn.
import { momentText, valueText } from "./format.js";
import { make } from "./chart-parts.js";
import { zone } from "./prefs.js";
import { current } from "./range.js";

/** @typedef {{at_ms: number, value: number | null, measured: number, trace_id: string, span_id: string}} Dot */

const WAIT_MS = 120;
const EVERY_MS = 15_000;
const EDGE_PX = 6;

/** Of one chart, where the page wants them. */
export class Exemplars {
  /** @type {HTMLElement & {plot: any}} */
  #chart;
  /** @type {Dot[]} */
  #dots = [];
  #asking = new AbortController();
  #planned = 0;
  #asked = "";
  #askedMs = 0;

  /** @param {HTMLElement & {plot: any}} chart */
  constructor(chart) {
    this.#chart = chart;
  }

  /** Ask soon. @param {string[]} keys */
  plan(keys) {
    if (!this.#chart.hasAttribute("data-exemplars")) return;
    const { from, to } = current();
    const wanted = JSON.stringify([keys, from, to]);
    if (wanted === this.#asked && Date.now() - this.#askedMs < EVERY_MS) return; // lines come more often than dots
    [this.#asked, this.#askedMs] = [wanted, Date.now()];
    window.clearTimeout(this.#planned);
    this.#planned = window.setTimeout(() => void this.#load(keys), WAIT_MS);
  }

  stop() {
    window.clearTimeout(this.#planned);
    this.#asking.abort();
  }

  /** @param {string[]} keys */
  async #load(keys) {
    this.#asking.abort();
    const mine = (this.#asking = new AbortController());
    const { from, to } = current();
    const wanted = new URLSearchParams({ from, to });
    for (const key of keys) wanted.append("key", key);
    try {
      const answer = await fetch(`/exemplars?${wanted}`, { signal: mine.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { exemplars } = await answer.json();
      const seen = new Set();
      this.#dots = /** @type {Dot[]} */ (Object.values(exemplars).flat()).filter(({ trace_id, span_id, at_ms }) => !seen.has(`${trace_id} ${span_id} ${at_ms}`) && seen.add(`${trace_id} ${span_id} ${at_ms}`));
      this.draw();
    } catch {
      /* the lines are there; dots come with the next look */
    }
  }

  /** Put them where the plot has their times and values; what lies above the axis stands at its upper edge. */
  draw() {
    const [plot, unit] = [this.#chart.plot, this.#chart.dataset.unit ?? ""];
    if (!plot) return;
    let layer = /** @type {HTMLElement | null} */ (this.#chart.querySelector(":scope > .chart-dots"));
    if (!layer) this.#chart.append((layer = make("div", "chart-dots"))); // not in the plot, which is one picture for screen readers
    const { min, max } = plot.scales.x;
    const [over, chart] = [plot.over.getBoundingClientRect(), this.#chart.getBoundingClientRect()];
    const high = over.height;
    Object.assign(layer.style, { left: `${over.left - chart.left}px`, top: `${over.top - chart.top}px`, width: `${over.width}px`, height: `${high}px` });
    const shown = this.#dots.filter(({ at_ms: at }) => at >= min && at <= max);
    layer.replaceChildren(
      ...shown.map((dot) => {
        const link = /** @type {HTMLAnchorElement} */ (make("a", "chart-dot"));
        link.href = this.#path(dot);
        link.tabIndex = -1; // the one that matters most is a link below; all of them would be too many stops
        link.title = `${momentText(dot.at_ms, zone())}${dot.value === null ? "" : `: ${valueText(dot.value, unit)}`}, trace ${dot.trace_id}`;
        link.setAttribute("aria-label", link.title);
        const top = dot.value === null ? high - EDGE_PX : Math.min(Math.max(plot.valToPos(dot.value, "y"), EDGE_PX), high - EDGE_PX);
        link.style.left = `${plot.valToPos(dot.at_ms, "x")}px`;
        link.style.top = `${top}px`;
        return link;
      }),
    );
    const most = shown.reduce((/** @type {Dot | null} */ best, one) => (best && best.measured >= one.measured ? best : one), null);
    const link = this.#chart.querySelector(".chart-most");
    if (!link) return;
    link.textContent = most ? `Highest of ${shown.length} ${shown.length === 1 ? "trace" : "traces"}${most.value === null ? "" : `: ${valueText(most.value, unit)}`}` : "";
    if (most) link.setAttribute("href", this.#path(most));
    else link.removeAttribute("href");
  }

  /** @param {Dot} dot */
  #path({ trace_id: trace, span_id: span, at_ms: at }) {
    const wanted = new URLSearchParams({ at: String(at) });
    if (span) wanted.set("span", span);
    const tz = new URLSearchParams(location.search).get("tz");
    if (tz) wanted.set("tz", tz);
    return `/traces/${encodeURIComponent(trace)}?${wanted}`;
  }
}
