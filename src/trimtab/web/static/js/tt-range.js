// <tt-range>: the time range picker. Without script its form does the same by loading the page.
import { momentText } from "./format.js";
import { zone } from "./prefs.js";
import { current, problemOf, setRange, setRangeMs, zoomOut } from "./range.js";

/** @type {[string, string][]} */
const QUICK = [["15m", "15 min"], ["30m", "30 min"], ["1h", "1 hour"], ["3h", "3 hours"], ["6h", "6 hours"], ["12h", "12 hours"], ["24h", "1 day"], ["2d", "2 days"], ["7d", "7 days"], ["14d", "14 days"], ["30d", "30 days"], ["90d", "90 days"]];
const GROUP =
  '<button type="button" class="button" data-do="back" aria-label="Earlier"><svg viewBox="0 0 20 20" aria-hidden="true"><path d="M12 5l-5 5 5 5"/></svg></button>' +
  '<button type="button" class="button" data-do="open" aria-haspopup="dialog" aria-expanded="false" aria-keyshortcuts="t"><svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="7"/><path d="M10 6v4l3 2"/></svg><span></span></button>' +
  '<button type="button" class="button" data-do="forward" aria-label="Later"><svg viewBox="0 0 20 20" aria-hidden="true"><path d="M8 5l5 5-5 5"/></svg></button>' +
  '<button type="button" class="button" data-do="out" aria-label="Zoom out" title="Zoom out (z)"><svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="9" cy="9" r="6"/><path d="M6.5 9h5M13.5 13.5L17 17"/></svg></button>';
const POP =
  '<div class="quick"></div><form class="stack" novalidate><div class="field"><label for="pick-from">From</label><input id="pick-from" maxlength="40" autocomplete="off" spellcheck="false"></div>' +
  '<div class="field"><label for="pick-to">To</label><input id="pick-to" maxlength="40" autocomplete="off" spellcheck="false" aria-describedby="pick-hint"><p class="field-hint" id="pick-hint">now-6h, 2026-01-31 08:00, 2026-01-31T08:00:00Z, or milliseconds</p></div>' +
  '<button class="button" data-kind="primary">Apply</button></form>';

class TtRange extends HTMLElement {
  connectedCallback() {
    if (this.querySelector(".range-group")) return;
    const group = document.createElement("div");
    group.className = "range-group";
    group.innerHTML = GROUP;
    const pop = document.createElement("div");
    pop.className = "pop";
    pop.hidden = true;
    pop.setAttribute("role", "dialog");
    pop.setAttribute("aria-label", "Time range");
    pop.innerHTML = POP;
    pop.querySelector(".quick")?.append(
      ...QUICK.map(([value, label]) => {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.quick = `now-${value}`;
        button.textContent = label;
        return button;
      }),
    );
    this.append(group, pop);
    this.addEventListener("click", (event) => this.#onClick(event));
    pop.querySelector("form")?.addEventListener("submit", (event) => this.#onSubmit(event));
    pop.addEventListener("keydown", (event) => this.#onKey(event));
    this.#listen = new AbortController();
    const { signal } = this.#listen;
    document.body.addEventListener("tt:range", () => this.#show(), { signal });
    document.body.addEventListener("tt:zone", () => this.#show(), { signal });
    document.body.addEventListener("tt:open-range", () => this.#open(true), { signal });
    document.body.addEventListener("tt:escape", () => this.#open(false), { signal });
    document.addEventListener("pointerdown", (event) => event.target instanceof Node && !this.contains(event.target) && this.#open(false), { signal });
    this.#show();
  }

  disconnectedCallback() {
    this.#listen?.abort();
  }

  /** @type {AbortController | undefined} */
  #listen;

  /** @param {Event} event */
  #onClick(event) {
    const pressed = event.target instanceof Element ? event.target.closest("button") : null;
    if (!pressed) return;
    const { fromMs, toMs } = current();
    const half = (toMs - fromMs) / 2;
    if (pressed.dataset.quick) {
      setRange(pressed.dataset.quick, "now", { home: true });
      this.#open(false);
    } else if (pressed.dataset.do === "open") this.#open(!this.hasAttribute("data-open"));
    else if (pressed.dataset.do === "back") setRangeMs(fromMs - half, toMs - half);
    else if (pressed.dataset.do === "forward") setRangeMs(Math.min(fromMs + half, Date.now() - 2 * half), toMs + half);
    else if (pressed.dataset.do === "out") zoomOut();
  }

  /** @param {Event} event */
  #onSubmit(event) {
    event.preventDefault();
    const [from, to] = [this.#input("pick-from"), this.#input("pick-to")].map((input) => readMoment(input.value));
    const problem = problemOf(from, to);
    const hint = /** @type {HTMLElement} */ (this.querySelector("#pick-hint"));
    hint.parentElement?.toggleAttribute("data-error", Boolean(problem));
    if (problem) {
      hint.textContent = problem;
      return;
    }
    setRange(from, to, { home: true });
    this.#open(false);
  }

  /** Arrows walk over the quick ranges. @param {KeyboardEvent} event */
  #onKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 4, ArrowUp: -4 }[event.key];
    const quick = /** @type {HTMLElement[]} */ ([...this.querySelectorAll("[data-quick]")]);
    const at = quick.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (step === undefined || at < 0) return;
    event.preventDefault();
    quick[Math.min(Math.max(at + step, 0), quick.length - 1)].focus();
  }

  /** @param {boolean} open */
  #open(open) {
    const pop = /** @type {HTMLElement} */ (this.querySelector(".pop"));
    if (open === !pop.hidden) return;
    const button = /** @type {HTMLElement} */ (this.querySelector("[data-do=open]"));
    const inside = pop.contains(document.activeElement);
    pop.hidden = !open;
    this.toggleAttribute("data-open", open);
    button.setAttribute("aria-expanded", String(open));
    if (open) {
      const range = current();
      this.#input("pick-from").value = writeMoment(range.from);
      this.#input("pick-to").value = writeMoment(range.to);
      /** @type {HTMLElement} */ (pop.querySelector('[aria-pressed="true"]') ?? pop.querySelector("[data-quick]")).focus();
    } else if (inside) button.focus();
  }

  /** @param {string} id */
  #input(id) {
    return /** @type {HTMLInputElement} */ (this.querySelector(`#${id}`));
  }

  #show() {
    const range = current();
    const text = /** @type {HTMLElement} */ (this.querySelector("[data-do=open] span"));
    const quick = range.live && QUICK.find(([value]) => range.from === `now-${value}`);
    text.textContent = quick ? `Last ${quick[1]}` : range.live && /^now-/.test(range.from) ? `Last ${range.from.slice(4)}` : shortText(range.fromMs, range.toMs);
    const open = /** @type {HTMLElement} */ (this.querySelector("[data-do=open]"));
    open.title = `${momentText(range.fromMs, zone())} to ${momentText(range.toMs, zone())}`;
    open.setAttribute("aria-label", `Time range: ${text.textContent}`);
    for (const button of this.querySelectorAll("[data-quick]")) button.setAttribute("aria-pressed", String(range.live && button.getAttribute("data-quick") === range.from));
    /** @type {HTMLButtonElement} */ (this.querySelector("[data-do=forward]")).disabled = range.live;
    this.dataset.fromMs = String(range.fromMs);
    this.dataset.toMs = String(range.toMs);
  }
}

/** What was typed, as the address wants it: a moment without a zone is in the chosen zone. @param {string} text */
function readMoment(text) {
  const typed = text.trim().replace(/ (UTC|[+-]\d\d:\d\d)$/, (zone_) => (zone_ === " UTC" ? "Z" : zone_.trim()));
  if (/^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?$/.test(typed)) {
    const full = typed.length === 10 ? `${typed}T00:00` : typed.replace(" ", "T");
    const ms = Date.parse(zone() === "utc" ? `${full}Z` : full);
    return Number.isNaN(ms) ? typed : String(ms);
  }
  if (/^\d{4}-/.test(typed)) {
    const ms = Date.parse(typed.replace(" ", "T"));
    return Number.isNaN(ms) ? typed : String(ms);
  }
  return typed;
}

/** @param {string} text */
function writeMoment(text) {
  return /^\d{10,}$/.test(text) ? momentText(Number(text), zone()) : text;
}

/** @param {number} fromMs @param {number} toMs */
function shortText(fromMs, toMs) {
  const [from, to] = [momentText(fromMs, zone()), momentText(toMs, zone())];
  const sameDay = from.slice(0, 10) === to.slice(0, 10);
  return `${from.slice(5, 16)} – ${sameDay ? to.slice(11, 16) : to.slice(5, 16)}`;
}

customElements.define("tt-range", TtRange);
