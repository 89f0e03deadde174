// Units of dashboards: with prefixes of thousands or of 1024, with so many decimals, and words for yes and no.
import { digitsOf, units, valueText } from "./format.js";

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = /** @type {[number, string][]} */ ([[1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]]);

/** @param {number} value @param {number | null} decimals */
function placed(value, decimals) {
  return decimals === null || Math.abs(value) >= 1e21 ? digitsOf(value) : value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** A value in a unit with prefixes: "si:" has thousands, "iec:" 1024; "#2" is how many decimals. @param {number} value @param {string} unit */
function prefixed(value, unit) {
  const [written, places] = unit.split("#");
  const decimals = places ? Number(places) : null;
  const [form, name] = written.includes(":") ? written.split(/:(.*)/s) : ["", written];
  const size = Math.abs(value);
  if (form === "iec") {
    const power = size ? Math.min(Math.max(Math.floor(Math.log(size / 0.9995) / Math.log(1024)), 0), 6) : 0;
    return `${placed(value / 1024 ** power, decimals)} ${BINARY[power]}${name}`;
  }
  if (form === "si") {
    const [factor, prefix] = DECIMAL.find(([one]) => size >= one * 0.9995) ?? [1, ""];
    return size ? `${placed(value / factor, decimals)} ${prefix}${name}` : `0 ${name}`;
  }
  if (form === "bool") return name.split("/")[value ? 0 : 1] ?? "";
  if (decimals === null || written === "s" || written === "ms") return valueText(value, written);
  if (written === "bytes" || written === "bytes/s") return prefixed(value, `iec:${written.replace("bytes", "B")}#${places}`);
  if (written === "ratio") return `${placed(value * 100, decimals)} %`;
  if (size >= 9999.5) return valueText(value, written);
  return written ? `${placed(value, decimals)} ${written}` : placed(value, decimals);
}

units.by = prefixed;
