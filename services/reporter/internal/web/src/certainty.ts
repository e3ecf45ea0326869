// How sure a figure is: its interval, and how much of what was sent was counted.
import type { BucketInfo, Completeness, Interval, SilentExporter } from "./api";
import { bytes, longDay, moment, percent } from "./format";

/** Beyond this half width an estimate is told by its two ends, and not by one ±. */
const wide = 0.5;

/**
 * within is what stands beside an estimate: "± 4 %" with both ends inside, or the two ends of a wide
 * interval. It is empty for what was counted in full.
 */
export function within(value: bigint, i: Interval | undefined): string {
  if (!i || i.low === i.high) {
    return "";
  }
  const v = Number(value);
  const half = v > 0 ? Math.max(i.high - v, v - i.low) / v : Number.POSITIVE_INFINITY;
  if (half > wide) {
    return ends(i);
  }
  const points = half * 100;
  const text = points < 0.095 ? "0.1" : points < 0.95 ? points.toFixed(1) : String(Math.ceil(points - 0.05));
  return `±\u00a0${text}\u00a0%`;
}

/** ends are both ends of an interval of bytes; empty for what was counted in full. */
export function ends(i: Interval | undefined): string {
  if (!i || i.low === i.high) {
    return "";
  }
  const [low, high] = [size(i.low), size(i.high)];
  const [number, unit] = low.split("\u00a0");
  return i.low <= 0 ? `<\u00a0${high}` : `${high.endsWith(`\u00a0${unit}`) ? number : low}–${high}`;
}

/** shareEnds are both ends of an interval of a share. */
export function shareEnds(i: Interval | undefined): string {
  if (!i || i.high - i.low < 1e-9) {
    return "";
  }
  const digits = i.high - i.low < 0.002 ? 2 : 1;
  const text = (s: number) => (s * 100).toFixed(digits);
  return `${text(i.low)}–${text(i.high)}\u00a0%`;
}

const size = (n: number): string => bytes(BigInt(Math.round(Math.max(0, n))));

/** counted is a share of what was sent; it does not round up to all of it. */
export function counted(share: number): string {
  return share < 1 && share >= 0.9995 ? ">\u00a099.9\u00a0%" : percent(share);
}

export interface Sum extends Completeness {
  silent: SilentExporter[]; // the longest silent first
  unknown: number; // buckets of which nothing is in the ledger
}

/** sumOf adds up buckets; the share is unknown where the ledger has nothing. */
export function sumOf(buckets: BucketInfo[]): Sum {
  const silent = new Map<string, SilentExporter>();
  const sum: Sum = {
    share_counted: null,
    counted_flows: 0,
    sent_flows: 0,
    estimated: false,
    exporters_expected: 0,
    exporters_heard: 0,
    exporters_silent: 0,
    silent: [],
    unknown: 0,
  };
  for (const { completeness: c } of buckets) {
    if (c.share_counted === null) {
      sum.unknown++;
    }
    sum.counted_flows += c.counted_flows;
    sum.sent_flows += c.sent_flows;
    sum.estimated ||= c.estimated ?? false;
    sum.exporters_expected = Math.max(sum.exporters_expected, c.exporters_expected);
    sum.exporters_heard = Math.max(sum.exporters_heard, c.exporters_heard);
    sum.exporters_silent = Math.max(sum.exporters_silent, c.exporters_silent);
    for (const s of c.silent ?? []) {
      const key = [s.operator, s.site, s.exporter].join("\n");
      const known = silent.get(key);
      silent.set(key, known ? { ...known, hours: known.hours + s.hours, since: earlier(known.since, s.since) } : s);
    }
  }
  sum.silent = [...silent.values()].sort((a, b) => b.hours - a.hours);
  sum.exporters_silent = Math.max(sum.exporters_silent, sum.silent.length);
  if (sum.sent_flows > 0) {
    sum.share_counted = sum.counted_flows / sum.sent_flows;
  }
  return sum;
}

const earlier = (a: string, b: string): string => (Date.parse(a) <= Date.parse(b) ? a : b);

/** Exporters that are named; the rest is a number. */
const named = 3;

/** completenessText says how much of what the exporters sent was counted. */
export function completenessText(buckets: BucketInfo[]): string {
  const sum = sumOf(buckets);
  if (sum.share_counted === null) {
    return "Completeness unknown: nothing is in the ledger of these weeks.";
  }
  const n = Math.max(sum.exporters_expected, sum.exporters_heard);
  const parts = [
    `Counted ${sum.estimated ? "about " : ""}${counted(sum.share_counted)} of the flows that ${n} ${n === 1 ? "exporter says it" : "exporters say they"} sent.`,
  ];
  if (sum.silent.length > 0) {
    const list = sum.silent.slice(0, named).map((s) => `${s.exporter} (${s.hours}\u00a0h)`);
    const more = sum.exporters_silent - list.length;
    parts.push(`Silent: ${list.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`);
  }
  if (sum.unknown > 0) {
    parts.push(`Unknown for ${sum.unknown} of these weeks: nothing is in the ledger.`);
  }
  return parts.join(" ");
}

/** silentText says when the exporters were silent first. */
export function silentText(buckets: BucketInfo[]): string {
  return sumOf(buckets)
    .silent.map((s) => `${s.exporter}: silent for ${s.hours} h, the first from ${moment(Date.parse(s.since))}`)
    .join("\n");
}

/** changesText says which figures are not those that were first shown; empty if all are. */
export function changesText(buckets: BucketInfo[]): string {
  const parts: string[] = [];
  const revised = buckets.filter((b) => b.revision > 0);
  const highest = Math.max(0, ...revised.map((b) => b.revision));
  if (highest > 0) {
    parts.push(`Corrected: ${weeks(revised)} in revision ${highest}.`);
  }
  const late = buckets.filter((b) => b.late && b.last_change);
  const last = Math.max(...late.map((b) => Date.parse(b.last_change ?? "")));
  if (late.length > 0) {
    parts.push(`Changed after it was over: ${weeks(late)}, last on ${moment(last)}.`);
  }
  return parts.join(" ");
}

function weeks(buckets: BucketInfo[]): string {
  const first = buckets[0]?.bucket;
  return buckets.length === 1 && first ? `the week of ${longDay(Date.parse(first))}` : `${buckets.length} weeks`;
}

/** Of which less than this was counted, a week is marked in the chart. */
const enough = 0.99;

/** doubtful tells whether figures are known not to be whole. */
export function doubtful(b: BucketInfo | undefined): boolean {
  const c = b?.completeness;
  return c !== undefined && (c.exporters_silent > 0 || (c.share_counted !== null && c.share_counted < enough));
}
