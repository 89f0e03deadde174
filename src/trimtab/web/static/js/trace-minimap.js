// The whole trace in one small picture: dragging on it chooses the time that is shown, a double click shows all again.

/** @typedef {import("./trace-model.js").TraceModel} TraceModel */

const HEIGHT = 64;
const DRAG_PX_MIN = 4;

export class TraceMinimap {
  /** @param {TraceModel} model @param {(from: number, to: number) => void} onWindow */
  constructor(model, onWindow) {
    this.model = model;
    this.element = document.createElement("div");
    this.element.className = "trace-map";
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "The whole trace: drag to choose the time that is shown");
    const shade = () => Object.assign(document.createElement("div"), { className: "shade" });
    this.before = shade();
    this.behind = shade();
    this.brush = Object.assign(document.createElement("div"), { className: "brush", hidden: true });
    this.element.append(this.canvas, this.before, this.behind, this.brush);
    this.element.addEventListener("pointerdown", (event) => this.#drag(event, onWindow));
    this.element.addEventListener("dblclick", () => onWindow(0, model.endMs));
  }

  /** @param {string[]} colours by the model's numbers, from 1 @param {string} bad */
  draw(colours, bad) {
    const { model, canvas } = this;
    const wide = this.element.clientWidth;
    const context = canvas.getContext("2d");
    if (!wide || !context) return;
    const scale = devicePixelRatio;
    canvas.width = Math.round(wide * scale);
    canvas.height = Math.round(HEIGHT * scale);
    const high = Math.min((canvas.height - 8 * scale) / Math.max(model.count, 1), 6 * scale);
    const thick = Math.min(Math.max(high, scale), 4 * scale);
    const all = Math.max(model.endMs, 1e-9);
    for (let place = 0; place < model.count; place += 1) {
      const span = model.order[place];
      const left = (model.starts[span] / all) * canvas.width;
      context.fillStyle = model.hasFailed(span) ? bad : colours[model.colour(span)];
      context.fillRect(left, 4 * scale + place * high, Math.max(((model.ends[span] - model.starts[span]) / all) * canvas.width, scale), thick);
    }
  }

  /** What is shown of it. @param {number} from @param {number} to */
  window(from, to) {
    const all = Math.max(this.model.endMs, 1e-9);
    this.before.style.left = "0";
    this.before.style.width = `${(from / all) * 100}%`;
    this.behind.style.left = `${(to / all) * 100}%`;
    this.behind.style.right = "0";
  }

  /** @param {PointerEvent} event @param {(from: number, to: number) => void} onWindow */
  #drag(event, onWindow) {
    if (event.button !== 0) return;
    const box = this.element.getBoundingClientRect();
    const at = (/** @type {PointerEvent} */ one) => Math.min(Math.max((one.clientX - box.left) / box.width, 0), 1);
    const begun = at(event);
    this.element.setPointerCapture(event.pointerId);
    const move = (/** @type {PointerEvent} */ one) => {
      const now = at(one);
      this.brush.hidden = Math.abs(now - begun) * box.width < DRAG_PX_MIN;
      this.brush.style.left = `${Math.min(begun, now) * 100}%`;
      this.brush.style.width = `${Math.abs(now - begun) * 100}%`;
    };
    const end = (/** @type {PointerEvent} */ one) => {
      this.element.removeEventListener("pointermove", move);
      this.brush.hidden = true;
      const now = at(one);
      if (one.type === "pointerup" && Math.abs(now - begun) * box.width >= DRAG_PX_MIN) {
        onWindow(Math.min(begun, now) * this.model.endMs, Math.max(begun, now) * this.model.endMs);
      }
    };
    this.element.addEventListener("pointermove", move);
    this.element.addEventListener("pointerup", end, { once: true });
    this.element.addEventListener("pointercancel", end, { once: true });
  }
}
