// What the policy says of the bytes, and how sure the places are that it was asked about.
import type { ResidencyRow } from "./api";
import { percent } from "./format";

type Direction = "up" | "down";

/** How sure a place is, in words; the surest first. */
const confidences: [string, string][] = [
  ["published", "published by the provider"],
  ["agreed", "agreed by two tables"],
  ["single", "said by one table"],
  ["disputed", "disputed between tables"],
  ["indeterminate", "not known (anycast, satellite or no data)"],
];

const verdicts = ["domestic", "allowed", "restricted", "indeterminate", "none"];

/** sharesOf are the parts of the bytes by a word of the rows, of those that have any. */
function sharesOf(rows: ResidencyRow[], direction: Direction, word: (r: ResidencyRow) => string): Map<string, number> {
  const sums = new Map<string, bigint>();
  let all = 0n;
  for (const r of rows) {
    const n = direction === "up" ? r.bytes_up : r.bytes_down;
    sums.set(word(r), (sums.get(word(r)) ?? 0n) + n);
    all += n;
  }
  const out = new Map<string, number>();
  for (const [name, n] of sums) {
    if (n > 0n) {
      out.set(name, Number(n) / Number(all));
    }
  }
  return out;
}

/** verdictText says which part of the bytes has which verdict; empty where nothing was counted. */
export function verdictText(rows: ResidencyRow[], direction: Direction): string {
  const shares = sharesOf(rows, direction, (r) => r.verdict || "none");
  if (shares.size === 0) {
    return "";
  }
  if (shares.size === 1 && shares.has("none")) {
    return "No verdicts: no policy was in force.";
  }
  const parts = verdicts
    .filter((v) => shares.has(v))
    .map((v) => `${v === "none" ? "no policy in force" : v} ${percent(shares.get(v) ?? 0)}`);
  return `Verdicts: ${parts.join(", ")}.`;
}

/** confidenceText says which part of the bytes went to places that are how sure. */
export function confidenceText(rows: ResidencyRow[], direction: Direction): string {
  const shares = sharesOf(rows, direction, (r) => r.confidence || "indeterminate");
  const parts = confidences
    .filter(([name]) => shares.has(name))
    .map(([name, words]) => `${percent(shares.get(name) ?? 0)} ${words}`);
  return parts.length === 0 ? "" : `Places: ${parts.join(", ")}.`;
}

/** unsure tells whether a tenth of the bytes or more went to places that are disputed or not known. */
export function unsure(rows: ResidencyRow[], direction: Direction): boolean {
  const shares = sharesOf(rows, direction, (r) => r.confidence || "indeterminate");
  return (shares.get("disputed") ?? 0) + (shares.get("indeterminate") ?? 0) >= 0.1;
}
