// What this visitor prefers: theme and zone. Kept in a cookie (so that the server draws the right page at once) and in localStorage.
import { agoText, clockText, momentText } from "./format.js";

const THEMES = ["system", "dark", "light"];
const root = document.documentElement;
const YEAR_S = 31_536_000;

/** @param {string} name @param {string} value */
function keep(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `trimtab_${name}=${value}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax${secure}`;
  try {
    localStorage.setItem(`trimtab_${name}`, value);
  } catch {
    // storage may be forbidden; the cookie serves
  }
}

/** @param {string} name @returns {string | null} */
function kept(name) {
  try {
    return localStorage.getItem(`trimtab_${name}`);
  } catch {
    return null;
  }
}

/** @returns {"utc" | "local"} */
export function zone() {
  return root.dataset.tz === "local" ? "local" : "utc";
}

/** @param {string} theme */
function setTheme(theme) {
  root.dataset.theme = theme;
  const meta = document.querySelector('meta[name="color-scheme"]');
  meta?.setAttribute("content", theme === "system" ? "light dark" : theme);
  for (const button of document.querySelectorAll('[data-action="theme"]')) {
    button.setAttribute("aria-label", `Theme: ${theme}. Switch`);
    button.setAttribute("title", `Theme: ${theme}`);
  }
  document.body.dispatchEvent(new CustomEvent("tt:theme", { detail: { theme } }));
}

/** @param {"utc" | "local"} tz */
function setZone(tz) {
  root.dataset.tz = tz;
  for (const button of document.querySelectorAll('[data-action="tz"]')) {
    button.setAttribute("aria-label", `Time zone: ${tz}. Switch`);
    const text = button.querySelector("[data-tz-text]");
    if (text) text.textContent = tz === "utc" ? "UTC" : "Local";
  }
  const url = new URL(location.href);
  if (url.searchParams.has("tz") && url.searchParams.get("tz") !== tz) {
    url.searchParams.set("tz", tz);
    history.replaceState(history.state, "", url);
  }
  writeTimes(document);
  document.body.dispatchEvent(new CustomEvent("tt:zone", { detail: { tz } }));
}

/** Write moments in the chosen zone and ages as of now. @param {ParentNode} within */
export function writeTimes(within) {
  const now = Date.now();
  for (const element of within.querySelectorAll("time[data-ms]")) {
    const time = /** @type {HTMLElement} */ (element);
    const ms = Number(time.dataset.ms);
    const moment = momentText(ms, zone());
    if (time.classList.contains("ago")) {
      setText(time, agoText(ms, now));
      time.title = moment;
    } else if (time.classList.contains("clock")) {
      setText(time, clockText(ms, zone()));
      time.title = moment;
    } else if (time.classList.contains("stamp")) {
      setText(time, moment.slice(5, 19));
      time.title = moment;
    } else {
      setText(time, moment);
    }
  }
}

/** @param {HTMLElement} element @param {string} text */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function startPrefs() {
  const theme = kept("theme");
  if (theme && THEMES.includes(theme) && theme !== root.dataset.theme) {
    keep("theme", theme);
    setTheme(theme);
  }
  const tz = kept("tz");
  const asked = new URLSearchParams(location.search).get("tz");
  if (!asked && (tz === "utc" || tz === "local") && tz !== zone()) {
    keep("tz", tz);
    setZone(tz);
  } else {
    writeTimes(document);
  }
  document.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    const action = pressed instanceof HTMLElement ? pressed.dataset.action : "";
    if (action === "theme") {
      const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "system") + 1) % THEMES.length];
      keep("theme", next);
      setTheme(next);
    } else if (action === "tz") {
      const next = zone() === "utc" ? "local" : "utc";
      keep("tz", next);
      setZone(next);
    }
  });
  setInterval(() => {
    if (!document.hidden) writeTimes(document);
  }, 5000);
  document.addEventListener("htmx:after:swap", () => writeTimes(document));
}
