// The switch for forecasts on charts: one button, and what the axes have to know. All else is fetched when somebody first wants them
// (chart-ahead.js); until then a chart knows nothing of it. It is kept by the browser; an address may say otherwise (?ahead=off, on, past).
import { make } from "./chart-parts.js";

/**
 * @typedef {import("./chart-data.js").Answer} Answer
 * @typedef {HTMLElement & {keys: string[], plot: any, width: number, answer: Answer | null, hiddenLines: Set<number>, refit(): void}} AheadChart
 * @typedef {{ends(low: number | null, high: number | null): [number | null, number | null], draw(plot: any, colours: string[], axis: string): void, tell(atMs: number): boolean, words(): void, plan(): void, stop(): void}} Ahead
 */

/** What draws bands, and what a press of the button does, once it was fetched: chart-ahead.js says it. @type {{By: any, press: () => void}} */
export const drawing = { By: null, press: () => {} };
/** How much later than its range the time axis of all charts ends, so that there is room for what is forecast. */
export const room = { ms: 0 };

const STATES = ["off", "on", "past"];

/** What is wanted for all charts: "off", "on", or "past" (those of before, too). */
export function aheadWanted() {
  let kept = null;
  try {
    kept = localStorage.getItem("trimtab_ahead");
  } catch {
    // storage may be forbidden
  }
  return [new URLSearchParams(location.search).get("ahead"), kept].find((state) => STATES.includes(state ?? "")) ?? "off";
}

/** What is wanted for one chart: its page may want it always. @param {HTMLElement} chart */
export function aheadOf(chart) {
  return STATES[Math.max(...[aheadWanted(), chart.dataset.ahead ?? "off"].map((state) => STATES.indexOf(state)))];
}

/** Whether a chart is of something that goes on. @param {HTMLElement} chart */
const goesOn = (chart) => !chart.hasAttribute("data-plain") || chart.hasAttribute("data-ahead") || chart.closest("[data-panel]");

const fetched = () => import(/** @type {HTMLMetaElement} */ (document.querySelector('meta[name="tt-ahead"]')).content);

/** The button of one chart. @param {HTMLElement} chart @returns {HTMLElement[]} */
export function aheadButtons(chart) {
  if (!goesOn(chart) || chart.dataset.ahead) return [];
  const button = make("button", "quiet chart-ahead-on", "Forecast");
  button.setAttribute("type", "button");
  button.addEventListener("click", () => fetched().then(() => drawing.press()));
  return [button];
}

/** Show on its button what a chart has, and fetch what draws where it is wanted. @param {AheadChart} chart @param {(ahead: Ahead | null) => void} take */
export async function followAhead(chart, take) {
  const isWanted = () => aheadOf(chart) !== "off";
  chart.querySelector(".chart-ahead-on")?.setAttribute("aria-pressed", String(isWanted()));
  if (!isWanted() || !goesOn(chart)) return take(null);
  await fetched();
  if (chart.isConnected && isWanted()) take(new drawing.By(chart));
}
