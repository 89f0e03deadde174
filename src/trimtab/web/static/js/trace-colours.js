// Colours of the theme for canvases: they are asked of an element that the style sheet colours.

const COLOURS = 7;

/** @typedef {{own: string[], text: string, line: string, bad: string}} Colours `own` by the numbers of services, from 1. */

export function makeProbe() {
  const probe = document.createElement("span");
  probe.className = "trace-probe";
  for (let index = 1; index <= COLOURS; index += 1) probe.append(Object.assign(document.createElement("i"), { className: `dot n${index}` }));
  return probe;
}

/** As the theme has them now. @param {HTMLElement} probe @returns {Colours} */
export function coloursOf(probe) {
  const named = (/** @type {string} */ name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const own = ["", ...[...probe.children].map((one) => getComputedStyle(one).backgroundColor)];
  return { own, text: named("--text"), line: named("--line-strong"), bad: named("--bad") };
}
