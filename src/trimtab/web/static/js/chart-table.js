// A chart as a table: fetched when somebody first wants one.
import { make } from "./chart-parts.js";
import { momentText, valueText } from "./format.js";
import { zone } from "./prefs.js";

/** @typedef {import("./chart-data.js").Answer} Answer */

const ROWS_MAX = 300;

/** @param {HTMLElement} host @param {Answer} answer @param {string} unit @param {string} title */
export function drawTable(host, answer, unit, title) {
  const table = make("table", "");
  table.append(make("caption", "sr", `${title}, newest first`));
  const head = make("tr", "");
  for (const [index, name] of [`Time (${zone() === "utc" ? "UTC" : "local"})`, ...answer.series.map((one) => one.name)].entries()) {
    const cell = make("th", index ? "r" : "", name);
    cell.setAttribute("scope", "col");
    head.append(cell);
  }
  const body = make("tbody", "");
  const count = answer.series[0]?.values.length ?? 0;
  let rows = 0;
  for (let index = count - 1; index >= 0 && rows < ROWS_MAX; index -= 1) {
    if (answer.series.every(({ values }) => values[index] === null)) continue;
    const row = make("tr", "");
    row.append(make("td", "num", momentText(answer.from_ms + index * answer.step_ms, zone())));
    for (const { values } of answer.series) row.append(make("td", "r", valueText(values[index], unit)));
    body.append(row);
    rows += 1;
  }
  const top = make("thead", "");
  top.append(head);
  table.append(top, body);
  host.replaceChildren(table);
}
