// The page of dashboards: a chosen file's text goes into the box, so that one form takes both.

/** @param {HTMLInputElement} input */
async function onFile(input) {
  const file = input.files?.[0];
  const said = input.parentElement?.querySelector(".field-hint");
  const box = document.getElementById("document");
  if (!file || !(box instanceof HTMLTextAreaElement) || !said) return;
  const limit = Number(input.dataset.bytesMax);
  if (file.size > limit) {
    said.textContent = `${file.name} has ${file.size.toLocaleString("en-US")} bytes; at most ${limit.toLocaleString("en-US")} are read.`;
    return;
  }
  box.value = await file.text();
  said.textContent = `${file.name}: ${file.size.toLocaleString("en-US")} bytes, ready to be opened.`;
}

const input = document.getElementById("file");
if (input instanceof HTMLInputElement) {
  const field = input.closest(".bring-file");
  if (field instanceof HTMLElement) field.hidden = false;
  input.addEventListener("change", () => void onFile(input));
}

export {};
