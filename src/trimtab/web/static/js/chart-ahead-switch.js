// The switch for forecasts on charts. What draws them is fetched when somebody first wants them; until then a chart knows nothing of it.
// It is kept by the browser for all pages; an address may say otherwise (?ahead=off, on, past).
import { make } from "./chart-parts.js";

/**
 * @typedef {import("./chart-data.js").Answer} Answer
 * @typedef {HTMLElement & {keys: string[], plot: any, answer: Answer | null, hiddenLines: Set<number>, refit(): void}} AheadChart
 * @typedef {{ends(low: number | null, high: number | null): [number | null, number | null], draw(plot: any, colours: string[], axis: string): void, tell(atMs: number): boolean, words(): void, plan(): void, stop(): void}} Ahead
 */

/** What draws bands, once it was fetched: chart-ahead.js says it. @type {{By: any}} */
export const drawing = { By: null };
/** How much later than its range the time axis of all charts ends, so that there is room for what is forecast. */
export const room = { ms: 0 };

const NAME = "trimtab_ahead";
const STATES = ["off", "on", "past"];
const DRAWN = new Set(["line", "area", "free", "band"]);

/** What is wanted for all charts: "off", "on", or "past" (those of before, too). */
export function aheadWanted() {
  const asked = new URLSearchParams(location.search).get("ahead");
  if (asked && STATES.includes(asked)) return asked;
  try {
    const kept = localStorage.getItem(NAME) ?? "";
    return STATES.includes(kept) ? kept : "off";
  } catch {
    return "off"; // storage may be forbidden
  }
}

/** What is wanted for one chart: its page may want it always. @param {HTMLElement} chart */
export function aheadOf(chart) {
  const [wanted, always] = [aheadWanted(), chart.dataset.ahead ?? "off"];
  return STATES[Math.max(STATES.indexOf(wanted), STATES.indexOf(always))];
}

/** @param {string} state */
function setAhead(state) {
  try {
    localStorage.setItem(NAME, state);
  } catch {
    // then the address alone says it
  }
  const url = new URL(location.href);
  if (state === "off") url.searchParams.delete("ahead");
  else url.searchParams.set("ahead", state);
  history.replaceState(history.state, "", url);
  document.body.dispatchEvent(new CustomEvent("tt:ahead"));
}

/** Whether a chart can have bands: its lines do not lie on each other, and it asks for them by keys. @param {HTMLElement} chart */
const canHave = (chart) => DRAWN.has(chart.dataset.kind ?? "line") && !chart.hasAttribute("data-own") && (!chart.hasAttribute("data-plain") || chart.hasAttribute("data-ahead"));

/** The buttons of one chart. @param {HTMLElement} chart @returns {HTMLElement[]} */
export function aheadButtons(chart) {
  if (!canHave(chart)) return [];
  const button = (/** @type {string} */ name, /** @type {string} */ text, /** @type {() => void} */ press) => {
    const made = /** @type {HTMLButtonElement} */ (make("button", `quiet ${name}`, text));
    made.type = "button";
    made.addEventListener("click", press);
    return made;
  };
  const note = make("span", "chart-ahead-note");
  const past = button("chart-ahead-past", "Past forecasts", () => setAhead(aheadWanted() === "past" ? "on" : "past"));
  const ahead = button("chart-ahead-on", "Forecast", () => setAhead(aheadWanted() === "off" ? "on" : "off"));
  return chart.dataset.ahead ? (chart.dataset.ahead === "past" ? [note] : [note, past]) : [note, past, ahead];
}

/** Show on its buttons what a chart has, and fetch what draws where it is wanted. @param {AheadChart} chart @param {(ahead: Ahead | null) => void} take */
export async function followAhead(chart, take) {
  const state = aheadOf(chart);
  const [past, ahead] = ["past", "on"].map((name) => chart.querySelector(`.chart-ahead-${name}`));
  past?.toggleAttribute("hidden", state === "off");
  past?.setAttribute("aria-pressed", String(state === "past"));
  ahead?.setAttribute("aria-pressed", String(state !== "off"));
  const note = chart.querySelector(".chart-ahead-note");
  if (note && state === "off") note.textContent = "";
  const address = document.querySelector('meta[name="tt-ahead"]')?.getAttribute("content");
  if (state === "off" || !canHave(chart) || !address) return take(null);
  await import(address);
  if (chart.isConnected && aheadOf(chart) !== "off") take(new drawing.By(chart));
}
