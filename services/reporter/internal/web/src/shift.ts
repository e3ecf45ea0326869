// How a vendor's places changed between two weeks, and the sentence that says it.
import type { Interval, ResidencyRow } from "./api";
import { longDay, percent, share, shortDay } from "./format";
import { week } from "./weeks";

export type Direction = "up" | "down";

export const bytesOf = (row: ResidencyRow, direction: Direction): bigint =>
  direction === "up" ? row.bytes_up : row.bytes_down;

export const intervalOf = (row: ResidencyRow, direction: Direction): Interval | undefined =>
  direction === "up" ? row.bytes_up_interval : row.bytes_down_interval;

export interface Series {
  place: string;
  name: string;
  bytes: Map<number, bigint>; // by week
  intervals: Map<number, Interval>; // of the bytes, by week
  shares: Map<number, Interval>; // of the share, by week; bytes up only
  total: bigint;
}

/** seriesOf gathers rows by place, most bytes first; the keys that are no places come last. */
export function seriesOf(rows: ResidencyRow[], direction: Direction): Series[] {
  const all = new Map<string, Series>();
  for (const row of rows) {
    const place = row.place ?? "unknown";
    let s = all.get(place);
    if (!s) {
      s = {
        place,
        name: row.place_name ?? place,
        bytes: new Map(),
        intervals: new Map(),
        shares: new Map(),
        total: 0n,
      };
      all.set(place, s);
    }
    const w = Date.parse(row.bucket ?? "");
    const b = bytesOf(row, direction);
    s.bytes.set(w, (s.bytes.get(w) ?? 0n) + b);
    s.total += b;
    const interval = intervalOf(row, direction);
    if (interval) {
      s.intervals.set(w, interval);
    }
    if (direction === "up" && row.share_up_interval) {
      s.shares.set(w, row.share_up_interval);
    }
  }
  const rank = (s: Series) => (s.place === "other" ? 1 : s.place === "unknown" ? 2 : 0);
  return [...all.values()].sort((a, b) => rank(a) - rank(b) || (b.total > a.total ? 1 : b.total < a.total ? -1 : 0));
}

/** totalsOf adds up the places of each week. */
export function totalsOf(series: Series[]): Map<number, bigint> {
  const sums = new Map<number, bigint>();
  for (const s of series) {
    for (const [w, b] of s.bytes) {
      sums.set(w, (sums.get(w) ?? 0n) + b);
    }
  }
  return sums;
}

export interface Change {
  place: string;
  name: string;
  before: number;
  after: number;
  /** The most that either share may be off by, with 95 % confidence; 0 where nothing was sampled. */
  off: number;
}

export interface Shift {
  first: number;
  last: number;
  partial: boolean; // the last week is not over
  moved: number; // share that changed place, 0 to 1
  changes: Change[]; // greatest first
}

/**
 * shiftOf compares the first week that has bytes with the last one. A week that is not over at
 * `now` counts only if there are no two that are.
 */
export function shiftOf(series: Series[], now: number): Shift | undefined {
  const sums = totalsOf(series);
  const filled = [...sums].filter(([, b]) => b > 0n).map(([w]) => w);
  filled.sort((a, b) => a - b);
  const over = filled.filter((w) => w + week <= now);
  const weeks = over.length >= 2 ? over : filled;
  const first = weeks[0];
  const last = weeks.at(-1);
  if (first === undefined || last === undefined) {
    return undefined;
  }
  const changes = series.map((s) => ({
    place: s.place,
    name: s.name,
    before: share(s.bytes.get(first) ?? 0n, sums.get(first) ?? 0n),
    after: share(s.bytes.get(last) ?? 0n, sums.get(last) ?? 0n),
    off: Math.max(offOf(s, first, sums), offOf(s, last, sums)),
  }));
  const moved = changes.reduce((sum, c) => sum + Math.abs(c.after - c.before), 0) / 2;
  changes.sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before) || b.after - a.after);
  return { first, last, partial: last + week > now, moved, changes };
}

function offOf(s: Series, w: number, sums: Map<number, bigint>): number {
  const i = s.shares.get(w);
  const value = share(s.bytes.get(w) ?? 0n, sums.get(w) ?? 0n);
  return i ? Math.max(i.high - value, value - i.low, 0) : 0;
}

export interface Sentence {
  subject: string;
  verdict: string;
  parts: Change[];
  rest: string;
}

const shown = 4;

/** sentenceOf says a shift in words. Places under one percent in both weeks are left to the table. */
export function sentenceOf(vendor: string, shift: Shift, direction: Direction): Sentence {
  const parts = shift.changes.filter((c) => c.before >= 0.01 || c.after >= 0.01).slice(0, shown);
  const what = direction === "up" ? "bytes up" : "bytes down";
  if (shift.first === shift.last) {
    parts.sort((a, b) => b.after - a.after);
    return {
      subject: vendor,
      verdict: "one week seen so far",
      parts,
      rest: `of ${what} in the week of ${longDay(shift.first)}${shift.partial ? ", which is not over" : ""}.`,
    };
  }
  const sameYear = new Date(shift.first).getUTCFullYear() === new Date(shift.last).getUTCFullYear();
  const from = sameYear ? shortDay(shift.first) : longDay(shift.first);
  return {
    subject: vendor,
    verdict:
      shift.moved >= 0.1 ? `${percent(shift.moved)} changed place` : shift.moved >= 0.02 ? "small shift" : "steady",
    parts,
    rest: `of ${what}, between the weeks of ${from} and ${longDay(shift.last)}${shift.partial ? " (not over)" : ""}.`,
  };
}

/** Weeks in which a vendor must be seen before its shift means anything. */
const leastWeeks = 2;

/** greatestShift names the vendor whose places changed most; undefined if too few weeks are seen. */
export function greatestShift(rows: ResidencyRow[], now: number): string | undefined {
  const byVendor = new Map<string, ResidencyRow[]>();
  for (const row of rows) {
    const list = byVendor.get(row.vendor ?? "") ?? [];
    list.push(row);
    byVendor.set(row.vendor ?? "", list);
  }
  let best: { vendor: string; moved: number } | undefined;
  for (const [vendor, list] of byVendor) {
    const weeks = new Set(list.map((r) => Date.parse(r.bucket ?? "")).filter((w) => w + week <= now));
    const shift = shiftOf(seriesOf(list, "up"), now);
    if (vendor !== "other" && weeks.size >= leastWeeks && shift && (!best || shift.moved > best.moved)) {
      best = { vendor, moved: shift.moved };
    }
  }
  return best?.vendor;
}
