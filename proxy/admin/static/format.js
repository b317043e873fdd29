// Numbers, money, times as people read them.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
export const NONE = "–";

const absent = (value) => value === null || value === undefined || Number.isNaN(value);

export function number(value) {
  if (absent(value)) return NONE;
  return Math.abs(value) >= 10000 ? short.format(value) : plain.format(value);
}

export function count(value) {
  return absent(value) ? NONE : new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(value);
}

export function percent(share, digits = 1) {
  return absent(share) ? NONE : `${(share * 100).toFixed(share === 0 || share === 1 ? 0 : digits)} %`;
}

export function millis(ms) {
  if (absent(ms)) return NONE;
  if (ms === 0) return "0";
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  return seconds(ms / 1000);
}

export function seconds(s) {
  if (absent(s)) return NONE;
  if (s < 1) return millis(s * 1000);
  if (s < 60) return `${s.toFixed(s < 10 ? 2 : 1)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.round(s / 86400)} days`;
}

// Small amounts keep three significant digits: tokens cost fractions of a cent.
export function money(value, currency = "USD") {
  if (absent(value)) return NONE;
  const size = Math.abs(value);
  const digits = size === 0 || size >= 1 ? 2 : Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(size))));
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency, minimumFractionDigits: 2, maximumFractionDigits: digits }).format(value).replace("-", "\u2212");
  } catch {
    return `${value.toFixed(digits)} ${currency}`;
  }
}

export function bytes(value) {
  if (absent(value)) return NONE;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayOnly = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

export function time(iso) {
  const at = new Date(iso);
  return new Date().toDateString() === at.toDateString() ? clock.format(at) : dayAndClock.format(at);
}

export const day = (iso) => dayOnly.format(new Date(`${iso}T00:00:00Z`));
export const target = (provider, model) => [provider, model].filter(Boolean).join("/") || NONE;
