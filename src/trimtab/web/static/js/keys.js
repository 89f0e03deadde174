// The keyboard. What each key does is told by keys-help.js, which is fetched when somebody asks for it.
import { toggleLive } from "./live.js";
import { zoomOut } from "./range.js";
import { toast } from "./toast.js";

const PLACES = /** @type {Record<string, string>} */ ({ o: "overview", q: "queries", n: "analysis", e: "explore", d: "dashboards", i: "infrastructure", r: "traces", g: "logs", b: "objectives", y: "quality", c: "cases", h: "changes", l: "ledger", s: "settings", t: "self" });

let waitingForPlace = 0;

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

const showHelp = async () => (await import(/** @type {HTMLMetaElement} */ (document.querySelector('meta[name="tt-keys"]')).content)).showHelp();

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
  const acts = /** @type {Record<string, () => unknown>} */ ({
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
    if (event.target.closest('[data-action="help"]')) void showHelp();
    for (const open of document.querySelectorAll("details.who[open]")) if (!open.contains(event.target)) open.removeAttribute("open");
  });
  if (location.hash === "#search" && !isTyping(document.activeElement)) search(); // who types already is not interrupted
}
