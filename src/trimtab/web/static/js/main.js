// What every page runs.
import "./tt-range.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startPrefs } from "./prefs.js";
import { startRange } from "./range.js";
import { startRegions } from "./regions.js";

startPrefs();
startRange();
startRegions();
startLive();
startKeys();

// On a small screen the rail and tabs are lines that scroll: show the one of this page, and fade where there is more. (scrollIntoView
// would also move where Tab begins.)
function showCurrent() {
  for (const line of document.querySelectorAll(".rail nav, .tabs ul")) {
    const here = line.querySelector("[aria-current]");
    if (!here || !(line instanceof HTMLElement) || line.dataset.more !== undefined) continue;
    const more = () => {
      const rest = line.scrollWidth - line.clientWidth - line.scrollLeft;
      line.dataset.more = [line.scrollLeft > 2 ? "left" : "", rest > 2 ? "right" : ""].filter(Boolean).join(" ");
    };
    line.dataset.more = "";
    line.addEventListener("scroll", more, { passive: true });
    window.addEventListener("resize", more);
    requestAnimationFrame(more);
    const [inner, outer] = [here.getBoundingClientRect(), line.getBoundingClientRect()];
    line.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
  }
}
showCurrent();
document.addEventListener("htmx:after:swap", showCurrent);
