// What is wrong with the layout of this page at this size; see layout.py. An expression: a function without parameters.
() => {
  const root = document.documentElement;
  /** @type {Set<string>} */
  const problems = new Set();
  const known = new Map();

  const words = (text, length) => (text ?? "").trim().replace(/\s+/g, " ").slice(0, length);

  function name(element) {
    const classes = String(element.className.baseVal ?? element.className).trim().replace(/\s+/g, ".");
    const id = element.id ? `#${element.id}` : "";
    return `<${element.tagName.toLowerCase()}${id}${classes ? "." + classes : ""}> "${words(element.textContent, 60)}"`;
  }

  function about(element) {
    if (!known.has(element)) {
      const style = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      known.set(element, {
        box,
        // shown to screen readers alone, in one pixel, or not at all
        isHidden: style.visibility !== "visible" || style.opacity === "0" || box.width <= 1 || element.matches(".skip, noscript"),
        isCutting: /hidden|clip|auto|scroll/.test(style.overflowX + style.overflowY),
        isRaised: /fixed|sticky/.test(style.position) || (style.position === "absolute" && style.zIndex !== "auto"),
        isCell: style.display === "table-cell" && /^T[DH]$/.test(element.tagName),
        left: box.left + parseFloat(style.paddingLeft) / 2,
        right: box.right - parseFloat(style.paddingRight) / 2,
      });
    }
    return known.get(element);
  }

  /** One line of a text as far as it can be seen, or null. */
  function visible(line, element) {
    const seen = { left: line.left, right: line.right, top: line.top, bottom: line.bottom };
    let cell = null;
    for (let up = element; up && up !== document.body; up = up.parentElement) {
      const { box, isHidden, isCutting, isRaised, isCell, left, right } = about(up);
      if (isHidden || isRaised) return null;
      if (isCell && !cell) {
        cell = up;
        const by = Math.round(Math.max(seen.right - right, left - seen.left));
        if (by > 1) problems.add(`something stands ${by} px too far out in its cell: ${name(up)}`);
      }
      if (!isCutting) continue;
      seen.left = Math.max(seen.left, box.left);
      seen.right = Math.min(seen.right, box.right);
      seen.top = Math.max(seen.top, box.top);
      seen.bottom = Math.min(seen.bottom, box.bottom);
    }
    return seen.right - seen.left < 2 || seen.bottom - seen.top < 4 ? null : seen;
  }

  function lines() {
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      const element = node.parentElement;
      if (!node.data.trim() || !element || element.closest("script, style, select") || !element.checkVisibility()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const badge = element.closest(".badge");
      for (const line of badge ? badge.getClientRects() : range.getClientRects()) {
        const seen = visible(line, element);
        if (seen) found.push({ ...seen, node });
      }
    }
    return found.sort((a, b) => a.top - b.top);
  }

  if (root.scrollWidth > innerWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter((one) => about(one).box.right > innerWidth + 1);
    problems.add(`the page is ${root.scrollWidth} px wide, the window ${innerWidth}: ${wide.slice(-3).map(name).join(", ")}`);
  }

  const all = lines();
  for (const [at, one] of all.entries()) {
    for (let next = at + 1; next < all.length && all[next].top < one.bottom - 5; next += 1) {
      const other = all[next];
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (other.node === one.node || across <= 2 || down <= 5) continue;
      problems.add(`"${words(one.node.data, 50)}" lies on "${words(other.node.data, 50)}" in ${name(other.node.parentElement)}`);
    }
  }

  for (const element of document.querySelectorAll("main *, header *")) {
    const style = getComputedStyle(element);
    const cuts = /hidden|clip/.test(style.overflowX) && style.textOverflow !== "ellipsis" && style.display !== "inline";
    if (!cuts || element.clientWidth <= 1 || element.scrollWidth <= element.clientWidth + 1) continue;
    if (about(element).isHidden || !element.checkVisibility() || element.closest("svg, .uplot") || !words(element.textContent, 1)) continue;
    problems.add(`cut off: ${name(element)} shows ${element.clientWidth} of ${element.scrollWidth} px`);
  }
  return [...problems].slice(0, 20);
}
