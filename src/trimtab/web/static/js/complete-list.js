// What could stand at the caret of a box, in a list under it: who writes is never held up. What can be chosen is the business of those
// who extend it.

/**
 * @typedef {{kind: string, typed: string, from: number}} Place what stands at the caret: `typed` begins at `from`
 * @typedef {{text: string, kind: string, called?: string, help?: string}} Option
 * @typedef {HTMLTextAreaElement | HTMLInputElement} Box
 */

const SHOWN_MAX = 60;
const REST_MS = 70;

/** @type {Map<string, Promise<any>>} */
const answers = new Map();

/** Ask the server, once for each question in a while. @param {string} path @param {Record<string, string | number>} [values] @returns {Promise<any>} */
export function ask(path, values = {}) {
  const address = `${path}?${new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)]))}`;
  let answer = answers.get(address);
  if (!answer) {
    answer = fetch(address, { headers: { Accept: "application/json" } }).then((reply) => (reply.ok ? reply.json() : {}), () => ({}));
    answers.set(address, answer);
    setTimeout(() => answers.delete(address), 60_000);
  }
  return answer;
}

/** Those that fit what is typed: at their beginning first, then inside. @param {Option[]} options @param {string} typed */
function fitting(options, typed) {
  const wanted = typed.toLowerCase();
  const place = (/** @type {Option} */ one) => one.text.toLowerCase().indexOf(wanted);
  const fits = options.filter((one) => place(one) >= 0);
  return [...fits.filter((one) => place(one) === 0), ...fits.filter((one) => place(one) > 0)].slice(0, SHOWN_MAX);
}

export class CompleteList extends HTMLElement {
  /** @type {Box | null} */
  #box = null;
  /** @type {Place | null} */
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

  /** What stands at the caret; null where nothing can be offered. @param {string} _text @param {number} _at @returns {Place | null} */
  placeIn(_text, _at) {
    return null;
  }

  /** What could stand there. @param {Place} _place @returns {Promise<Option[]>} */
  optionsFor(_place) {
    return Promise.resolve([]);
  }

  /** What is written for an option, and how far back the caret goes. @param {Option} option @param {Place} _place @param {string} _rest what stands behind @returns {[string, number]} */
  written(option, _place, _rest) {
    return [option.text, 0];
  }

  /** Whether Enter takes the first option, and does not search for what is written. @param {Place} _place */
  isEager(_place) {
    return true;
  }

  /** Whether an option that was taken asks for more at once. @param {Place} _place @param {number} _back */
  goesOn(_place, _back) {
    return false;
  }

  get #list() {
    return /** @type {HTMLElement} */ (this.firstElementChild);
  }

  /** Help who writes into a box. @param {Box} box */
  attach(box) {
    box.addEventListener("input", () => this.#soon(box, false));
    box.addEventListener("keydown", (event) => this.#key(box, /** @type {KeyboardEvent} */ (event)));
    for (const kind of ["blur", "click"]) box.addEventListener(kind, () => this.#close());
    this.#soon(box, false); // what was typed meanwhile
  }

  /** @param {Box} box @param {boolean} forced */
  #soon(box, forced) {
    clearTimeout(this.#timer);
    this.#isComing = true;
    this.#timer = window.setTimeout(() => void this.#look(box, forced), forced ? 0 : REST_MS);
  }

  /** @param {Box} box @param {boolean} forced also where nothing is typed yet */
  async #look(box, forced) {
    this.#turn += 1;
    const turn = this.#turn;
    const context = this.placeIn(box.value, box.selectionStart ?? 0);
    if (!context || (!forced && !context.typed && context.kind === "word")) return this.#close();
    const options = fitting(await this.optionsFor(context), context.typed);
    if (turn !== this.#turn || document.activeElement !== box) return undefined;
    this.#isComing = false;
    const isWhole = options.length === 1 && options[0].text === context.typed;
    if (!options.length || isWhole) return this.#close();
    this.#box = box;
    this.#context = context;
    this.#options = options;
    return this.#show(options[0].text === context.typed || !context.typed || !this.isEager(context) ? -1 : 0);
  }

  /** @param {number} at what is chosen at first; -1: nothing, so that Enter runs the query */
  #show(at) {
    const { typed } = /** @type {Place} */ (this.#context);
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
    const box = /** @type {Box} */ (this.#box).getBoundingClientRect();
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

  /** @param {Box} box @param {KeyboardEvent} event */
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
    const end = box.selectionStart ?? 0;
    const [text, back] = this.written(option, context, box.value.slice(end));
    box.setSelectionRange(context.from, end);
    if (!document.execCommand("insertText", false, text)) box.setRangeText(text, context.from, end, "end");
    const caret = (box.selectionStart ?? 0) - back;
    box.setSelectionRange(caret, caret);
    this.#close();
    if (context.kind === "value" && text.length && box.value[caret] === '"') box.setSelectionRange(caret + 1, caret + 1);
    if (this.goesOn(context, back)) this.#soon(box, true);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#turn += 1;
    this.#isComing = false;
    this.hidden = true;
    this.#box?.removeAttribute("aria-activedescendant");
  }
}
