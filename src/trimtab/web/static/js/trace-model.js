// A trace in numbers: who is whose child, in which order spans are shown, and for how long each worked by itself. Typed arrays, one
// pass each: ten thousand spans take a few milliseconds.

/**
 * What the server sends: columns, one entry for each span, in the order in which they began.
 * @typedef {{
 *   trace_id: string, first_ns: string, ids: string[], parents: number[], orphans: number[], begins_ns: number[], took_ns: number[],
 *   services: string[], colours: number[], service: number[], names: string[], name: number[], kinds: string[], kind: number[],
 *   statuses: string[], status: number[], linked: number[], event_span: number[], event_at_ns: number[], event_names: string[],
 *   event_name: number[], missing: string[]
 * }} Sent
 */

/** At most so many stretches of own work are drawn in one bar. */
const STRETCHES_MAX = 24;

export class TraceModel {
  /** @param {Sent} sent */
  constructor(sent) {
    this.sent = sent;
    this.count = sent.ids.length;
    /** All in milliseconds after the trace began. */
    this.starts = Float64Array.from(sent.begins_ns, (ns) => ns / 1e6);
    this.ends = Float64Array.from(sent.took_ns, (ns, at) => (sent.begins_ns[at] + ns) / 1e6);
    this.endMs = this.ends.reduce((a, b) => Math.max(a, b), 0);
    this.depths = new Int16Array(this.count);
    /** Spans in the order in which they are shown: each before what it called. */
    this.order = new Int32Array(this.count);
    /** For each place in `order`: where its children end. */
    this.until = new Int32Array(this.count);
    this.selfMs = new Float64Array(this.count);
    /** @type {Map<number, number[]>} Moments of events, of those spans that have some. */
    this.events = new Map();
    sent.event_span.forEach((span, at) => this.events.set(span, [...(this.events.get(span) ?? []), sent.event_at_ns[at] / 1e6]));
    this.places = new Int32Array(this.count);
    /** Children of each span, one behind the other: those of span s stand at first[s] to first[s + 1]. */
    this.first = new Int32Array(this.count + 1);
    this.children = new Int32Array(0);
    this.#family();
    this.#walk();
    for (let span = 0; span < this.count; span += 1) this.selfMs[span] = this.#self(span);
  }

  #family() {
    const { parents } = this.sent;
    for (const parent of parents) if (parent >= 0) this.first[parent + 1] += 1;
    for (let span = 0; span < this.count; span += 1) this.first[span + 1] += this.first[span];
    this.children = new Int32Array(this.first[this.count]);
    const next = this.first.slice();
    parents.forEach((parent, span) => {
      if (parent >= 0) this.children[next[parent]++] = span;
    });
  }

  /** Order and depth. Spans that are their own ancestors are shown, too: from the one that began first. */
  #walk() {
    const seen = new Uint8Array(this.count);
    let place = 0;
    const visit = (/** @type {number} */ root) => {
      const stack = [root];
      this.depths[root] = 0;
      while (stack.length) {
        const span = /** @type {number} */ (stack.pop());
        if (span < 0) {
          this.until[-span - 1] = place;
          continue;
        }
        if (seen[span]) continue;
        seen[span] = 1;
        stack.push(-place - 1);
        this.order[place++] = span;
        for (let at = this.first[span + 1] - 1; at >= this.first[span]; at -= 1) {
          const child = this.children[at];
          if (seen[child]) continue;
          this.depths[child] = this.depths[span] + 1;
          stack.push(child);
        }
      }
    };
    for (let span = 0; span < this.count; span += 1) if (this.sent.parents[span] < 0) visit(span);
    for (let span = 0; span < this.count; span += 1) if (!seen[span]) visit(span);
    this.order.forEach((span, at) => (this.places[span] = at));
  }

  /** How long no child of it ran. @param {number} span */
  #self(span) {
    let own = 0;
    this.stretches(span, (from, to) => (own += to - from));
    return own;
  }

  /** Tell every stretch in which a span worked and none of its children did. @param {number} span @param {(from: number, to: number) => void} tell */
  stretches(span, tell) {
    const end = this.ends[span];
    let at = this.starts[span];
    for (let next = this.first[span]; next < this.first[span + 1] && at < end; next += 1) {
      const child = this.children[next]; // in the order in which they began
      if (this.starts[child] > at) tell(at, Math.min(this.starts[child], end));
      at = Math.max(at, this.ends[child]);
    }
    if (at < end) tell(at, end);
  }

  /** The stretches as shares of the span, or null where they are too many to be seen. @param {number} span @returns {[number, number][] | null} */
  shares(span) {
    const [start, long] = [this.starts[span], Math.max(this.ends[span] - this.starts[span], 1e-9)];
    /** @type {[number, number][]} */
    const found = [];
    this.stretches(span, (from, to) => found.push([(from - start) / long, (to - start) / long]));
    return found.length > STRETCHES_MAX ? null : found;
  }

  /** @param {number} span */
  hasFailed(span) {
    return this.sent.statuses[this.sent.status[span]] === "error";
  }

  /** @param {number} span */
  service(span) {
    return this.sent.services[this.sent.service[span]] || "no name";
  }

  /** @param {number} span */
  name(span) {
    return this.sent.names[this.sent.name[span]] || "no name";
  }

  /** 1 to 7. @param {number} span */
  colour(span) {
    return this.sent.colours[this.sent.service[span]];
  }

  /** @param {number} span */
  hasChildren(span) {
    return this.first[span + 1] > this.first[span];
  }

  /** Places in `order` that are shown when some spans are folded. @param {Set<number>} folded @returns {Int32Array} */
  shown(folded) {
    const found = new Int32Array(this.count);
    let count = 0;
    for (let place = 0; place < this.count; ) {
      const span = this.order[place];
      found[count++] = span;
      place = folded.has(span) ? this.until[place] : place + 1;
    }
    return found.subarray(0, count);
  }

  /** Spans whose service or name has a text. @param {string} text @returns {number[]} */
  having(text) {
    const low = text.toLowerCase();
    const services = this.sent.services.map((name) => name.toLowerCase().includes(low));
    const names = this.sent.names.map((name) => name.toLowerCase().includes(low));
    return Array.from(this.order).filter((span) => services[this.sent.service[span]] || names[this.sent.name[span]]);
  }
}
