// The help dialog: every key is one row of KEYS.

/** @type {[string, string][]} */
const KEYS = [
  ["/", "Search queries"],
  ["?", "This help"],
  ["Esc", "Close, or leave the search"],
  ["g o", "Go to the overview"],
  ["g q", "Go to queries"],
  ["g n", "Go to anomalies, patterns and forecasts"],
  ["g e", "Go to the Explorer of metrics"],
  ["g d", "Go to dashboards"],
  ["g i", "Go to hosts, containers and clouds"],
  ["g r", "Go to traces"],
  ["g g", "Go to logs"],
  ["g b", "Go to objectives and their budgets"],
  ["g y", "Go to data quality, pipelines and cost"],
  ["g c", "Go to cases"],
  ["g h", "Go to changes"],
  ["g l", "Go to the ledger"],
  ["g s", "Go to settings"],
  ["g t", "Go to trimtab itself"],
  ["t", "Time range"],
  ["z", "Zoom out"],
  ["p", "Pause or follow"],
  ["j  k", "Next or previous row"],
  ["Enter", "Open the row"],
  ["← →", "Cross-hair, on a focused chart"],
  ["+ -", "Zoom, on a focused chart"],
];

export function showHelp() {
  let dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("help"));
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "help";
    dialog.setAttribute("aria-labelledby", "help-title");
    dialog.innerHTML =
      '<div class="dialog-head"><h2 id="help-title">Keys</h2><form method="dialog"><button class="button">Close</button></form></div><div class="dialog-body"><dl class="keys"></dl></div>';
    const list = dialog.querySelector("dl");
    for (const [keys, what] of KEYS) {
      const row = document.createElement("div");
      const name = document.createElement("dt");
      name.textContent = what;
      const value = document.createElement("dd");
      for (const key of keys.split(/\s+/)) {
        const shown = document.createElement("kbd");
        shown.textContent = key;
        value.append(shown, " ");
      }
      row.append(name, value);
      list?.append(row);
    }
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog?.close();
    });
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
}
