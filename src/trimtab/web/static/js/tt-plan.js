// <tt-plan>: a plan tree. It is plain HTML (nested <details>); this adds "open all", "only the costly path", and shows the same node of
// the plan beside it.

class TtPlan extends HTMLElement {
  connectedCallback() {
    if (this.querySelector(".plan-tools")) return;
    const tools = document.createElement("div");
    tools.className = "plan-tools row";
    for (const [label, act] of /** @type {[string, () => void][]} */ ([
      ["Open all", () => this.#openAll(true)],
      ["Costly path", () => this.#costly()],
      ["Close all", () => this.#openAll(false)],
    ])) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = label;
      button.addEventListener("click", act);
      tools.append(button);
    }
    this.prepend(tools);
    this.addEventListener("pointerover", (event) => this.#mark(event));
    this.addEventListener("pointerleave", () => this.#unmark());
  }

  /** @returns {HTMLDetailsElement[]} */
  get #nodes() {
    return [...this.querySelectorAll("details.plan-node")].filter((node) => node instanceof HTMLDetailsElement);
  }

  /** @param {boolean} open */
  #openAll(open) {
    for (const node of this.#nodes) node.open = open;
  }

  /** Open the nodes that take most, and all above them. */
  #costly() {
    this.#openAll(false);
    const most = Math.max(...this.#nodes.map((node) => Number(node.dataset.share ?? 0)));
    for (const node of this.#nodes) {
      if (Number(node.dataset.share ?? 0) < most * 0.5) continue;
      for (let up = /** @type {Element | null | undefined} */ (node); up && up !== this; up = up.parentElement?.closest("details")) {
        if (up instanceof HTMLDetailsElement) up.open = true;
      }
    }
  }

  /** Nodes of both plans that look at the same table belong together. @param {Event} event */
  #mark(event) {
    const node = event.target instanceof Element ? event.target.closest("summary") : null;
    const relation = node?.parentElement?.dataset.relation;
    this.#unmark();
    if (!relation) return;
    for (const other of this.#nodes) if (other.dataset.relation === relation) other.querySelector("summary")?.setAttribute("data-same", "");
  }

  #unmark() {
    for (const marked of this.querySelectorAll("[data-same]")) marked.removeAttribute("data-same");
  }
}

customElements.define("tt-plan", TtPlan);
