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

// On a small screen the rail is a line of links: show the one of this page.
document.querySelector(".rail [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
