// The waterfall's rows: a tree of which only the part that is seen is in the document. It scrolls by the browser itself; rows that went
// out of sight are used again for those that come.
import { durationText } from "./format.js";

/** @typedef {import("./trace-model.js").TraceModel} TraceModel */

const MORE_ROWS = 6;
const EVENTS_MAX = 20;

/** @param {string} tag @param {string} name @param {string} [text] */
function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Write an attribute only where it changes: each writing has its price. @param {HTMLElement} element @param {string} name @param {string | null} value */
function put(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** @param {HTMLElement} element @param {string} text */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class TraceRows {
  /** @type {Int32Array} Spans that are not folded away. */
  spans = new Int32Array(0);
  /** @type {Set<number>} */
  folded = new Set();
  /** @type {Set<number>} */
  found = new Set();
  selected = -1;
  /** @type {[number, number]} The time that is shown, in ms after the trace began. */
  window = [0, 1];
  /** @type {HTMLElement[]} */
  #pool = [];
  #planned = 0;
  #row = 26;
  /** The row that was the first when it was drawn last. */
  #first = 0;
  #resized = new ResizeObserver(() => this.measure());

  /** @param {TraceModel} model @param {{select: (span: number) => void, window: (from: number, to: number) => void}} tell */
  constructor(model, tell) {
    this.model = model;
    this.tell = tell;
    this.window = [0, Math.max(model.endMs, 1e-6)];
    this.box = make("div", "fall-rows");
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "tree");
    this.box.setAttribute("aria-label", "Spans");
    this.space = make("div", "fall-space");
    this.space.setAttribute("role", "presentation");
    this.box.append(this.space);
    this.ticks = make("div", "fall-ticks");
    this.ticks.append(...Array.from({ length: 5 }, () => make("span", "")));
    const axis = make("div", "fall-axis");
    axis.append(make("span", "", "Service and operation"), this.ticks);
    this.element = make("div", "fall");
    this.element.append(axis, this.box);
    this.box.addEventListener("scroll", () => this.plan(), { passive: true });
    this.box.addEventListener("click", (event) => this.#click(event));
    this.#resized.observe(this.box);
    this.fold();
  }

  destroy() {
    this.#resized.disconnect();
    cancelAnimationFrame(this.#planned);
  }

  /** How high a row is says the style sheet. */
  measure() {
    const row = parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 26;
    if (row !== this.#row) for (const one of this.#pool) one.dataset.at = "";
    this.#row = row;
    this.space.style.height = `${this.spans.length * this.#row}px`;
    this.draw();
  }

  /** Folded rows changed. */
  fold() {
    this.spans = this.model.shown(this.folded);
    this.space.style.height = `${this.spans.length * this.#row}px`;
    this.plan();
  }

  plan() {
    cancelAnimationFrame(this.#planned);
    this.#planned = requestAnimationFrame(() => this.draw());
  }

  draw() {
    const high = this.box.clientHeight;
    if (!high) return;
    const size = Math.ceil(high / this.#row) + 2 * MORE_ROWS;
    while (this.#pool.length < size) {
      const row = this.#make();
      this.#pool.push(row);
      this.space.append(row);
    }
    while (this.#pool.length > size) this.#pool.pop()?.remove();
    const seen = Math.floor(this.box.scrollTop / this.#row);
    const isFar = Math.abs(seen - this.#first) > size - 2 * MORE_ROWS; // nothing of it was seen: the outlines now, the rest when it rests
    this.#first = seen;
    const from = isFar ? seen : Math.max(seen - MORE_ROWS, 0);
    for (let at = from; at < from + size - (isFar ? 2 * MORE_ROWS : 0); at += 1) {
      const row = this.#pool[at % size];
      row.hidden = at >= this.spans.length;
      if (!row.hidden) this.#fill(row, at, isFar);
    }
    if (isFar) this.plan();
    const active = this.selected >= 0 && document.getElementById(`row-${this.selected}`);
    if (active) this.box.setAttribute("aria-activedescendant", active.id);
    else this.box.removeAttribute("aria-activedescendant");
  }

  /** Draw all that is seen anew: time, marks or the selected span changed. */
  refresh() {
    for (const row of this.#pool) row.dataset.at = "";
    const [from, to] = this.window;
    [...this.ticks.children].forEach((tick, at) => (tick.textContent = durationText(from + ((to - from) * at) / 5)));
    this.plan();
  }

  #make() {
    const row = make("div", "fall-row");
    row.setAttribute("role", "treeitem");
    const failed = make("em", "", "✕");
    failed.append(make("span", "sr", " error"));
    const name = make("div", "fall-name");
    name.append(make("span", "fall-fold"), make("i", "dot"), make("b", ""), make("span", "fall-what"), failed);
    const line = make("div", "fall-line");
    line.append(make("i", "fall-bar"), make("small", ""));
    row.append(name, line);
    return row;
  }

  /** @param {HTMLElement} row @param {number} at @param {boolean} isOutline */
  #fill(row, at, isOutline) {
    const span = this.spans[at];
    if (row.dataset.at === `${at} ${span}`) return;
    row.dataset.at = isOutline ? "" : `${at} ${span}`;
    const { model } = this;
    const [name, line] = /** @type {HTMLElement[]} */ ([...row.children]);
    const [, , service, what, failed] = /** @type {HTMLElement[]} */ ([...name.children]);
    const took = durationText(model.ends[span] - model.starts[span]);
    row.id = `row-${span}`;
    row.className = `fall-row n${model.colour(span)}`;
    row.style.transform = `translateY(${at * this.#row}px)`;
    put(row, "aria-level", String(model.depths[span] + 1));
    put(row, "aria-selected", String(span === this.selected));
    put(row, "aria-expanded", model.hasChildren(span) ? String(!this.folded.has(span)) : null);
    row.toggleAttribute("data-failed", model.hasFailed(span));
    row.toggleAttribute("data-found", this.found.has(span));
    name.style.paddingLeft = `${Math.min(model.depths[span], 20) * 12 + 6}px`;
    say(service, model.service(span));
    say(what, model.name(span));
    if (!isOutline) what.title = model.name(span);
    failed.hidden = !model.hasFailed(span);
    this.#line(line, span, took, isOutline);
  }

  /** Bar, stretches of own work, events, duration. @param {HTMLElement} line @param {number} span @param {string} took @param {boolean} isOutline */
  #line(line, span, took, isOutline) {
    const { model } = this;
    const [from, to] = this.window;
    const percent = (/** @type {number} */ ms) => ((ms - from) / (to - from)) * 100;
    const [left, right] = [percent(model.starts[span]), percent(model.ends[span])];
    const [bar, text] = /** @type {HTMLElement[]} */ ([...line.children]);
    bar.style.left = `${Math.max(left, -1)}%`;
    bar.style.width = `${Math.min(right, 101) - Math.max(left, -1)}%`;
    bar.hidden = right < 0 || left > 100;
    const isWhole = left >= 0 && right <= 100 && !isOutline;
    const shares = isWhole ? model.shares(span) : null;
    bar.style.backgroundImage = shares?.length ? this.#stretches(shares) : "";
    text.textContent = took;
    const isBehind = right < 78;
    const isBefore = !isBehind && left > 22;
    text.toggleAttribute("data-inside", !isBehind && !isBefore);
    text.style.left = isBehind ? `${Math.max(right, 0)}%` : "";
    text.style.right = isBefore ? `${100 - Math.min(left, 100)}%` : "";
    while (line.childElementCount > 2) line.lastElementChild?.remove();
    if (isOutline) return;
    for (const ms of (model.events.get(span) ?? []).slice(0, EVENTS_MAX)) {
      const mark = make("i", "fall-event");
      mark.style.left = `${percent(ms)}%`;
      line.append(mark);
    }
  }

  /** @param {[number, number][]} shares */
  #stretches(shares) {
    const stops = shares.flatMap(([a, b]) => [`transparent ${a * 100}%`, `var(--own) ${a * 100}%`, `var(--own) ${b * 100}%`, `transparent ${b * 100}%`]);
    return `linear-gradient(90deg, ${stops.join(", ")})`;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = event.target instanceof Element ? event.target : null;
    const row = target?.closest(".fall-row");
    if (!row) return;
    const span = Number(row.id.slice(4));
    if (target?.closest(".fall-fold")) this.toggle(span);
    else this.tell.select(span);
  }

  /** @param {number} span @param {boolean} [fold] */
  toggle(span, fold = !this.folded.has(span)) {
    if (!this.model.hasChildren(span)) return;
    if (fold) this.folded.add(span);
    else this.folded.delete(span);
    this.fold();
    this.refresh();
  }

  /** Select and bring into sight; what hides it is unfolded. @param {number} span */
  show(span) {
    this.selected = span;
    let isHidden = false;
    for (let up = this.model.sent.parents[span], steps = 0; up >= 0 && steps < this.model.count; up = this.model.sent.parents[up], steps += 1) {
      isHidden = this.folded.delete(up) || isHidden;
    }
    if (isHidden) this.fold();
    const top = this.spans.indexOf(span) * this.#row;
    const high = this.box.clientHeight;
    const isFar = top < this.box.scrollTop - this.#row || top > this.box.scrollTop + high;
    if (isFar) this.box.scrollTop = top - high / 2;
    else if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + this.#row > this.box.scrollTop + high) this.box.scrollTop = top + this.#row - high;
    this.refresh();
    this.draw();
  }

  /** @param {number} from @param {number} to */
  zoom(from, to) {
    const least = Math.max(this.model.endMs / 1e5, 1e-6);
    const long = Math.min(Math.max(to - from, least), Math.max(this.model.endMs, 1e-6));
    const start = Math.min(Math.max(from, 0), Math.max(this.model.endMs, 1e-6) - long);
    this.window = [start, start + long];
    this.refresh();
    this.tell.window(...this.window);
  }
}
