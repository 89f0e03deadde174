// What fits at the caret of a query: a word, a label, a value of a label, a duration; and of which series.

/**
 * @typedef {{kind: "word" | "label" | "group" | "value" | "duration", from: number, typed: string, selector: string, label: string}} Context
 * `from` is where the typed text begins; `selector` has the series that labels and values are of, "" for all.
 */

const GROUPS = /^(?:by|without|on|ignoring|group_left|group_right)$/;
const MATCHERS = /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"/g;

/** Open brackets and strings before the caret. @param {string} text @param {number} caret */
function opened(text, caret) {
  /** @type {{sign: string, at: number}[]} */
  const stack = [];
  let string = -1;
  for (let at = 0; at < caret; at += 1) {
    const sign = text[at];
    if (string >= 0) {
      if (sign === "\\" && text[string] !== "`") at += 1;
      else if (sign === text[string]) string = -1;
    } else if (sign === "#") {
      const end = text.indexOf("\n", at);
      if (end < 0 || end >= caret) return null;
      at = end;
    } else if (/["'`]/.test(sign)) string = at;
    else if (/[{([]/.test(sign)) stack.push({ sign, at });
    else if (/[})\]]/.test(sign)) stack.pop();
  }
  return { top: stack.pop() ?? { sign: "", at: -1 }, string };
}

/** The series that braces are about, but for the label that is being written. @param {string} text @param {number} brace @param {string} label */
function selectorOf(text, brace, label) {
  const metric = /[A-Za-z_:][\w:]*$/.exec(text.slice(0, brace).trimEnd())?.[0] ?? "";
  const end = text.indexOf("}", brace);
  const inside = text.slice(brace + 1, end < 0 ? text.length : end);
  const others = [...inside.matchAll(MATCHERS)].filter(([, name]) => name !== label).map(([whole]) => whole);
  return others.length ? `${metric}{${others.join(",")}}` : metric;
}

/** @param {string} text @param {number} caret @returns {Context | null} */
export function contextOf(text, caret) {
  const found = opened(text, caret);
  if (!found) return null;
  const { top, string } = found;
  const before = text.slice(0, caret);
  if (string >= 0) {
    const label = /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*$/.exec(text.slice(top.at + 1, string))?.[1];
    if (top.sign !== "{" || !label) return null;
    return { kind: "value", from: string + 1, typed: text.slice(string + 1, caret), selector: selectorOf(text, top.at, label), label };
  }
  const typed = /[A-Za-z_:][\w:]*$/.exec(before)?.[0] ?? "";
  const from = caret - typed.length;
  const here = { from, typed, label: "" };
  if (top.sign === "{") return /[{,]\s*$/.test(text.slice(0, from)) ? { ...here, kind: "label", selector: selectorOf(text, top.at, "") } : null;
  if (top.sign === "[") {
    const duration = /[0-9a-z]*$/.exec(before)?.[0] ?? "";
    return { ...here, kind: "duration", from: caret - duration.length, typed: duration, selector: "" };
  }
  const word = /(\w+)\s*$/.exec(text.slice(0, Math.max(top.at, 0)))?.[1] ?? "";
  if (top.sign === "(" && GROUPS.test(word)) return { ...here, kind: "group", selector: /([A-Za-z_:][\w:]*)\s*[{[]/.exec(text)?.[1] ?? "" };
  return /[\w.]/.test(text[from - 1] ?? "") ? null : { ...here, kind: "word", selector: "" };
}
