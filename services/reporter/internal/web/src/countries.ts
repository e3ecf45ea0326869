// A vendor's bytes by country.
import type { ResidencyRow } from "./api";
import { share } from "./format";
import { bytesOf, type Direction } from "./shift";

export interface Country {
  code: string;
  name: string;
  bytes: bigint;
  share: number;
  places: { place: string; name: string; bytes: bigint }[]; // most bytes first
}

/** countriesOf gathers rows by country, most bytes first. */
export function countriesOf(rows: ResidencyRow[], direction: Direction): Country[] {
  const all = new Map<string, Country>();
  let sum = 0n;
  for (const row of rows) {
    const code = row.country ?? "unknown";
    let c = all.get(code);
    if (!c) {
      c = { code, name: row.country_name ?? code, bytes: 0n, share: 0, places: [] };
      all.set(code, c);
    }
    const b = bytesOf(row, direction);
    c.bytes += b;
    sum += b;
    c.places.push({ place: row.place ?? "unknown", name: row.place_name ?? row.place ?? "", bytes: b });
  }
  const most = (a: { bytes: bigint }, b: { bytes: bigint }) => (b.bytes > a.bytes ? 1 : b.bytes < a.bytes ? -1 : 0);
  const list = [...all.values()].filter((c) => c.bytes > 0n).sort(most);
  for (const c of list) {
    c.share = share(c.bytes, sum);
    c.places.sort(most);
  }
  return list;
}
