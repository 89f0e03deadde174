// <tt-complete> for the search of logs: names of fields and their values, as they are in the range. Words of lines are not offered.
import { ask, CompleteList } from "./complete-list.js";
import { current } from "./range.js";

/**
 * @typedef {{kind: string, typed: string, from: number, name: string, isQuoted: boolean}} Place
 * @typedef {import("./complete-list.js").Option} Option
 */

const API = "/api/trimtab/logs";
const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "unknown"];
/** @type {[string, string][]} */
const FIELDS = [
  ["service", "the resource's service.name"],
  ["level", "level:error, or at least so severe: level>=warn"],
  ["trace_id", "all lines of a trace"],
  ["span_id", "all lines of a span"],
  ["event", "the event's name"],
  ["severity_text", "the severity as its sender wrote it"],
  ["scope", "the name of the instrumentation scope"],
];
const VALUE = /(?:^|[\s(-])(?:"((?:[^"\\]|\\.)*)"|([^\s()":=<>!*]+))(?:!=|>=|<=|[:=<>])("?)([^\s()"]*)$/;
const NAME = /(?:^|[\s(]-?)([A-Za-z_@][\w.@-]*)$/;
const BARE = /^[A-Za-z0-9_.@][A-Za-z0-9_.@-]*$/;

/** @param {string} text */
const quoted = (text) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** What stands at the caret: a value behind a name, or what may become a name. @param {string} text @param {number} at @returns {Place | null} */
export function placeIn(text, at) {
  const before = text.slice(0, at);
  const value = VALUE.exec(before);
  if (value) {
    const [, inQuotes, bare, quote, typed] = value;
    return { kind: "value", typed, from: at - typed.length, name: inQuotes ?? bare, isQuoted: quote !== "" };
  }
  if ((before.match(/(?<!\\)"/g) ?? []).length % 2) return null;
  const name = NAME.exec(before);
  return name ? { kind: "field", typed: name[1], from: at - name[1].length, name: "", isQuoted: false } : null;
}

/** @param {string} what @param {Record<string, string>} wanted @returns {Promise<[string, number][]>} */
async function counted(what, wanted) {
  const { from, to } = current();
  return (await ask(`${API}/${what}`, { ...wanted, from, to })).values ?? [];
}

class TtComplete extends CompleteList {
  /** @param {string} text @param {number} at @returns {any} */
  placeIn(text, at) {
    return placeIn(text, at);
  }

  /** @param {any} place @returns {Promise<Option[]>} */
  async optionsFor({ kind, name, typed }) {
    if (kind === "field") {
      const known = FIELDS.map(([text, help]) => ({ text, kind: "field", called: `${text}:`, help }));
      const found = await counted("attribute-keys", {});
      return [...known, ...found.map(([text, count]) => ({ text, kind: `in ${count.toLocaleString("en-US")}` }))];
    }
    if (name === "level") return LEVELS.map((text) => ({ text, kind: "level" }));
    const values = await counted("attribute-values", { name: name.replace(/^(?:resource|attributes)\./, ""), prefix: typed });
    return values.map(([text, count]) => ({ text, kind: `in ${count.toLocaleString("en-US")}` }));
  }

  /** @param {Option} option @param {any} place @param {string} rest @returns {[string, number]} */
  written({ text }, { kind, isQuoted }, rest) {
    if (kind === "field") return [(BARE.test(text) ? text : quoted(text)) + (/^[:=<>!]/.test(rest) ? "" : ":"), 0];
    if (isQuoted) return [quoted(text).slice(1, rest.startsWith('"') ? -1 : undefined), 0];
    return [BARE.test(text) ? text : quoted(text), 0];
  }

  /** A word may be meant as a word. @param {{kind: string}} place */
  isEager({ kind }) {
    return kind === "value";
  }

  /** @param {{kind: string}} place */
  goesOn({ kind }) {
    return kind === "field";
  }
}

customElements.define("tt-complete", TtComplete);
document.body.append(document.createElement("tt-complete"));
