// Figures and times as text. Times are UTC everywhere, because weeks are. A unit is tied to its
// figure by a space that does not break.

const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** bytes gives three digits and a decimal unit: 1.23 TB. */
export function bytes(value: bigint): string {
  let n = Number(value);
  let unit = 0;
  while (n >= 999.5 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  if (unit === 0) {
    return `${n}\u00a0B`;
  }
  return `${n.toFixed(n < 9.995 ? 2 : n < 99.95 ? 1 : 0)}\u00a0${units[unit]}`;
}

const grouped = new Intl.NumberFormat("en-GB");

/** exact gives all digits: 1,234,567. */
export function exact(value: bigint): string {
  return grouped.format(value);
}

/** percent gives one decimal: 85.0 %. What is there but rounds to nothing shows as < 0.1 %. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) {
    return "<\u00a00.1\u00a0%";
  }
  return `${(share * 100).toFixed(1)}\u00a0%`;
}

/** share of a part; zero of nothing. */
export function share(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number(part) / Number(whole);
}

const dayMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const dayMonthYear = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});
const clock = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

export const shortDay = (time: number): string => dayMonth.format(time);
export const longDay = (time: number): string => dayMonthYear.format(time);
export const moment = (time: number): string => `${clock.format(time)} UTC`;

/** ago says how long a time lies back: 3 s ago, 5 min ago. */
export function ago(now: number, then: number): string {
  const seconds = Math.max(0, Math.round((now - then) / 1000));
  if (seconds < 2) {
    return "just now";
  }
  if (seconds < 120) {
    return `${seconds} s ago`;
  }
  if (seconds < 7200) {
    return `${Math.round(seconds / 60)} min ago`;
  }
  if (seconds < 172_800) {
    return `${Math.round(seconds / 3600)} h ago`;
  }
  return `${Math.round(seconds / 86_400)} days ago`;
}

/** vendorName says plainly what a key without a vendor means. */
export function vendorName(key: string): string {
  switch (key) {
    case "":
    case "unknown":
      return "Unknown vendor";
    case "randomised":
      return "Randomised MAC";
    case "other":
      return "Other vendors";
  }
  return key;
}

/** protocolName is the name of an export protocol as people write it. */
export function protocolName(key: string): string {
  const names: Record<string, string> = {
    netflow_v5: "NetFlow v5",
    netflow_v9: "NetFlow v9",
    ipfix: "IPFIX",
    sflow: "sFlow",
  };
  return names[key] ?? key;
}
