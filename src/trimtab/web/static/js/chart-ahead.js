// Forecasts on charts: the band ahead of now, and on demand those that had been forecast before, behind the line.
import { all } from "./chart-data.js";
import { drawBand, drawLimit, drawNow } from "./chart-ahead-draw.js";
import { aheadOf, drawing, room } from "./chart-ahead-switch.js";
import { make } from "./chart-parts.js";
import { momentText, valueText } from "./format.js";
import { zone } from "./prefs.js";
import { current } from "./range.js";

/**
 * @typedef {import("./chart-ahead-draw.js").Band} Band
 * @typedef {{key: string, about: string, series: string, model: string, points: number, inside_90: number | null, ahead: Band, past: Band[]}} Line
 * @typedef {import("./chart-ahead-switch.js").AheadChart} AheadChart
 */

const KEYS_MAX = 100;
const EVERY_MS = 60_000;
const STRETCH = 2.5; // a band may make the value axis so many times as long; what is beyond is cut
const ROWS_MAX = 100;

/** @type {Set<Ahead>} */
const shown = new Set();
let planned = 0;
let askedMs = 0;
let askedFor = "";
/** @type {AbortController | null} */
let running = null;

/** Ask soon: many charts in one turn are one question, and answers of lines come more often than forecasts. @param {boolean} [again] */
function plan(again = false) {
  const { from, to } = current();
  const wanted = JSON.stringify([[...shown].flatMap((one) => one.chart.keys), [...shown].map((one) => aheadOf(one.chart)), from, to]);
  if (!again && wanted === askedFor && Date.now() - askedMs < EVERY_MS) return;
  window.clearTimeout(planned);
  planned = window.setTimeout(() => void load(wanted), 30);
}

/** @param {string} wanted */
async function load(wanted) {
  running?.abort();
  const mine = (running = new AbortController());
  [askedFor, askedMs] = [wanted, Date.now()];
  const { from, to } = current();
  const keys = [...new Set([...shown].flatMap((one) => one.chart.keys))];
  const past = [...shown].some((one) => aheadOf(one.chart) === "past") ? "1" : "0";
  const lines = [];
  try {
    for (let at = 0; at < keys.length; at += KEYS_MAX) {
      const asked = new URLSearchParams({ from, to, past });
      for (const key of keys.slice(at, at + KEYS_MAX)) asked.append("key", key);
      const answer = await fetch(`/series/ahead?${asked}`, { signal: mine.signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`trimtab answered ${answer.status}`);
      lines.push(...(await answer.json()).lines);
    }
  } catch {
    if (mine.signal.aborted) return;
    askedFor = ""; // the lines are there; bands come with the next look
    return;
  }
  for (const one of shown) one.take(lines.filter(({ key }) => one.chart.keys.includes(key)));
  measure();
  for (const chart of /** @type {Iterable<AheadChart>} */ (/** @type {unknown} */ (all()))) chart.refit();
}

/** Room behind now: as far as forecasts reach, and never more than what the range shows of the past. */
function measure() {
  const { fromMs, toMs, live } = current();
  const ends = [...shown].flatMap((one) => one.lines.map(({ ahead }) => ahead.start_ms + (ahead.mean.length - 1) * ahead.step_ms));
  room.ms = live && ends.length ? Math.min(Math.max(Math.max(...ends) - toMs, 0), toMs - fromMs) : 0;
}

/** Of one chart. */
export class Ahead {
  /** @param {AheadChart} chart */
  constructor(chart) {
    this.chart = chart;
    /** @type {Line[]} */
    this.lines = [];
    this.isAnswered = false;
    shown.add(this);
    plan(true); // one that came back has nothing yet, though the same was asked for before
  }

  stop() {
    shown.delete(this);
    this.chart.querySelector(".chart-ahead-key")?.remove();
    measure();
  }

  plan() {
    plan();
  }

  /** @param {Line[]} lines */
  take(lines) {
    const wantsPast = aheadOf(this.chart) === "past"; // one question is for all charts, and another may want it
    this.lines = wantsPast ? lines : lines.map((line) => ({ ...line, past: [] }));
    this.isAnswered = true;
  }

  /** Which of the chart's lines one is of; -1 where it is drawn by none, or hidden. @param {Line} line */
  #place(line) {
    const answer = this.chart.answer;
    const place = answer ? answer.series.findIndex(({ key, about }) => key === line.key && (!line.about || about === line.about)) : -1;
    return this.chart.hiddenLines.has(place) ? -1 : place;
  }

  /** The ends of the value axis, with bands and limit. @param {number | null} low @param {number | null} high @returns {[number | null, number | null]} */
  ends(low, high) {
    const bands = this.lines.filter((line) => this.#place(line) >= 0).flatMap(({ ahead, past }) => (room.ms ? [ahead, ...past] : past));
    const limit = this.#limit();
    const values = [...bands.flatMap(({ lo_90, hi_90 }) => [...lo_90, ...hi_90]), ...(limit === null ? [] : [limit])].filter(Number.isFinite);
    if (!values.length) return [low, high];
    const least = values.reduce((a, b) => Math.min(a, b));
    const most = values.reduce((a, b) => Math.max(a, b));
    if (low === null || high === null) return [least, most];
    const reach = STRETCH * Math.max(high - low, Math.abs(high) / 4);
    return [Math.min(low, Math.max(least, high - reach)), Math.max(high, Math.min(most, low + reach))];
  }

  #limit() {
    return this.chart.dataset.limit === undefined ? null : Number(this.chart.dataset.limit);
  }

  /** @param {any} plot @param {string[]} colours @param {string} axis */
  draw(plot, colours, axis) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const line of this.lines) {
      const place = this.#place(line);
      if (place < 0) continue;
      for (const band of line.past) drawBand(plot, band, colours[place], 0.6, [2, 3]);
      drawBand(plot, line.ahead, colours[place], 1, [6, 4]);
    }
    if (room.ms && this.lines.length) drawNow(plot, Math.max(...this.lines.map(({ ahead }) => ahead.start_ms - ahead.step_ms)), axis);
    const limit = this.#limit();
    if (limit !== null) drawLimit(plot, limit, axis);
    ctx.restore();
  }

  /** Words for a moment that is ahead; false where it is not. @param {number} atMs */
  tell(atMs) {
    const when = this.chart.querySelector(".when");
    const answer = this.chart.answer;
    if (!when || !answer || !room.ms || atMs < answer.to_ms) return false;
    const unit = this.chart.dataset.unit ?? "";
    const told = this.lines.filter((line) => this.#place(line) >= 0).flatMap((line) => {
      const { ahead } = line;
      const at = Math.round((atMs - ahead.start_ms) / ahead.step_ms);
      if (!(at >= 0 && at < ahead.mean.length)) return [];
      const name = this.lines.length > 1 ? `${answer.series[this.#place(line)].name} ` : "";
      return `${name}${valueText(ahead.mean[at], unit)} (${valueText(ahead.lo_90[at], unit)} to ${valueText(ahead.hi_90[at], unit)})`;
    });
    when.textContent = told.length ? `${momentText(atMs, zone())}, forecast: ${told.slice(0, 3).join("; ")}` : "";
    return true;
  }

  /** The entry in the legend, the note where there is none, rows of the table, and words for who cannot see it. */
  words() {
    const [legend, note] = [".chart-legend", ".chart-ahead-note"].map((name) => this.chart.querySelector(`:scope > ${name}, :scope > .chart-tools > ${name}`));
    const mine = this.lines.filter((line) => this.#place(line) >= 0);
    if (note) note.textContent = this.isAnswered && !this.lines.length ? "No forecast yet" : "";
    legend?.querySelector(".chart-ahead-key")?.remove();
    if (!legend || !mine.length) return;
    const points = mine.reduce((sum, line) => sum + line.points, 0);
    const held = mine.reduce((sum, line) => sum + line.points * (line.inside_90 ?? 0), 0) / points;
    const key = make("span", "chart-ahead-key");
    key.append(make("i", ""), make("span", "", `Forecast, 80 and 90 %${points ? `; ${Math.round(held * 100)} % of ${points.toLocaleString("en")} points held` : ""}`));
    key.title = `By ${[...new Set(mine.map(({ model }) => model))].join(", ")}. The dashed line is its mean, the bands hold 8 and 9 times in 10.`;
    legend.insertBefore(key, legend.querySelector(".when"));
    this.#table(mine);
    this.#describe(mine);
  }

  /** @param {Line[]} mine */
  #table(mine) {
    const body = this.chart.querySelector(":scope > .chart-table tbody");
    const answer = this.chart.answer;
    if (!body || !answer) return;
    body.querySelectorAll(".ahead-row").forEach((row) => row.remove());
    const unit = this.chart.dataset.unit ?? "";
    const [{ ahead: first }] = mine;
    const rows = [];
    for (let at = Math.min(first.mean.length, ROWS_MAX) - 1; at >= 0; at -= 1) {
      const row = make("tr", "ahead-row");
      row.append(make("td", "num", `${momentText(first.start_ms + at * first.step_ms, zone())}, forecast`));
      for (const one of answer.series) {
        const line = mine.find(({ key, about }) => key === one.key && (!about || about === one.about));
        row.append(make("td", "r", line && line.ahead.mean[at] !== undefined ? `${valueText(line.ahead.mean[at], unit)} (${valueText(line.ahead.lo_90[at], unit)} to ${valueText(line.ahead.hi_90[at], unit)})` : ""));
      }
      rows.push(row);
    }
    body.prepend(...rows);
  }

  /** @param {Line[]} mine */
  #describe(mine) {
    const plot = this.chart.querySelector(":scope > .chart-plot");
    const unit = this.chart.dataset.unit ?? "";
    const told = mine.slice(0, 4).map((line) => {
      const last = line.ahead.mean.length - 1;
      return `forecast to ${momentText(line.ahead.start_ms + last * line.ahead.step_ms, zone())}: ${valueText(line.ahead.mean[last], unit)}, 9 times in 10 ${valueText(line.ahead.lo_90[last], unit)} to ${valueText(line.ahead.hi_90[last], unit)}`;
    });
    const label = plot?.getAttribute("aria-label")?.split(" Forecast: ")[0] ?? "";
    plot?.setAttribute("aria-label", `${label} Forecast: ${told.join("; ")}.`);
  }
}

drawing.By = Ahead;
document.body.addEventListener("tt:forecasts", () => shown.size && plan(true));
document.body.addEventListener("tt:range", measure);
