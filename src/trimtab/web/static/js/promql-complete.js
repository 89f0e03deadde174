// <tt-complete>: what could stand at the caret of a query, under its box. One list for all boxes; it never holds up who types.
import { contextOf } from "./promql-context.js";

/**
 * @typedef {import("./promql-context.js").Context} Context
 * @typedef {{text: string, kind: string, called?: string, help?: string}} Option
 */

const NAMES_MAX = 2000;
const VALUES_MAX = 500;
const SHOWN_MAX = 60;
const REST_MS = 70;
const DURATIONS = ["1m", "5m", "10m", "15m", "30m", "1h", "6h", "12h", "1d", "7d"];

/** @type {Map<string, Promise<any>>} */
const answers = new Map();

/** Ask the server, once for each question in a while. @param {string} path @param {Record<string, string | number>} [values] @returns {Promise<any>} */
function ask(path, values = {}) {
  const address = `${path}?${new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)]))}`;
  let answer = answers.get(address);
  if (!answer) {
    answer = fetch(address, { headers: { Accept: "application/json" } }).then((reply) => (reply.ok ? reply.json() : {}), () => ({}));
    answers.set(address, answer);
    setTimeout(() => answers.delete(address), 60_000);
  }
  return answer;
}

/** @param {string} text */
const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&").replace(/["\\]/g, "\\$&");

/** Names or values; where there are too many, those that begin as typed. @param {string} path @param {Record<string, string>} values @param {string} narrowed @param {number} max @returns {Promise<string[]>} */
async function listed(path, values, narrowed, max) {
  const all = (await ask(path, { ...values, limit: max })).data ?? [];
  return all.length < max || !narrowed ? all : ((await ask(path, { "match[]": narrowed, limit: max })).data ?? []);
}

/** @param {Context} context @returns {Promise<Option[]>} */
async function optionsFor({ kind, typed, selector, label }) {
  const of = selector ? { "match[]": selector } : /** @type {Record<string, string>} */ ({});
  if (kind === "duration") return DURATIONS.map((text) => ({ text, kind }));
  if (kind === "value") {
    const narrowed = selector.includes("{") ? "" : `${selector}{${label}=~"${escaped(typed)}.*"}`;
    return (await listed(`/api/v1/label/${label}/values`, of, typed && narrowed, VALUES_MAX)).map((text) => ({ text, kind }));
  }
  if (kind !== "word") return (await listed("/api/v1/labels", of, "", VALUES_MAX)).filter((text) => text !== "__name__").map((text) => ({ text, kind }));
  const [names, words, about] = await Promise.all([
    listed("/api/v1/label/__name__/values", {}, typed && `{__name__=~"${escaped(typed)}.*"}`, NAMES_MAX),
    ask("/explore/words"),
    ask("/api/v1/metadata", { limit: NAMES_MAX, limit_per_metric: 1 }),
  ]);
  const metrics = names.map((text) => {
    const [told] = about.data?.[text] ?? about.data?.[text.replace(/_(?:bucket|sum|count|total)$/, "")] ?? [];
    return { text, kind: told?.type && told.type !== "unknown" ? told.type : "metric", help: told?.help };
  });
  return [...metrics, ...(Array.isArray(words) ? words : []).map(([text, what, called, help]) => ({ text, kind: what, called, help }))];
}

/** Those that fit what is typed: at their beginning first, then inside. @param {Option[]} options @param {string} typed */
function fitting(options, typed) {
  const wanted = typed.toLowerCase();
  const place = (/** @type {Option} */ one) => one.text.toLowerCase().indexOf(wanted);
  const fits = options.filter((one) => place(one) >= 0);
  return [...fits.filter((one) => place(one) === 0), ...fits.filter((one) => place(one) > 0)].slice(0, SHOWN_MAX);
}

/** What is written for an option, and how far back the caret goes. @param {Option} option @param {string} kind @param {string} rest @returns {[string, number]} */
function written({ text, kind: what }, kind, rest) {
  if (kind === "label") return /^\s*[=!]/.test(rest) ? [text, 0] : [`${text}=""`, 1];
  if (kind === "value") return [text.replace(/["\\]/g, "\\$&") + (rest.startsWith('"') ? "" : '"'), 0];
  if (kind === "duration") return [text + (rest.startsWith("]") ? "" : "]"), 0];
  if (kind === "word" && (what === "function" || what === "aggregation") && !rest.startsWith("(")) return [`${text}()`, 1];
  if (what === "keyword" && /^(?:by|without|on|ignoring)/.test(text)) return [`${text} ()`, 1];
  return [text, 0];
}

class TtComplete extends HTMLElement {
  /** @type {HTMLTextAreaElement | null} */
  #box = null;
  /** @type {Context | null} */
  #context = null;
  /** @type {Option[]} */
  #options = [];
  #at = -1;
  #isComing = false;
  #turn = 0;
  #timer = 0;

  connectedCallback() {
    this.innerHTML = '<ul role="listbox" id="complete" aria-label="Suggestions"></ul><p></p>';
    this.hidden = true;
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Completion");
    this.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the box keeps the focus
      const place = event.target instanceof Element ? [...this.#list.children].indexOf(/** @type {Element} */ (event.target.closest("li"))) : -1;
      if (place >= 0) this.#take(place);
    });
  }

  get #list() {
    return /** @type {HTMLElement} */ (this.firstElementChild);
  }

  /** Help who writes into a box. @param {HTMLTextAreaElement} box */
  attach(box) {
    box.addEventListener("input", () => this.#soon(box, false));
    box.addEventListener("keydown", (event) => this.#key(box, event));
    for (const kind of ["blur", "click"]) box.addEventListener(kind, () => this.#close());
    this.#soon(box, false); // what was typed meanwhile
  }

  /** @param {HTMLTextAreaElement} box @param {boolean} forced */
  #soon(box, forced) {
    clearTimeout(this.#timer);
    this.#isComing = true;
    this.#timer = window.setTimeout(() => void this.#look(box, forced), forced ? 0 : REST_MS);
  }

  /** @param {HTMLTextAreaElement} box @param {boolean} forced also where nothing is typed yet */
  async #look(box, forced) {
    this.#turn += 1;
    const turn = this.#turn;
    const context = contextOf(box.value, box.selectionStart);
    if (!context || (!forced && !context.typed && context.kind === "word")) return this.#close();
    const options = fitting(await optionsFor(context), context.typed);
    if (turn !== this.#turn || document.activeElement !== box) return undefined;
    this.#isComing = false;
    const isWhole = options.length === 1 && options[0].text === context.typed;
    if (!options.length || isWhole) return this.#close();
    this.#box = box;
    this.#context = context;
    this.#options = options;
    return this.#show(options[0].text === context.typed || !context.typed ? -1 : 0);
  }

  /** @param {number} at what is chosen at first; -1: nothing, so that Enter runs the query */
  #show(at) {
    const { typed } = /** @type {Context} */ (this.#context);
    this.#list.replaceChildren(
      ...this.#options.map((option, index) => {
        const row = document.createElement("li");
        row.id = `complete-${index}`;
        row.setAttribute("role", "option");
        const place = option.text.toLowerCase().indexOf(typed.toLowerCase());
        const name = document.createElement("code");
        const mark = Object.assign(document.createElement("mark"), { textContent: option.text.slice(place, place + typed.length) });
        name.append(option.text.slice(0, place), mark, option.text.slice(place + typed.length));
        row.append(name, Object.assign(document.createElement("small"), { textContent: option.kind }));
        return row;
      }),
    );
    const box = /** @type {HTMLTextAreaElement} */ (this.#box).getBoundingClientRect();
    this.hidden = false;
    this.#box?.setAttribute("aria-controls", "complete");
    this.style.top = `${box.bottom + scrollY + 3}px`;
    this.style.left = `${Math.max(Math.min(box.left, document.documentElement.clientWidth - this.offsetWidth - 12), 12) + scrollX}px`;
    this.#choose(at);
  }

  /** @param {number} at */
  #choose(at) {
    this.#at = at;
    for (const [index, row] of [...this.#list.children].entries()) row.setAttribute("aria-selected", String(index === at));
    this.#list.children[at]?.scrollIntoView({ block: "nearest" });
    if (at < 0) this.#box?.removeAttribute("aria-activedescendant");
    else this.#box?.setAttribute("aria-activedescendant", `complete-${at}`);
    const { called = "", help = "" } = this.#options[at] ?? {};
    const line = /** @type {HTMLElement} */ (this.lastElementChild);
    line.replaceChildren(...(called ? [Object.assign(document.createElement("code"), { textContent: called }), " "] : []), help || (at < 0 ? "↓ chooses, Tab takes the first, Esc closes" : ""));
  }

  /** @param {HTMLTextAreaElement} box @param {KeyboardEvent} event */
  #key(box, event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === " " && event.ctrlKey) this.#soon(box, true);
    else if (event.key === "Escape" && (this.#isComing || !this.hidden)) this.#close();
    else if (this.hidden) return;
    else if (step) this.#choose((this.#at + step + this.#options.length + (this.#at < 0 && step < 0 ? 1 : 0)) % this.#options.length);
    else if (event.key === "Tab" && !event.shiftKey) this.#take(Math.max(this.#at, 0));
    else if (event.key === "Enter" && !event.shiftKey && this.#at >= 0) this.#take(this.#at);
    else {
      if (["Enter", "ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) this.#close();
      return;
    }
    event.preventDefault();
  }

  /** Write an option into the box, so that it can be undone. @param {number} place */
  #take(place) {
    const [box, context, option] = [this.#box, this.#context, this.#options[place]];
    if (!box || !context || !option) return;
    const end = box.selectionStart;
    const [text, back] = written(option, context.kind, box.value.slice(end));
    box.setSelectionRange(context.from, end);
    if (!document.execCommand("insertText", false, text)) box.setRangeText(text, context.from, end, "end");
    box.setSelectionRange(box.selectionStart - back, box.selectionStart - back);
    this.#close();
    if (context.kind === "value" && text.length && box.value[box.selectionStart] === '"') box.setSelectionRange(box.selectionStart + 1, box.selectionStart + 1);
    if (back && context.kind === "label") this.#soon(box, true);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#turn += 1;
    this.#isComing = false;
    this.hidden = true;
    this.#box?.removeAttribute("aria-activedescendant");
  }
}

customElements.define("tt-complete", TtComplete);
document.body.append(document.createElement("tt-complete"));
