// <tt-trace>: the spans of one trace, fetched after the page was painted, as a waterfall or as a flame graph. What is selected, and which
// of the two is shown, is in the address; the detail of a span is a part of the page that the server draws.
import { durationText } from "./format.js";
import { coloursOf, makeProbe } from "./trace-colours.js";
import { hideDetail, showDetail } from "./trace-detail.js";
import { TraceFlame } from "./trace-flame.js";
import { nextOf, onTreeKey } from "./trace-keys.js";
import { TraceMinimap } from "./trace-minimap.js";
import { TraceModel } from "./trace-model.js";
import { TraceRows } from "./trace-rows.js";
import { button, keyOf, toolsOf } from "./trace-tools.js";


class TtTrace extends HTMLElement {
  /** @type {TraceModel | null} */
  model = null;
  /** @type {TraceRows | null} */
  rows = null;
  /** @type {TraceMinimap | null} */
  #minimap = null;
  /** @type {TraceFlame | null} */
  #flame = null;
  #listen = new AbortController();
  #asking = new AbortController();

  connectedCallback() {
    if (this.model) return;
    this.#listen = new AbortController();
    const { signal } = this.#listen;
    document.body.addEventListener("tt:theme", () => this.#paint(), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint(), { signal });
    window.addEventListener("resize", () => this.#paint(), { signal });
    document.addEventListener("click", (event) => this.#onPageClick(event), { signal });
    void this.#load();
  }

  disconnectedCallback() {
    this.#listen.abort();
    this.#asking.abort();
    this.rows?.destroy();
    this.#flame?.destroy();
    this.model = null;
  }

  async #load() {
    this.#state("loading", "", "");
    try {
      const answer = await fetch(this.dataset.src ?? "", { headers: { Accept: "application/json" }, signal: this.#listen.signal });
      if (answer.redirected && new URL(answer.url).pathname === "/login") throw new Error("You are signed out: reload the page.");
      const sent = await answer.json().catch(() => null);
      if (!answer.ok || !sent) throw new Error(sent?.error?.message ?? `trimtab answered ${answer.status}`);
      this.#build(new TraceModel(sent));
    } catch (error) {
      if (this.#listen.signal.aborted) return;
      this.#state("error", "The spans could not be loaded", error instanceof TypeError ? "trimtab does not answer." : String(error instanceof Error ? error.message : error));
    }
  }

  /** @param {string} name @param {string} title @param {string} hint */
  #state(name, title, hint) {
    this.dataset.state = name;
    if (name === "loading") return;
    const cover = document.createElement("div");
    cover.className = "state";
    cover.dataset.state = name;
    cover.setAttribute("role", "alert");
    for (const [className, text] of [["state-title", title], ["state-hint", hint]]) cover.append(Object.assign(document.createElement("p"), { className, textContent: text }));
    const again = button("Try again", "", () => void this.#load());
    again.className = "button";
    cover.append(again);
    this.replaceChildren(cover);
  }

  /** @param {TraceModel} model */
  #build(model) {
    this.model = model;
    const minimap = new TraceMinimap(model, (from, to) => this.rows?.zoom(from, to));
    this.#minimap = minimap;
    this.rows = new TraceRows(model, {
      select: (span) => this.select(span),
      window: (from, to) => minimap.window(from, to),
    });
    this.rows.box.addEventListener("keydown", (event) => {
      if (!this.rows || !onTreeKey(this.rows, event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    const probe = makeProbe();
    const tools = toolsOf(model, {
      find: (text, said) => void this.#find(text, said),
      nextFound: () => this.#next((span) => this.rows?.found.has(span) ?? false),
      nextFailed: () => this.#next((span) => model.hasFailed(span)),
      fold: (isAll) => this.#foldAll(isAll),
      wholeTime: () => this.rows?.zoom(0, model.endMs),
      asTable: (isTable) => this.#flame?.show(isTable),
    });
    this.replaceChildren(tools, minimap.element, this.rows.element, keyOf(), probe);
    this.dataset.state = "ready";
    this.rows.measure();
    this.rows.refresh();
    this.#view(this.dataset.view === "flame" ? "flame" : "waterfall");
    this.#paint();
    const at = model.sent.ids.indexOf(this.dataset.span ?? "");
    if (at >= 0) this.rows.show(at);
    this.#writeSelf();
  }

  /** @param {(span: number) => boolean} fits */
  #next(fits) {
    if (this.rows) nextOf(this.rows, this.rows.spans.indexOf(this.rows.selected), fits);
  }

  /** @param {boolean} fold */
  #foldAll(fold) {
    const { rows, model } = this;
    if (!rows || !model) return;
    rows.folded.clear();
    if (fold) for (const span of model.order) if (model.depths[span] >= 1 && model.hasChildren(span)) rows.folded.add(span);
    rows.fold();
    rows.refresh();
  }

  /** At once by names, then the server says in which attributes it is, too. @param {string} text @param {HTMLElement} said */
  async #find(text, said) {
    const { rows, model } = this;
    if (!rows || !model) return;
    this.#asking.abort();
    rows.found = new Set(text ? model.having(text) : []);
    rows.refresh();
    said.textContent = text ? `${rows.found.size.toLocaleString("en-US")} found …` : "";
    if (!text) return;
    const mine = (this.#asking = new AbortController());
    let note = "";
    try {
      const wanted = new URLSearchParams({ q: text, at: this.dataset.at ?? "" });
      if (this.dataset.source) wanted.set("source", this.dataset.source);
      const answer = await fetch(`${this.dataset.path}/having?${wanted}`, { signal: mine.signal, headers: { Accept: "application/json" } });
      const { ids } = await answer.json();
      const wantedIds = new Set(ids);
      model.sent.ids.forEach((id, span) => wantedIds.has(id) && rows.found.add(span));
    } catch {
      if (mine.signal.aborted) return;
      note = ", in names only";
    }
    said.textContent = `${rows.found.size.toLocaleString("en-US")} found${note}`;
    rows.refresh();
  }

  /** @param {number} span */
  select(span) {
    const { rows, model } = this;
    if (!rows || !model) return;
    rows.show(span);
    const id = model.sent.ids[span];
    this.dataset.span = id;
    const url = new URL(location.href);
    url.searchParams.set("span", id);
    history.replaceState(history.state, "", url);
    showDetail(this.dataset.path ?? "", () => this.#writeSelf());
  }

  /** Only this script knows how long a span worked by itself. */
  #writeSelf() {
    const place = document.querySelector("#span [data-self-time]");
    const span = this.model?.sent.ids.indexOf(this.dataset.span ?? "") ?? -1;
    if (place && this.model && span >= 0) place.textContent = `, ${durationText(this.model.selfMs[span])} of it by itself`;
  }

  /** @param {MouseEvent} event */
  #onPageClick(event) {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const span = this.model?.sent.ids.indexOf(link.dataset.goSpan ?? "") ?? -1;
    if (link.dataset.view && link.dataset.view !== "table") {
      event.preventDefault();
      this.#view(link.dataset.view);
      for (const one of document.querySelectorAll("a[data-view]")) one.toggleAttribute("aria-current", false);
      link.setAttribute("aria-current", "page");
      this.#address("view", link.dataset.view === "flame" ? "flame" : null);
    } else if (span >= 0) {
      event.preventDefault();
      this.select(span);
    } else if (link.dataset.do === "close") {
      event.preventDefault();
      this.#close();
    }
  }

  #close() {
    hideDetail();
    this.dataset.span = "";
    if (this.rows) {
      this.rows.selected = -1;
      this.rows.refresh();
      this.rows.box.focus({ preventScroll: true });
    }
    this.#address("span", null);
  }

  /** @param {string} name @param {string | null} value */
  #address(name, value) {
    const url = new URL(location.href);
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
    history.replaceState(history.state, "", url);
  }

  /** @param {string} name */
  #view(name) {
    this.dataset.view = name;
    const isFlame = name === "flame";
    if (isFlame && !this.#flame && this.model) {
      this.#flame = new TraceFlame(this.model, (span) => this.select(span));
      this.append(this.#flame.element);
    }
    if (this.#flame) this.#flame.element.hidden = !isFlame;
    if (this.#minimap) this.#minimap.element.hidden = isFlame;
    if (this.rows) this.rows.element.hidden = isFlame;
    for (const part of this.querySelectorAll("[data-of]")) if (part instanceof HTMLElement) part.hidden = part.dataset.of !== name;
    this.#paint();
  }

  /** Colours of the theme, on canvases. */
  #paint() {
    const probe = this.querySelector(".trace-probe");
    if (!(probe instanceof HTMLElement)) return;
    const colours = coloursOf(probe);
    this.#minimap?.draw(colours.own, colours.bad);
    this.#flame?.colour(colours);
    if (this.rows && this.dataset.view !== "flame") this.rows.measure();
  }
}

customElements.define("tt-trace", TtTrace);
