// The keyboard: every key is one row of KEYS; the help dialog is made from the same rows.
import { toggleLive } from "./live.js";
import { zoomOut } from "./range.js";
import { toast } from "./toast.js";

const PLACES = /** @type {Record<string, string>} */ ({ o: "overview", q: "queries", n: "analysis", e: "explore", d: "dashboards", i: "infrastructure", r: "traces", g: "logs", b: "objectives", y: "quality", c: "cases", h: "changes", l: "ledger", s: "settings", t: "self" });

/** @type {[string, string][]} */
const KEYS = [
  ["/", "Search queries"],
  ["?", "This help"],
  ["Esc", "Close, or leave the search"],
  ["g o", "Go to the overview"],
  ["g q", "Go to queries"],
  ["g n", "Go to anomalies, patterns and forecasts"],
  ["g e", "Go to the Explorer of metrics"],
  ["g d", "Go to dashboards"],
  ["g i", "Go to hosts, containers and clouds"],
  ["g r", "Go to traces"],
  ["g g", "Go to logs"],
  ["g b", "Go to objectives and their budgets"],
  ["g y", "Go to data quality, pipelines and cost"],
  ["g c", "Go to cases"],
  ["g h", "Go to changes"],
  ["g l", "Go to the ledger"],
  ["g s", "Go to settings"],
  ["g t", "Go to trimtab itself"],
  ["t", "Time range"],
  ["z", "Zoom out"],
  ["p", "Pause or follow"],
  ["j  k", "Next or previous row"],
  ["Enter", "Open the row"],
  ["← →", "Cross-hair, on a focused chart"],
  ["+ -", "Zoom, on a focused chart"],
];

let waitingForPlace = 0;

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function showHelp() {
  let dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("help"));
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "help";
    dialog.setAttribute("aria-labelledby", "help-title");
    dialog.innerHTML =
      '<div class="dialog-head"><h2 id="help-title">Keys</h2><form method="dialog"><button class="button">Close</button></form></div><div class="dialog-body"><dl class="keys"></dl></div>';
    const list = dialog.querySelector("dl");
    for (const [keys, what] of KEYS) {
      const row = document.createElement("div");
      const name = document.createElement("dt");
      name.textContent = what;
      const value = document.createElement("dd");
      for (const key of keys.split(/\s+/)) {
        const shown = document.createElement("kbd");
        shown.textContent = key;
        value.append(shown, " ");
      }
      row.append(name, value);
      list?.append(row);
    }
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog?.close();
    });
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
}

function search() {
  const box = document.querySelector("[data-search]");
  if (box instanceof HTMLInputElement) {
    box.focus();
    box.select();
    return;
  }
  const link = document.querySelector('[data-nav="queries"]');
  if (link instanceof HTMLAnchorElement) location.assign(`${link.href}#search`);
}

/** @param {number} step */
function moveRow(step) {
  const links = [...document.querySelectorAll("main .row-link")].filter((link) => link instanceof HTMLElement && link.offsetParent !== null);
  if (!links.length) return;
  const at = links.indexOf(/** @type {Element} */ (document.activeElement));
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1);
  const link = /** @type {HTMLElement} */ (links[next]);
  link.focus();
  link.closest("tr, li")?.scrollIntoView({ block: "nearest" });
}

function escape() {
  const active = document.activeElement;
  document.body.dispatchEvent(new CustomEvent("tt:escape", { bubbles: true }));
  for (const open of document.querySelectorAll("details.who[open]")) open.removeAttribute("open");
  if (isTyping(active)) /** @type {HTMLElement} */ (active).blur();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    if (!document.querySelector("dialog[open]")) escape();
    return;
  }
  if (event.key === "ArrowDown" && event.target instanceof HTMLElement && event.target.matches("[data-search]")) {
    event.preventDefault();
    moveRow(1);
    return;
  }
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (Date.now() - waitingForPlace < 1500) {
    waitingForPlace = 0;
    const link = PLACES[event.key] && document.querySelector(`[data-nav="${PLACES[event.key]}"]`);
    if (link instanceof HTMLAnchorElement) {
      event.preventDefault();
      link.click();
      return;
    }
  }
  const acts = /** @type {Record<string, () => void>} */ ({
    "/": search,
    "?": showHelp,
    g: () => {
      waitingForPlace = Date.now();
    },
    j: () => moveRow(1),
    k: () => moveRow(-1),
    p: toggleLive,
    t: () => document.body.dispatchEvent(new CustomEvent("tt:open-range")),
    z: zoomOut,
  });
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast("Copied");
}

export function startKeys() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const button = event.target.closest("[data-copy]");
    if (button instanceof HTMLElement) void copy(button.dataset.copy ?? "");
    if (event.target.closest('[data-action="help"]')) showHelp();
    for (const open of document.querySelectorAll("details.who[open]")) if (!open.contains(event.target)) open.removeAttribute("open");
  });
  if (location.hash === "#search" && !isTyping(document.activeElement)) search(); // who types already is not interrupted
}
