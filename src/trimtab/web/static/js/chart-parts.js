// The words around a chart: legend with values, links of marks, and what a screen reader is told.
import { agoText, momentText, valueText } from "./format.js";
import { zone } from "./prefs.js";
import { current } from "./range.js";

/** @typedef {import("./chart-data.js").Answer} Answer */
/** @typedef {import("./chart-data.js").Mark} Mark */

const MARKS_MAX = 4;
const MARKS_DRAWN_MAX = 40;

/** @param {string} tag @param {string} name @param {string} [text] */
export function make(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * The marks that a chart shows: of the cases that it is about, and few enough to be told apart; what matters least goes first.
 * @param {Mark[]} marks
 * @param {number[] | null} cases
 */
export function marksWorth(marks, cases) {
  let left = cases ? marks.filter((mark) => mark.kind === "event" || cases.includes(mark.case_id ?? -1)) : marks;
  for (const kind of ["event", "finding", "verdict"]) {
    if (left.length > MARKS_DRAWN_MAX) left = left.filter((mark) => mark.kind !== kind);
  }
  return left;
}

/** Whether two answers have the same lines. @param {Answer} one @param {Answer} other */
export function isSame(one, other) {
  return one.series.length === other.series.length && one.series.every(({ key, name }, index) => key === other.series[index].key && name === other.series[index].name);
}

/** Which lines are hidden after others came or went. @param {Set<number>} hidden @param {Answer} before @param {Answer} after */
export function stillHidden(hidden, before, after) {
  const names = new Set([...hidden].map((index) => before.series[index]?.name));
  return new Set(after.series.flatMap(({ name }, index) => (names.has(name) ? [index] : [])));
}

/** Index of the last step with any value, or -1. @param {Answer} answer */
export function lastIndex(answer) {
  let last = -1;
  for (const { values } of answer.series) {
    for (let index = values.length - 1; index > last; index -= 1) if (values[index] !== null) last = index;
  }
  return last;
}

/** @param {(number | null)[]} values */
function lastOf(values) {
  for (let index = values.length - 1; index >= 0; index -= 1) if (values[index] !== null) return values[index];
  return null;
}

/** Which of the colours a line has. @param {Answer} answer @param {number} index */
export function slotOf(answer, index) {
  return answer.series[index]?.slot ?? (index % 7) + 1;
}

/** @param {HTMLElement} legend @param {Answer} answer @param {Set<number>} hidden @param {(index: number) => void} onToggle */
export function drawLegend(legend, answer, hidden, onToggle) {
  legend.replaceChildren(
    ...answer.series.map((one, index) => {
      const button = /** @type {HTMLButtonElement} */ (make("button", `n${slotOf(answer, index)}`));
      button.type = "button";
      button.setAttribute("aria-pressed", String(!hidden.has(index)));
      button.title = one.about ?? "Show or hide";
      button.append(make("i", ""), make("span", "", one.name), make("b", ""));
      button.addEventListener("click", () => onToggle(index));
      return button;
    }),
    make("span", "when num"),
  );
}

/**
 * A name in the legend was pressed: hide or show its line; where lines are many (`alone`), show it alone, or all again.
 * @param {Set<number>} hidden
 * @param {number} index
 * @param {number} count
 * @param {boolean} alone
 */
export function press(hidden, index, count, alone) {
  if (!alone) {
    if (!hidden.delete(index)) hidden.add(index);
    return;
  }
  const wasAlone = hidden.size === count - 1 && !hidden.has(index);
  hidden.clear();
  for (let at = 0; at < count && !wasAlone; at += 1) if (at !== index) hidden.add(at);
}

/** Values under the cross-hair; without one, the last that are known. @param {HTMLElement} legend @param {Answer} answer @param {string} unit @param {number | null} index */
export function writeLegend(legend, answer, unit, index) {
  answer.series.forEach((one, at) => {
    const value = index === null ? (one.total ?? lastOf(one.values)) : one.values[index];
    const text = legend.children[at]?.querySelector("b");
    if (text) text.textContent = valueText(value, unit);
  });
  const when = legend.querySelector(".when");
  if (when) when.textContent = index === null ? "" : whenText(answer, answer.from_ms + index * answer.step_ms);
}

/** The moment under the cross-hair, and what happened there. @param {Answer} answer @param {number} atMs */
function whenText(answer, atMs) {
  const near = Math.max((answer.to_ms - answer.from_ms) / 150, answer.step_ms);
  const mark = answer.marks.findLast((one) => atMs > one.at_ms - near && atMs < (one.end_ms ?? one.at_ms) + near);
  const moment = momentText(atMs, zone());
  return mark ? `${moment}: ${mark.label}` : moment;
}

/** @param {HTMLElement} list @param {Answer} answer */
export function drawMarkLinks(list, answer) {
  const worth = answer.marks.filter((mark) => mark.kind !== "event");
  const shown = worth.slice(-MARKS_MAX).reverse();
  const parts = shown.map((mark) => {
    const text = `${momentText(mark.at_ms, zone()).slice(11, 16)} ${mark.label}`;
    if (mark.case_id === null || mark.case_id === undefined) return make("span", "", text);
    const link = /** @type {HTMLAnchorElement} */ (make("a", "", text));
    link.href = `/cases/${mark.case_id}`;
    return link;
  });
  if (worth.length > shown.length) parts.push(make("span", "", `and ${worth.length - shown.length} more`));
  list.replaceChildren(...parts);
}

/** Links to what else there is of that time. */
export const leads = () => [make("a", "chart-most"), make("a", "chart-logs", "Logs"), make("a", "chart-traces", "Traces")];

/** @param {HTMLElement} chart @param {Answer} answer */
export function pointElsewhere(chart, answer) {
  const [logs, traces] = ["chart-logs", "chart-traces"].map((name) => /** @type {HTMLElement | null} */ (chart.querySelector(`.${name}`)));
  const known = JSON.parse(chart.dataset.services ?? "[]");
  const services = [...new Set(answer.series.map(({ about }) => serviceOf(about, known)))];
  if (logs) pointToLogs(logs, services);
  if (traces) pointToTraces(traces, answer, services);
}

/** What the labels of a series say, as PromQL writes them. @param {string | undefined} about @param {string} name */
function labelOf(about, name) {
  return new RegExp(`[{,\\s]${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(about ?? "")?.[1].replace(/\\(.)/g, "$1");
}

/** Whose a series is: its service, or its job if a service is called so. @param {string | undefined} about @param {string[]} known */
function serviceOf(about, known) {
  const job = labelOf(about, "job")?.split("/").pop() ?? "";
  return labelOf(about, "service_name") || labelOf(about, "service") || (known.includes(job) ? job : "");
}

/** Where the lines lead that were logged then. @param {HTMLElement} link @param {string[]} services of the series, "" among them: not of all is it known */
function pointToLogs(link, services) {
  const { from, to } = current();
  const wanted = new URLSearchParams({ from, to });
  if (!services.includes("") && services.length < 6) for (const name of services) wanted.append("service", name);
  link.setAttribute("href", `/logs?${wanted}`);
}

/** Where the traces are of that time: of the service and the operation that all series are of. @param {HTMLElement} link @param {Answer} answer @param {string[]} services */
function pointToTraces(link, answer, services) {
  const { from, to } = current();
  const wanted = new URLSearchParams({ from, to });
  const all = (/** @type {string} */ name) => [...new Set(answer.series.map(({ about }) => labelOf(about, name)))];
  if (services.length === 1 && services[0]) {
    wanted.set("service", services[0]);
    const [[operation, ...others], [kind, ...kinds]] = [all("span_name"), all("span_kind")];
    if (operation && !others.length) wanted.set("operation", operation);
    if (kind && !kinds.length) wanted.set("kind", kind.replace("SPAN_KIND_", "").toLowerCase());
    if (all("status_code").join() === "STATUS_CODE_ERROR") wanted.set("status", "error");
  }
  link.setAttribute("href", `/traces?${wanted}`);
}

/** One sentence for those who cannot see it. @param {Answer} answer @param {string} unit @param {string} title */
export function describe(answer, unit, title) {
  const parts = answer.series.slice(0, 4).map((one) => {
    const known = /** @type {number[]} */ (one.values.filter((value) => value !== null));
    if (!known.length) return `${one.name}: nothing observed`;
    const high = known.reduce((a, b) => Math.max(a, b));
    return `${one.name}: last ${valueText(known[known.length - 1], unit)}, highest ${valueText(high, unit)}`;
  });
  const marks = answer.marks.length ? ` ${answer.marks.length} marked changes.` : "";
  return `${title}. ${parts.join("; ")}.${marks}`;
}

/** What is said where the newest value is too old, or "". @param {Answer} answer @param {boolean} live @param {number} sliceMs */
export function staleText(answer, live, sliceMs) {
  const last = lastIndex(answer);
  if (!live || last < 0) return "";
  const atMs = answer.from_ms + (last + 1) * answer.step_ms;
  const limit = Math.max(3 * answer.step_ms, 6 * sliceMs);
  return answer.to_ms - atMs > limit ? `No new value: the last is ${agoText(atMs, answer.to_ms)}` : "";
}
