// The page of dashboards: a file that is too large is refused at its field, before it is sent.
import { bytesText } from "./format.js";

/** @param {HTMLInputElement} input @param {HTMLElement} said */
function onFile(input, said) {
  const file = input.files?.[0];
  const limit = Number(input.dataset.bytesMax);
  const trouble = file && file.size > limit ? `${file.name} has ${bytesText(file.size)}; at most ${bytesText(limit)} are read.` : "";
  input.setCustomValidity(trouble);
  input.setAttribute("aria-invalid", String(Boolean(trouble)));
  input.closest(".field")?.toggleAttribute("data-error", Boolean(trouble));
  said.textContent = trouble || (file ? `${bytesText(file.size)}, ready to be opened.` : `At most ${bytesText(limit)}.`);
}

const input = document.getElementById("file");
const said = document.getElementById("file-said");
if (input instanceof HTMLInputElement && said) {
  input.addEventListener("change", () => onFile(input, said));
  onFile(input, said); // one that was chosen before the script was there
}
