// The flame graph, on a canvas of its own: as wide as the work of each way of calls, from the root downwards. The same is a table.
import { durationText, numberText } from "./format.js";
import { depthOf, operationsOf, stacksOf } from "./trace-stacks.js";

/** @typedef {import("./trace-model.js").TraceModel} TraceModel */
/** @typedef {import("./trace-stacks.js").Stack} Stack */

const ROW = 22;
const ROWS_MAX = 300;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';

/** @param {string} tag @param {string} name @param {string} [text] */
function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

export class TraceFlame {
  /** @type {{x: number, y: number, wide: number, one: Stack}[]} What is drawn, in CSS pixels. */
  #boxes = [];
  #colours = /** @type {{own: string[], text: string, line: string, bad: string}} */ ({ own: [], text: "", line: "", bad: "" });
  #resized = new ResizeObserver(() => this.draw());

  /** @param {TraceModel} model @param {(span: number) => void} onSelect */
  constructor(model, onSelect) {
    this.root = stacksOf(model);
    this.zoomed = this.root;
    this.active = this.root;
    this.onSelect = onSelect;
    this.element = make("div", "flame-box");
    this.said = make("p", "flame-said");
    this.said.setAttribute("role", "status");
    this.canvas = /** @type {HTMLCanvasElement} */ (make("canvas", ""));
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.scroll = make("div", "flame-scroll");
    this.scroll.append(this.canvas);
    this.table = make("div", "scroll");
    this.table.hidden = true;
    this.table.tabIndex = 0;
    this.table.setAttribute("role", "region");
    this.table.setAttribute("aria-label", "The flame graph as a table");
    this.element.append(this.said, this.scroll, this.table);
    this.canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.canvas.addEventListener("pointerleave", () => this.say(this.active));
    this.canvas.addEventListener("click", (event) => this.#click(event));
    this.canvas.addEventListener("dblclick", () => this.zoom(this.root));
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
    this.#resized.observe(this.element);
    this.say(this.root);
  }

  destroy() {
    this.#resized.disconnect();
  }

  /** @param {{own: string[], text: string, line: string, bad: string}} colours */
  colour(colours) {
    this.#colours = colours;
    this.draw();
  }

  draw() {
    const wide = this.element.clientWidth;
    const context = this.canvas.getContext("2d");
    if (!wide || !context || !this.#colours.text) return;
    const scale = devicePixelRatio;
    const above = this.#above();
    const high = (above.length + depthOf(this.zoomed) + 1) * ROW + 8;
    this.canvas.width = Math.round(wide * scale);
    this.canvas.height = Math.round(high * scale);
    this.canvas.style.height = `${high}px`;
    context.scale(scale, scale);
    context.font = FONT;
    context.textBaseline = "middle";
    this.#boxes = [];
    above.forEach((one, at) => this.#box(context, one, 0, at * ROW, wide, 0.5));
    const each = wide / Math.max(this.zoomed.total, 1e-9);
    const rest = [this.zoomed];
    for (let one = rest.pop(); one; one = rest.pop()) {
      const own = one.total * each;
      if (own < 0.6) continue;
      this.#box(context, one, (one.left - this.zoomed.left) * each, (above.length + one.depth - this.zoomed.depth) * ROW, own, 1);
      rest.push(...one.below);
    }
  }

  /** What leads to the part that is shown, the root first. @returns {Stack[]} */
  #above() {
    const found = [];
    for (let one = this.zoomed.up; one; one = one.up) found.unshift(one);
    return found;
  }

  /** @param {CanvasRenderingContext2D} context @param {Stack} one @param {number} x @param {number} y @param {number} wide @param {number} strength */
  #box(context, one, x, y, wide, strength) {
    const colours = this.#colours;
    this.#boxes.push({ x, y, wide, one });
    context.globalAlpha = strength * (one.colour ? 0.5 : 0.18);
    context.fillStyle = one.colour ? colours.own[one.colour] : colours.line;
    context.fillRect(x, y + 1, Math.max(wide - 1, 0.6), ROW - 2);
    context.globalAlpha = 1;
    if (one.failed) {
      context.fillStyle = colours.bad;
      context.fillRect(x, y + ROW - 4, Math.max(wide - 1, 0.6), 3);
    }
    if (one === this.active) {
      context.strokeStyle = colours.text;
      context.lineWidth = 1.5;
      context.strokeRect(x + 1, y + 1.5, Math.max(wide - 3, 1), ROW - 3);
    }
    if (wide < 34) return;
    context.fillStyle = colours.text;
    context.fillText(fitted(context, title(one), wide - 12), x + 6, y + ROW / 2 + 0.5);
  }

  /** @param {MouseEvent} event @returns {Stack | null} */
  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    return this.#boxes.find((one) => x >= one.x && x < one.x + one.wide && y >= one.y && y < one.y + ROW)?.one ?? null;
  }

  /** @param {MouseEvent} event */
  #point(event) {
    const one = this.#at(event);
    this.say(one ?? this.active);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const one = this.#at(event);
    if (!one) return;
    this.active = one;
    this.zoom(one);
    if (one.span >= 0) this.onSelect(one.span);
  }

  /** Show a part in the whole width. @param {Stack} one */
  zoom(one) {
    this.zoomed = one;
    this.active = one;
    this.draw();
    this.say(one);
  }

  /** @param {Stack} one */
  say(one) {
    const share = this.root.total ? (one.total / this.root.total) * 100 : 0;
    const parts = [`${durationText(one.total)} of work (${numberText(share)} %)`, `${durationText(one.own)} by itself`];
    if (one.count) parts.push(`${one.count.toLocaleString("en-US")} ${one.count === 1 ? "span" : "spans"}, the longest ${durationText(one.longest)}`);
    if (one.failed) parts.push(`${one.failed} failed`);
    this.said.replaceChildren(make("b", "", title(one)), ` ${parts.join(", ")}`);
    this.canvas.setAttribute("aria-label", `Flame graph. ${title(one)}: ${parts.join(", ")}. Arrow keys move, Enter zooms, Escape shows all.`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { active } = this;
    const beside = active.up?.below ?? [active];
    const at = beside.indexOf(active);
    const to = { ArrowUp: active.up, ArrowDown: active.below[0], ArrowLeft: beside[at - 1], ArrowRight: beside[at + 1], Home: this.root }[event.key];
    if (to) this.#go(to);
    else if (event.key === "Enter") {
      this.zoom(active);
      if (active.span >= 0) this.onSelect(active.span);
    } else if (event.key === "Escape" || event.key === "0") this.zoom(this.root);
    else if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {Stack} one */
  #go(one) {
    this.active = one;
    let isInside = false;
    for (let up = /** @type {Stack | null} */ (one); up; up = up.up) isInside ||= up === this.zoomed;
    if (!isInside) this.zoomed = one;
    this.draw();
    this.say(one);
  }

  /** Picture or table. @param {boolean} asTable */
  show(asTable) {
    this.scroll.hidden = asTable;
    this.said.hidden = asTable;
    this.table.hidden = !asTable;
    if (asTable && !this.table.firstChild) this.table.append(...this.#rows());
  }

  #rows() {
    const all = operationsOf(this.root);
    const table = make("table", "");
    const head = make("tr", "");
    for (const [at, name] of ["Service and operation", "Spans", "Failed", "By itself", "Share", "Longest"].entries()) {
      const cell = make("th", at ? "r" : "", name);
      cell.setAttribute("scope", "col");
      head.append(cell);
    }
    const body = make("tbody", "");
    for (const one of all.slice(0, ROWS_MAX)) {
      const row = make("tr", "");
      const name = make("th", "");
      name.setAttribute("scope", "row");
      const dot = make("i", `dot n${one.colour}`);
      name.append(dot, make("b", "", one.service), ` ${one.name}`);
      const share = this.root.total ? (one.own / this.root.total) * 100 : 0;
      row.append(name);
      for (const text of [numberText(one.count), one.failed ? numberText(one.failed) : "none", durationText(one.own), `${numberText(share)} %`, durationText(one.longest)]) row.append(make("td", "r", text));
      body.append(row);
    }
    const top = make("thead", "");
    top.append(head);
    table.append(make("caption", "sr", "Work by operation, most first"), top, body);
    const more = all.length > ROWS_MAX ? [make("p", "under-list muted", `The first ${ROWS_MAX} of ${all.length} operations.`)] : [];
    return [table, ...more];
  }
}

/** @param {Stack} one */
function title(one) {
  return one.up ? `${one.service} ${one.name}` : "All of the trace";
}

/** As much of a text as there is room for. @param {CanvasRenderingContext2D} context @param {string} text @param {number} wide */
function fitted(context, text, wide) {
  if (context.measureText(text).width <= wide) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= wide) low = middle;
    else high = middle - 1;
  }
  return low > 1 ? `${text.slice(0, low)}…` : "";
}
