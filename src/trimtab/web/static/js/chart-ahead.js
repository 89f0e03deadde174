// Forecasts on charts: the band ahead of now, and on demand those that had been forecast before, behind the line.
import { measure, plan, shown } from "./chart-ahead-ask.js";
import { drawBand, drawLimit, drawNow } from "./chart-ahead-draw.js";
import { aheadOf, aheadWanted, drawing, room } from "./chart-ahead-switch.js";
import { make } from "./chart-parts.js";
import { momentText, valueText } from "./format.js";
import { zone } from "./prefs.js";

/**
 * @typedef {import("./chart-ahead-ask.js").Line} Line
 * @typedef {import("./chart-ahead-switch.js").AheadChart} AheadChart
 */

const STRETCH = 2.5; // a band may make the value axis so many times as long; what is beyond is cut
const ROWS_MAX = 100;

/** @param {string} state */
function setAhead(state) {
  try {
    localStorage.setItem("trimtab_ahead", state);
  } catch {
    // then the address alone says it
  }
  const url = new URL(location.href);
  if (state === "off") url.searchParams.delete("ahead");
  else url.searchParams.set("ahead", state);
  history.replaceState(history.state, "", url);
  document.body.dispatchEvent(new CustomEvent("tt:ahead"));
}

/** Of one chart. */
export class Ahead {
  /** @param {AheadChart} chart */
  constructor(chart) {
    this.chart = chart;
    /** @type {Line[]} */
    this.lines = [];
    this.why = "";
    this.isAnswered = false;
    shown.add(this);
    this.#tools();
    plan(true); // one that came back has nothing yet, though the same was asked for before
  }

  /** Where it says why there is none, and the button for those of before. */
  #tools() {
    this.chart.querySelectorAll(":scope > .chart-tools > :is(.chart-ahead-note, .chart-ahead-past)").forEach((old) => old.remove());
    const place = this.chart.querySelector(":scope > .chart-tools > :is(.chart-ahead-on, .spring:last-child)");
    const note = make("span", "chart-ahead-note");
    note.setAttribute("role", "status");
    place?.before(note);
    if (this.chart.dataset.ahead === "past") return;
    const past = make("button", "quiet chart-ahead-past", "Past forecasts");
    past.setAttribute("type", "button");
    past.setAttribute("aria-pressed", String(aheadOf(this.chart) === "past"));
    past.addEventListener("click", () => setAhead(aheadWanted() === "past" ? "on" : "past"));
    place?.before(past);
  }

  stop() {
    shown.delete(this);
    this.chart.querySelectorAll(":is(.chart-ahead-key, .chart-ahead-note, .chart-ahead-past, .ahead-row)").forEach((part) => part.remove());
    measure();
  }

  plan() {
    plan();
  }

  /** @param {Line[]} lines @param {string} why there are none */
  take(lines, why) {
    const wantsPast = aheadOf(this.chart) === "past"; // one question is for all charts, and another may want it
    this.lines = wantsPast ? lines : lines.map((line) => ({ ...line, past: [] }));
    this.why = why;
    this.isAnswered = true;
  }

  /** Which of the chart's lines one is of: behind the last for the sum of all, -1 where it is drawn by none, or hidden. @param {Line} line */
  #place(line) {
    const { answer, hiddenLines } = this.chart;
    if (!answer) return -1;
    if (line.total) return hiddenLines.size ? -1 : answer.series.length;
    const isOwn = this.chart.hasAttribute("data-own");
    const place = answer.series.findIndex(({ key, name, about = "" }) => (isOwn || key === line.key) && (!line.about || about.split("\n")[0] === line.about) && (!line.name || name === line.name));
    return hiddenLines.has(place) ? -1 : place;
  }

  get #mine() {
    return this.lines.filter((line) => this.#place(line) >= 0);
  }

  /** @param {Line} line */
  #name(line) {
    return this.chart.answer?.series[this.#place(line)]?.name ?? "all together";
  }

  /** The ends of the value axis, with bands and limit. @param {number | null} low @param {number | null} high @returns {[number | null, number | null]} */
  ends(low, high) {
    const bands = this.#mine.flatMap(({ ahead, past }) => (room.ms ? [ahead, ...past] : past));
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
    for (const line of this.#mine) {
      const colour = colours[this.#place(line)] ?? axis;
      for (const band of line.past) drawBand(plot, band, colour, 0.6, [2, 3]);
      drawBand(plot, line.ahead, colour, 1, [6, 4]);
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
    const told = this.#mine.flatMap((line) => {
      const { ahead } = line;
      const at = Math.round((atMs - ahead.start_ms) / ahead.step_ms);
      if (!(at >= 0 && at < ahead.mean.length)) return [];
      const name = this.lines.length > 1 || line.total ? `${this.#name(line)} ` : "";
      return `${name}${valueText(ahead.mean[at], unit)} (${valueText(ahead.lo_90[at], unit)} to ${valueText(ahead.hi_90[at], unit)})`;
    });
    when.textContent = told.length ? `${momentText(atMs, zone())}, forecast: ${told.slice(0, 3).join("; ")}` : "";
    return true;
  }

  /** The entry in the legend, the note where there is none, rows of the table, and words for who cannot see it. */
  words() {
    const [legend, note] = [".chart-legend", ".chart-ahead-note"].map((name) => this.chart.querySelector(`:scope > ${name}, :scope > .chart-tools > ${name}`));
    const mine = this.#mine;
    const why = this.isAnswered && !this.lines.length ? this.why || "No forecast yet" : "";
    if (note && note.textContent !== why) note.textContent = why;
    legend?.querySelector(".chart-ahead-key")?.remove();
    if (!legend || !mine.length) return;
    const points = mine.reduce((sum, line) => sum + line.points, 0);
    const held = mine.reduce((sum, line) => sum + line.points * (line.inside_90 ?? 0), 0) / points;
    const [{ again, total }] = mine;
    const key = make("span", "chart-ahead-key");
    key.append(make("i", ""), make("span", "", `Forecast${total ? " of the total" : ""}, 80 and 90 %${points ? `; ${Math.round(held * 100)} % of ${points.toLocaleString("en")} points ${again ? "would have held" : "held"}` : ""}`));
    key.title = `By ${[...new Set(mine.map(({ model }) => model))].join(", ")}. The dashed line is its mean, the bands hold 8 and 9 times in 10.${again ? " Made now, from the history of this chart; those of before are made again from what was known then." : ""}`;
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
    const by = new Map(mine.map((line) => [this.#place(line), line]));
    const rows = [];
    for (let at = Math.min(first.mean.length, ROWS_MAX) - 1; at >= 0; at -= 1) {
      const row = make("tr", "ahead-row");
      row.append(make("td", "num", `${momentText(first.start_ms + at * first.step_ms, zone())}, forecast`));
      answer.series.forEach((_, index) => {
        const band = by.get(index)?.ahead;
        row.append(make("td", "r", band && band.mean[at] !== undefined ? `${valueText(band.mean[at], unit)} (${valueText(band.lo_90[at], unit)} to ${valueText(band.hi_90[at], unit)})` : ""));
      });
      rows.push(row);
    }
    body.prepend(...(by.has(answer.series.length) ? [] : rows)); // a sum has no column
  }

  /** @param {Line[]} mine */
  #describe(mine) {
    const plot = this.chart.querySelector(":scope > .chart-plot");
    const unit = this.chart.dataset.unit ?? "";
    const told = mine.slice(0, 4).map((line) => {
      const last = line.ahead.mean.length - 1;
      return `forecast${mine.length > 1 || line.total ? ` of ${this.#name(line)}` : ""} to ${momentText(line.ahead.start_ms + last * line.ahead.step_ms, zone())}: ${valueText(line.ahead.mean[last], unit)}, 9 times in 10 ${valueText(line.ahead.lo_90[last], unit)} to ${valueText(line.ahead.hi_90[last], unit)}`;
    });
    const label = plot?.getAttribute("aria-label")?.split(" Forecast: ")[0] ?? "";
    plot?.setAttribute("aria-label", `${label} Forecast: ${told.join("; ")}.`);
  }
}

drawing.By = Ahead;
drawing.press = () => setAhead(aheadWanted() === "off" ? "on" : "off");
document.body.addEventListener("tt:forecasts", () => shown.size && plan(true));
document.body.addEventListener("tt:range", measure);
