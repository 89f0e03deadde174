// Numbers, durations, sizes and moments as people read them: the same rules as format.py.

export const NOT_MEASURED = "–";

/** @param {number} value @param {number} [digits] significant digits; no trailing zeros */
export function digitsOf(value, digits = 3) {
  if (value === 0) return "0";
  if (Math.abs(value) >= 1e21) return `${+value.toPrecision(3)}`;
  const places = Math.min(Math.max(digits - 1 - Math.floor(Math.log10(Math.abs(value))), 0), 12);
  return value.toLocaleString("en-US", { maximumFractionDigits: places, minimumFractionDigits: 0 });
}

/** @param {number | null | undefined} value */
export function numberText(value, digits = 3) {
  if (value == null || !Number.isFinite(value)) return NOT_MEASURED;
  const size = Math.abs(value);
  if (size >= 9999.5 && size < 1e21) {
    for (const [factor, suffix] of /** @type {[number, string][]} */ ([[1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])) {
      if (size >= factor * 0.9995) return digitsOf(value / factor, digits) + suffix;
    }
  }
  return digitsOf(value, size < 1000 ? digits : 4);
}

/** @param {number | null | undefined} ms @returns {string} */
export function durationText(ms, digits = 3) {
  if (ms == null || !Number.isFinite(ms)) return NOT_MEASURED;
  if (ms < 0) return `-${durationText(-ms, digits)}`;
  if (ms === 0) return "0 ms";
  if (ms < 0.9995) return `${digitsOf(ms * 1000, digits)} µs`;
  if (ms < 999.5) return `${digitsOf(ms, digits)} ms`;
  if (ms < 59_950) return `${digitsOf(ms / 1000, digits)} s`;
  if (ms >= 1e15) return `${digitsOf(ms / 864e5)} d`;
  const seconds = Math.round(ms / 1000);
  for (const [big, name, small, rest] of /** @type {[number, string, number, string][]} */ ([[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]])) {
    if (seconds >= big) {
      const left = Math.floor((seconds % big) / small);
      return `${Math.floor(seconds / big)} ${name}${left ? ` ${left} ${rest}` : ""}`;
    }
  }
  return `${seconds} s`;
}

/** @param {number | null | undefined} size @returns {string} */
export function bytesText(size) {
  if (size == null || !Number.isFinite(size)) return NOT_MEASURED;
  if (size < 0) return `-${bytesText(-size)}`;
  for (const [power, unit] of /** @type {[number, string][]} */ ([[6, "EiB"], [5, "PiB"], [4, "TiB"], [3, "GiB"], [2, "MiB"], [1, "KiB"]])) {
    if (size >= 1024 ** power * 0.9995) return `${digitsOf(size / 1024 ** power)} ${unit}`;
  }
  return `${digitsOf(size)} B`;
}

/** A unit without what says how it is written: "si:B/s#1" is B/s. @param {string} unit */
export function plainUnit(unit) {
  return unit.split("#")[0].replace(/^(?:si|iec|bool):/, "");
}

/** How units with prefixes are written: format-units.js says it, where a page has such. @type {{by: ((value: number, unit: string) => string) | null}} */
export const units = { by: null };

/** A value with its unit. @param {number | null | undefined} value @param {string} unit @returns {string} */
export function valueText(value, unit) {
  if (value == null || !Number.isFinite(value)) return NOT_MEASURED;
  if (/^(?:si|iec|bool):|#/.test(unit) && units.by) return units.by(value, unit);
  if (unit === "date") return momentText(value, "utc");
  if (unit === "ago") return agoText(value, Date.now());
  if (unit === "ms") return durationText(value);
  if (unit === "s") return durationText(value * 1000);
  if (unit === "bytes" || unit === "B") return bytesText(value);
  if (unit === "bytes/s") return `${bytesText(value)}/s`;
  if (unit === "ratio" || unit === "share") return `${digitsOf(value * 100)} %`;
  const text = numberText(value);
  if (text === "1" && /^[a-z]{4,}s$/.test(unit)) return `1 ${unit.replace(/(?:ie)?s$/, (end) => (end === "ies" ? "y" : ""))}`; // one session
  return unit ? `${text} ${unit}` : text;
}

/** @param {number} value */
const two = (value) => String(value).padStart(2, "0");

/** A moment to the second, in UTC or in the browser's zone. @param {number} ms @param {"utc" | "local"} tz */
export function momentText(ms, tz) {
  const at = new Date(ms);
  if (tz === "utc") return `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const offset = -at.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${zone}`;
}

/** @param {number} ms @param {"utc" | "local"} tz */
export function clockText(ms, tz) {
  return momentText(ms, tz).slice(11, 19);
}

/** @param {number} ms @param {number} nowMs */
export function agoText(ms, nowMs) {
  const distance = nowMs - ms;
  const size = Math.abs(distance);
  if (size < 5000) return "just now";
  for (const [unit, name] of /** @type {[number, string][]} */ ([[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]])) {
    if (size >= unit) return distance > 0 ? `${Math.floor(size / unit)} ${name} ago` : `in ${Math.floor(size / unit)} ${name}`;
  }
  return "just now";
}
