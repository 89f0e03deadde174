// What every page runs.
import "./tt-range.js";
import "./tt-plan.js";
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

// On a small screen the rail is a line of links: show the one of this page. (scrollIntoView would also move where Tab begins.)
const here = document.querySelector(".rail [aria-current]");
const line = here?.closest("nav");
if (here && line) {
  const [inner, outer] = [here.getBoundingClientRect(), line.getBoundingClientRect()];
  const more = () => {
    const rest = line.scrollWidth - line.clientWidth - line.scrollLeft;
    line.dataset.more = [line.scrollLeft > 2 ? "left" : "", rest > 2 ? "right" : ""].filter(Boolean).join(" ");
  };
  line.addEventListener("scroll", more, { passive: true });
  window.addEventListener("resize", more);
  requestAnimationFrame(more);
  line.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
}
