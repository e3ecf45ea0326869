// What the reader chose. It stands in the link, so that a view can be shared; what was not chosen
// stays open and follows the data.
import type { Direction } from "./shift";
import { iso, parseWeek } from "./weeks";

export type Measure = "share" | "bytes";

export interface State {
  vendor: string | undefined;
  from: number | undefined; // begin of a week
  to: number | undefined;
  measure: Measure;
  direction: Direction;
  rows: "all" | "vendor"; // of the table
}

export function readState(search: string): State {
  const q = new URLSearchParams(search);
  return {
    vendor: q.get("vendor") ?? undefined,
    from: parseWeek(q.get("from")),
    to: parseWeek(q.get("to")),
    measure: q.get("measure") === "bytes" ? "bytes" : "share",
    direction: q.get("direction") === "down" ? "down" : "up",
    rows: q.get("rows") === "vendor" ? "vendor" : "all",
  };
}

export function writeState(s: State): string {
  const q = new URLSearchParams();
  if (s.vendor !== undefined) {
    q.set("vendor", s.vendor);
  }
  if (s.from !== undefined) {
    q.set("from", iso(s.from));
  }
  if (s.to !== undefined) {
    q.set("to", iso(s.to));
  }
  if (s.measure === "bytes") {
    q.set("measure", "bytes");
  }
  if (s.direction === "down") {
    q.set("direction", "down");
  }
  if (s.rows === "vendor") {
    q.set("rows", "vendor");
  }
  const text = q.toString();
  return text === "" ? "" : `?${text}`;
}
