// What is told of one span: the part of the page that the server draws of it, fetched a moment after it was selected.
import { writeTimes } from "./prefs.js";
import { toast } from "./toast.js";

const AFTER_MS = 120;

let planned = 0;
let asking = new AbortController();

/** Show the span that the address names; only the last that was asked for counts. @param {string} path @param {() => void} onShown */
export function showDetail(path, onShown) {
  window.clearTimeout(planned);
  planned = window.setTimeout(() => void fetchDetail(path, onShown), AFTER_MS);
}

export function hideDetail() {
  window.clearTimeout(planned);
  asking.abort();
  const panel = document.getElementById("span");
  if (panel) panel.hidden = true;
}

/** @param {string} path @param {() => void} onShown */
async function fetchDetail(path, onShown) {
  const wanted = new URLSearchParams(location.search);
  wanted.set("fragment", "span");
  asking.abort();
  const mine = (asking = new AbortController());
  try {
    const answer = await fetch(`${path}?${wanted}`, { signal: mine.signal, headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(`trimtab answered ${answer.status}`);
    const made = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("span");
    if (!made || mine.signal.aborted) return;
    document.getElementById("span")?.replaceWith(made);
    writeTimes(made);
    onShown();
  } catch (error) {
    if (mine.signal.aborted) return;
    toast(`The span could not be shown: ${error instanceof Error && !(error instanceof TypeError) ? error.message : "trimtab does not answer"}`, "span");
  }
}
