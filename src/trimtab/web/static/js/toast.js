// One short line at the foot of the page; for screen readers too.

/** @type {HTMLElement | null} */
let line = null;
let timer = 0;
let group = "";

/** Show a text for a while; an empty text takes away the one of the same `kind`. @param {string} text @param {string} [kind] */
export function toast(text, kind = "done") {
  if (!text && kind !== group) return;
  if (!line) {
    line = document.createElement("p");
    line.className = "toast";
    line.setAttribute("role", "status");
    document.body.append(line);
  }
  window.clearTimeout(timer);
  group = kind;
  line.textContent = text;
  line.hidden = !text;
  if (text && kind !== "fault") {
    timer = window.setTimeout(() => {
      if (line) line.hidden = true;
    }, 2500);
  }
}
