// The variables of a dashboard: a form that is sent when one was chosen, and goes with the range of the moment.

/** The range is in the address, and may have changed since the form was drawn. */
export function carryRange() {
  const form = document.getElementById("choices");
  if (!(form instanceof HTMLFormElement)) return;
  const there = new URLSearchParams(location.search);
  for (const name of ["from", "to", "tz"]) {
    form.querySelector(`input[name="${name}"]`)?.remove();
    const value = there.get(name);
    if (value) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
}

/** A variable was chosen. @param {Event} event */
function onChange(event) {
  const field = event.target;
  if (!(field instanceof HTMLElement) || !field.closest("#choices")) return;
  const many = field.closest(".dash-choice-many");
  if (many && field instanceof HTMLInputElement) {
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (many.querySelectorAll("input"));
    for (const box of boxes) if (field.checked && box !== field && (field.value === "$__all") !== (box.value === "$__all")) box.checked = false;
    many.toggleAttribute("data-changed", true);
    return;
  }
  field.closest("form")?.requestSubmit();
}

/** A list of several was closed: what was chosen counts. @param {Event} event */
function onToggle(event) {
  const many = event.target;
  if (many instanceof HTMLDetailsElement && !many.open && many.matches(".dash-choice-many[data-changed]")) many.closest("form")?.requestSubmit();
}

/** A press elsewhere closes the list. @param {Event} event */
function onPress(event) {
  for (const many of /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll(".dash-choice-many[open]"))) {
    if (!(event.target instanceof Node) || !many.contains(event.target)) many.open = false;
  }
}

document.addEventListener("change", onChange);
document.addEventListener("toggle", onToggle, true);
document.addEventListener("pointerdown", onPress);
document.addEventListener("keydown", (event) => event.key === "Escape" && onPress(event));
document.body.addEventListener("tt:range", carryRange);
carryRange();
