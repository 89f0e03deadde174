// <tt-complete>: what could stand at the caret of a query, under its box. One list for all boxes; it never holds up who types.
import { ask, CompleteList } from "./complete-list.js";
import { contextOf } from "./promql-context.js";

/**
 * @typedef {import("./promql-context.js").Context} Context
 * @typedef {{text: string, kind: string, called?: string, help?: string}} Option
 */

const NAMES_MAX = 2000;
const VALUES_MAX = 500;
const DURATIONS = ["1m", "5m", "10m", "15m", "30m", "1h", "6h", "12h", "1d", "7d"];

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

/** What is written for an option, and how far back the caret goes. @param {Option} option @param {string} kind @param {string} rest @returns {[string, number]} */
function written({ text, kind: what }, kind, rest) {
  if (kind === "label") return /^\s*[=!]/.test(rest) ? [text, 0] : [`${text}=""`, 1];
  if (kind === "value") return [text.replace(/["\\]/g, "\\$&") + (rest.startsWith('"') ? "" : '"'), 0];
  if (kind === "duration") return [text + (rest.startsWith("]") ? "" : "]"), 0];
  if (kind === "word" && (what === "function" || what === "aggregation") && !rest.startsWith("(")) return [`${text}()`, 1];
  if (what === "keyword" && /^(?:by|without|on|ignoring)/.test(text)) return [`${text} ()`, 1];
  return [text, 0];
}

class TtComplete extends CompleteList {
  /** @param {string} text @param {number} at @returns {Context | null} */
  placeIn(text, at) {
    return contextOf(text, at);
  }

  /** @param {any} place @returns {Promise<Option[]>} */
  optionsFor(place) {
    return optionsFor(place);
  }

  /** @param {Option} option @param {{kind: string}} place @param {string} rest @returns {[string, number]} */
  written(option, { kind }, rest) {
    return written(option, kind, rest);
  }

  /** @param {{kind: string}} place @param {number} back */
  goesOn({ kind }, back) {
    return back > 0 && kind === "label";
  }
}

customElements.define("tt-complete", TtComplete);
document.body.append(document.createElement("tt-complete"));
