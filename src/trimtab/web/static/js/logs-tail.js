// <tt-tail>: a live tail while it stands on the page. Lines come in drawn, stand above the others, and are let go where they become too
// many. One who reads keeps their place.
import { writeTimes } from "./prefs.js";

const ROWS_MAX = 1000;
const WAIT_MS = 3000;

/** @param {number} count */
const linesOf = (count) => `${count.toLocaleString("en-US")} ${count === 1 ? "line" : "lines"}`;

/** Where lines are missing in the list. @param {number} count */
function gap(count) {
  return Object.assign(document.createElement("li"), { className: "line-gap", textContent: `${linesOf(count)} left out here` });
}

/** Let go of the oldest of some rows; how many that were. @param {ParentNode & Node} rows */
function bound(rows) {
  const lines = rows.querySelectorAll("li.line");
  let gone = 0;
  for (let at = lines.length - 1; at >= ROWS_MAX; at -= 1, gone += 1) lines[at].remove();
  if (gone) document.querySelector("#more-lines")?.remove(); // what is fetched there would stand behind a hole
  return gone;
}

/** Put lines above the others; who has scrolled down sees the same lines as before. @param {DocumentFragment} rows @returns {number} how many were let go */
function put(rows) {
  const lines = document.querySelector("#lines");
  if (!lines) return 0;
  for (const row of rows.querySelectorAll("li.line")) document.getElementById(row.id)?.remove(); // the list was fetched after it had come in
  const isAtTop = lines.getBoundingClientRect().top >= 0;
  const anchor = [...lines.children].find((row) => row.getBoundingClientRect().bottom > 0);
  const before = anchor?.getBoundingClientRect().top ?? 0;
  writeTimes(rows);
  const fresh = [...rows.children];
  lines.prepend(rows);
  for (const row of fresh) window.htmx?.process(row);
  const gone = bound(lines);
  if (!isAtTop && anchor?.isConnected) window.scrollBy(0, anchor.getBoundingClientRect().top - before);
  return gone;
}

class TtTail extends HTMLElement {
  static observedAttributes = ["data-tail"];
  /** @type {EventSource | null} */
  #source = null;
  #isPaused = false;
  /** Lines that came during a pause, newest first. */
  #waiting = new DocumentFragment();
  #waitingCount = 0;
  #came = 0;
  #leftOut = 0;
  #letGo = 0;
  #fault = "";
  #again = 0;
  /** @type {AbortController | undefined} */
  #listen;

  connectedCallback() {
    this.#listen = new AbortController();
    const { signal } = this.#listen;
    this.addEventListener("click", (event) => event.target instanceof Element && event.target.closest("[data-tail-pause]") && this.#pause(), { signal });
    document.addEventListener("htmx:after:swap", () => this.#say(), { signal }); // its own words were drawn anew
    window.addEventListener("pagehide", () => this.#close(), { signal });
    this.#begin();
  }

  disconnectedCallback() {
    this.#listen?.abort();
    this.#close();
  }

  /** Another search. @param {string} _name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(_name, before, after) {
    if (before !== null && before !== after && this.isConnected) this.#begin();
  }

  #begin() {
    this.#close();
    this.#isPaused = false;
    this.#waiting = new DocumentFragment();
    this.#waitingCount = this.#came = this.#leftOut = this.#letGo = 0;
    this.#fault = "";
    this.#connect();
    this.#say();
  }

  #close() {
    window.clearTimeout(this.#again);
    this.#source?.close();
    this.#source = null;
  }

  #connect() {
    this.#close();
    const stream = new EventSource(this.dataset.tail ?? "");
    this.#source = stream;
    stream.addEventListener("open", () => this.#say(""));
    stream.addEventListener("lines", (event) => this.#lines(JSON.parse(event.data)));
    stream.addEventListener("missing", (event) => this.#say(`Partial: ${JSON.parse(event.data).shards.join("; ")}`));
    stream.addEventListener("fault", (event) => this.#say(JSON.parse(event.data).message));
    stream.addEventListener("error", () => {
      if (this.#source !== stream) return;
      stream.close();
      this.#say(this.#fault || "No connection: what comes now is not shown. Trying again");
      this.#again = window.setTimeout(() => this.#connect(), WAIT_MS);
    });
  }

  /** @param {{html: string, count: number, left_out: number}} came */
  #lines({ html, count, left_out: leftOut }) {
    this.#came += count + leftOut;
    this.#leftOut += leftOut;
    const made = document.createElement("template");
    made.innerHTML = html;
    if (leftOut) made.content.append(gap(leftOut));
    if (this.#isPaused) {
      this.#waiting.prepend(made.content);
      const gone = bound(this.#waiting);
      this.#waitingCount += count - gone;
      this.#letGo += gone;
    } else this.#letGo += put(made.content);
    this.#say();
  }

  #pause() {
    this.#isPaused = !this.#isPaused;
    if (!this.#isPaused) {
      this.#letGo += put(this.#waiting);
      this.#waiting = new DocumentFragment();
      this.#waitingCount = 0;
    }
    this.#say();
  }

  /** @param {string} [fault] what is wrong now; "" where nothing is */
  #say(fault = this.#fault) {
    this.#fault = fault;
    const button = this.querySelector("[data-tail-pause]");
    const text = this.querySelector("[data-say]");
    if (!(button instanceof HTMLElement) || !text) return;
    const isOpen = this.#source?.readyState === EventSource.OPEN;
    this.dataset.state = fault ? "fault" : this.#isPaused ? "paused" : isOpen ? "live" : "starting";
    button.hidden = false;
    button.setAttribute("aria-pressed", String(this.#isPaused));
    button.textContent = this.#isPaused ? `Go on${this.#waitingCount ? `: ${linesOf(this.#waitingCount)} wait` : ""}` : "Pause";
    const parts = [fault || (this.#isPaused ? "Paused" : isOpen ? "Live" : "Connecting"), `${linesOf(this.#came)} came`];
    if (this.#leftOut) parts.push(`${linesOf(this.#leftOut)} left out, more came at once than are shown`);
    if (this.#letGo) parts.push(`the oldest ${linesOf(this.#letGo)} let go`);
    const said = parts.join(", ");
    if (text.textContent !== said) text.textContent = said;
  }
}

customElements.define("tt-tail", TtTail);
