// <tt-chart>: one picture of time series. Its life: loading, then drawn, empty, failed or stale; htmx may take it away at any time.
import { followAhead } from "./chart-ahead-switch.js";
import { coloursOf } from "./chart-colours.js";
import { join, leave, plan } from "./chart-data.js";
import { makePannable } from "./chart-pan.js";
import { Exemplars } from "./chart-exemplars.js";
import { asTable, buildFrame, showState } from "./chart-frame.js";
import { describe, drawLegend, drawMarkLinks, isSame, lastIndex, marksWorth, pointElsewhere, press, staleText, stillHidden, writeLegend } from "./chart-parts.js";
import { feed, fit, makePlot } from "./chart-plot.js";
import { zone } from "./prefs.js";
import { current, setRangeMs } from "./range.js";

/** @typedef {import("./chart-data.js").Answer} Answer */

const HEIGHTS = /** @type {Record<string, number>} */ ({ s: 132, m: 176, l: 250 });

class TtChart extends HTMLElement {
  /** @type {any} the uPlot instance */
  plot = null;
  /** @type {Answer | null} */
  #answer = null;
  /** @type {Set<number>} */
  #hidden = new Set();
  /** @type {ResizeObserver | undefined} */
  #resized;
  /** @type {AbortController | undefined} */
  #listen;
  /** @type {number} */
  #waiting = 0;
  #exemplars = new Exemplars(this);
  /** @type {import("./chart-ahead-switch.js").Ahead | null} */
  #ahead = null;

  /** Keys of the series, in the order of the legend. @returns {string[]} */
  get keys() {
    return JSON.parse(this.dataset.keys ?? "[]");
  }

  /** What is shown. @returns {{from_ms: number, to_ms: number} | null} */
  get range() {
    return this.plot ? { from_ms: this.plot.scales.x.min, to_ms: this.plot.scales.x.max } : null;
  }

  /** What was received: one entry for each series. */
  get points() { return this.#answer?.series ?? []; }

  /** Marks of changes, findings, verdicts. */
  get marks() { return this.#answer?.marks ?? []; }

  get answer() { return this.#answer; }
  get hiddenLines() { return this.#hidden; }
  get width() { return Math.max(this.clientWidth, 200); }

  static observedAttributes = ["data-keys"];

  /** Another question: what was drawn stays until its answer is there. @param {string} _name @param {string | null} before */
  attributeChangedCallback(_name, before) {
    if (before === null || !this.isConnected) return;
    this.wait();
    plan();
  }

  connectedCallback() {
    this.#build();
    this.#resized = new ResizeObserver(() => this.plot && this.plot.width !== this.width && this.plot.setSize({ width: this.width, height: this.#height }));
    this.#resized.observe(this);
    this.#listen = new AbortController();
    const { signal } = this.#listen;
    document.body.addEventListener("tt:theme", () => this.#redraw(), { signal });
    document.body.addEventListener("tt:zone", () => this.#redraw(), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw(), { signal });
    document.body.addEventListener("tt:ahead", () => this.#follow(), { signal });
    if (!this.hasAttribute("data-own")) join(this);
    this.#follow();
  }

  #follow() {
    void followAhead(this, (ahead) => {
      const before = this.#ahead;
      before?.stop();
      this.#ahead = ahead;
      if (before) requestAnimationFrame(() => this.refit());
    });
  }

  disconnectedCallback() {
    leave(this);
    this.#ahead?.stop();
    this.#exemplars.stop();
    this.#listen?.abort();
    this.#resized?.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  #build() {
    buildFrame(this, () => this.#toggleTable());
    this.#state("loading", "");
  }

  get #height() {
    return HEIGHTS[/** @type {HTMLElement | null} */ (this.closest("[data-height]"))?.dataset.height ?? "m"];
  }

  /** @param {string} name @returns {HTMLElement} */
  #part(name) {
    return /** @type {HTMLElement} */ (this.querySelector(`:scope > .${name}, :scope > .chart-tools > .${name}`));
  }

  /** @param {string} state @param {string} title @param {string} [hint] */
  #state(state, title, hint = "") {
    showState(this, state, title, hint, () => (this.hasAttribute("data-own") ? this.dispatchEvent(new CustomEvent("tt:again", { bubbles: true })) : plan()));
  }

  /** Another range was asked for. A quick answer shows no sign of waiting. */
  wait() {
    window.clearTimeout(this.#waiting);
    this.#waiting = window.setTimeout(() => this.toggleAttribute("data-waiting", true), 300);
  }

  /** @param {Answer} answer */
  receive(answer) {
    window.clearTimeout(this.#waiting);
    this.removeAttribute("data-waiting");
    const before = this.#answer;
    const cases = this.dataset.cases ? JSON.parse(this.dataset.cases) : null;
    this.#answer = { ...answer, marks: this.hasAttribute("data-marks") ? marksWorth(answer.marks, cases) : [] };
    if (answer.error || lastIndex(answer) < 0) {
      const { nothing = "Nothing in this range", hint = "Nothing was observed then. Choose another range, or wait for the next look." } = this.dataset;
      this.#clear(answer.error ? "error" : "empty", answer.error ? "No chart" : nothing, answer.error || answer.said || hint);
      return;
    }
    const same = this.plot && before && isSame(before, answer);
    if (before && !same) this.#hidden = stillHidden(this.#hidden, before, answer);
    if (same) {
      this.plot.batch(() => {
        this.#feed();
        fit(this.plot, answer);
      });
    } else this.#draw();
    this.#words();
    this.#exemplars.plan(this.keys);
    this.#ahead?.plan();
    if (answer.said) this.#part("chart-marks").textContent = answer.said;
  }

  /** @param {string} message */
  fail(message) {
    window.clearTimeout(this.#waiting);
    this.removeAttribute("data-waiting");
    if (this.plot) {
      this.dataset.state = "stale";
      this.#part("chart-stale").textContent = `Could not refresh: ${message}`;
    } else this.#clear("error", "Could not load this chart", message);
  }

  #feed() {
    feed(this.plot, /** @type {Answer} */ (this.#answer), this.dataset.kind ?? "line", this.#hidden);
  }

  /** @param {string} state @param {string} title @param {string} hint */
  #clear(state, title, hint) {
    this.plot?.destroy();
    this.plot = null;
    this.#part("chart-legend").replaceChildren();
    this.#part("chart-plot").setAttribute("aria-label", `${this.dataset.title}: ${title}`);
    this.#part("chart-stale").textContent = "";
    this.#state(state, title, hint);
  }

  #draw() {
    const answer = /** @type {Answer} */ (this.#answer);
    const host = this.#part("chart-plot");
    this.plot?.destroy();
    drawLegend(this.#part("chart-legend"), answer, this.#hidden, (index) => this.#toggle(index));
    this.plot = makePlot(host, answer, {
      width: this.width,
      height: this.#height,
      unit: this.dataset.unit ?? "",
      kind: this.dataset.kind ?? "line",
      ends: [this.dataset.low, this.dataset.high],
      tz: zone(),
      colours: coloursOf(this, answer),
      hidden: this.#hidden,
      marks: () => this.marks, shown: () => /** @type {Answer} */ (this.#answer),
      ahead: () => this.#ahead,
      onCursor: (index, atMs) => this.#answer && !this.#ahead?.tell(atMs) && writeLegend(this.#part("chart-legend"), this.#answer, this.dataset.unit ?? "", index),
      onBrush: (fromMs, toMs) => setRangeMs(fromMs, toMs), onDraw: () => this.#exemplars.draw(),
    });
    makePannable(this, host);
  }

  #words() {
    const answer = /** @type {Answer} */ (this.#answer);
    const [unit, title] = [this.dataset.unit ?? "", this.dataset.title ?? ""];
    const stale = this.hasAttribute("data-ahead") ? "" : staleText(answer, current().live, Number(document.body.dataset.sliceS ?? 5) * 1000);
    this.#state(stale ? "stale" : "ready", "");
    this.#part("chart-stale").textContent = stale;
    this.#part("chart-plot").setAttribute("aria-label", describe(answer, unit, title));
    if (this.plot.cursor.left < 0 || this.plot.cursor.left === undefined) writeLegend(this.#part("chart-legend"), answer, unit, null);
    pointElsewhere(this, answer);
    if (this.dataset.marks === "list") drawMarkLinks(this.#part("chart-marks"), answer);
    this.#drawTable();
    this.#ahead?.words();
  }

  /** Bands came or went: the axes are other ones, the lines are the same. */
  refit() {
    if (!this.plot || !this.#answer) return;
    fit(this.plot, this.#answer);
    this.plot.redraw(false, true);
    this.#words();
  }

  #redraw() {
    if (!this.plot) return;
    this.#draw();
    this.#words();
  }

  /** @param {number} index */
  #toggle(index) {
    press(this.#hidden, index, this.points.length, this.hasAttribute("data-alone"));
    this.plot?.batch(() => {
      this.#feed();
      for (let at = 0; at < this.points.length; at += 1) {
        this.plot.setSeries(at + 1, { show: !this.#hidden.has(at) });
        this.#part("chart-legend").children[at]?.setAttribute("aria-pressed", String(!this.#hidden.has(at)));
      }
    });
    if (this.#ahead) this.refit();
  }

  #toggleTable() {
    const table = this.#part("chart-table");
    table.hidden = !table.hidden;
    const button = /** @type {HTMLElement} */ (this.querySelector(".chart-tools button[aria-expanded]"));
    button.setAttribute("aria-expanded", String(!table.hidden));
    button.textContent = table.hidden ? "View as table" : "Hide table";
    this.#drawTable();
  }

  #drawTable() {
    if (!this.#part("chart-table").hidden) void asTable(this, this.#part("chart-table")).then(() => this.#ahead?.words());
  }
}

customElements.define("tt-chart", TtChart);
