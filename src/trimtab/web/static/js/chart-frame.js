// What a chart is made of: plot, legend, tools, table; and what covers it while there is nothing to draw.
import { aheadButtons } from "./chart-ahead-switch.js";
import { makeProbe } from "./chart-colours.js";
import { leads, make } from "./chart-parts.js";

/** @param {HTMLElement} chart @param {() => void} onTable */
export function buildFrame(chart, onTable) {
  const title = chart.dataset.title ?? "";
  const plot = make("div", "chart-plot");
  plot.tabIndex = 0;
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", `${title}: loading`);
  const tools = make("div", "chart-tools");
  const note = make("span", "chart-stale");
  note.setAttribute("role", "status");
  const button = /** @type {HTMLButtonElement} */ (make("button", "quiet spring", "View as table"));
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", onTable);
  tools.append(make("span", "chart-marks"), note, ...(chart.hasAttribute("data-plain") ? [] : leads()), ...aheadButtons(chart), button);
  const table = make("div", "chart-table");
  table.hidden = true;
  table.tabIndex = 0;
  table.setAttribute("role", "region");
  table.setAttribute("aria-label", `${title} as a table`);
  chart.replaceChildren(plot, make("div", "chart-legend"), tools, table, makeProbe());
}

/** @param {HTMLElement} chart @param {string} state @param {string} title @param {string} hint @param {() => void} onAgain */
export function showState(chart, state, title, hint, onAgain) {
  chart.dataset.state = state;
  chart.querySelector(":scope > .state")?.remove();
  if (state === "ready" || state === "stale") return;
  const cover = make("div", "state");
  cover.dataset.state = state;
  if (title) cover.append(make("p", "state-title", title));
  if (hint) cover.append(make("p", "state-hint", hint));
  if (state === "error") {
    const again = /** @type {HTMLButtonElement} */ (make("button", "button", "Try again"));
    again.type = "button";
    again.addEventListener("click", onAgain);
    cover.append(again);
  }
  chart.append(cover);
}

/** What is drawn as a table, by chart-table.js. @param {HTMLElement & {answer: any}} chart @param {HTMLElement} host */
export async function asTable(chart, host) {
  const { $chart_table } = await import(/** @type {HTMLMetaElement} */ (document.querySelector('meta[name="tt-table"]')).content);
  if (chart.answer && chart.isConnected) $chart_table.drawTable(host, chart.answer, chart.dataset.unit ?? "", chart.dataset.title ?? "");
}
