import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, type ResidencyRow } from "../src/api";
import { mix } from "../src/colours";
import { countriesOf } from "../src/countries";
import { ago, bytes, exact, percent, share, vendorName } from "../src/format";
import { project, unproject } from "../src/projection";
import { greatestShift, sentenceOf, seriesOf, shiftOf } from "../src/shift";
import { readState, writeState } from "../src/state";
import { linesOf, sorted } from "../src/table";
import { statusOf } from "../src/totals";
import { chosenRange, iso, monday, parseWeek, week, weeksBetween } from "../src/weeks";

const first = Date.parse("2026-06-29T00:00:00Z");
const plain = (text: string) => text.replaceAll("\u00a0", " ");

function row(w: number, place: string, up: bigint, vendor = "Xiaomi"): ResidencyRow {
  const bucket = new Date(first + w * week).toISOString();
  const country = place.slice(0, 2);
  return {
    bucket,
    vendor,
    place,
    country,
    place_name: place,
    flows: 1n,
    bytes_up: up,
    bytes_down: 2n * up,
    share_up: 0,
  };
}

test("bytes have three digits and a decimal unit", () => {
  const cases: [bigint, string][] = [
    [0n, "0 B"],
    [999n, "999 B"],
    [1000n, "1.00 kB"],
    [999_499n, "999 kB"],
    [999_500n, "1.00 MB"],
    [12_345_678n, "12.3 MB"],
    [9_999_999n, "10.0 MB"],
    [18_446_744_073_709_551_615n, "18.4 EB"],
  ];
  for (const [value, text] of cases) {
    assert.equal(plain(bytes(value)), text);
  }
  assert.equal(exact(18_446_744_073_709_551_615n), "18,446,744,073,709,551,615");
});

test("a share that rounds to nothing is not shown as nothing", () => {
  assert.equal(plain(percent(0)), "0.0 %");
  assert.equal(plain(percent(0.0004)), "< 0.1 %");
  assert.equal(plain(percent(0.85)), "85.0 %");
  assert.equal(share(1n, 0n), 0);
});

test("times say how long ago", () => {
  assert.deepEqual(
    [1, 45, 600, 8000, 200_000].map((s) => ago(s * 1000, 0)),
    ["just now", "45 s ago", "10 min ago", "2 h ago", "2 days ago"],
  );
});

test("counts keep all digits where the browser gives the source", () => {
  const got = parse<{ bytes_up: bigint; share_up: number; flows: bigint }>('{"bytes_up":7,"share_up":0.5,"flows":3}');
  assert.deepEqual(got, { bytes_up: 7n, share_up: 0.5, flows: 3n });
});

test("weeks begin on Monday, before 1970 too", () => {
  assert.equal(monday(first), first);
  assert.equal(monday(first + week - 1), first);
  assert.equal(iso(monday(Date.parse("1969-12-31T12:00:00Z"))), "1969-12-29");
  assert.equal(weeksBetween(first, first + 2 * week).length, 3);
  assert.equal(weeksBetween(0, first).length, 520); // a clock that was wrong is no reason for 2,900 weeks
  assert.equal(parseWeek("2026-07-02"), first);
  for (const bad of [null, "", "2026-7-2", "2026-13-40", "yesterday"]) {
    assert.equal(parseWeek(bad), undefined);
  }
});

test("a range stays within the known weeks", () => {
  const known = weeksBetween(first, first + 40 * week);
  const last = first + 40 * week;
  assert.deepEqual(chosenRange(known, undefined, undefined), { from: last - 25 * week, to: last });
  assert.deepEqual(chosenRange(known, 0, first + week), { from: first, to: first + week });
  assert.deepEqual(chosenRange(known, last, first), { from: first, to: last });
  assert.equal(chosenRange([], undefined, undefined), undefined);
});

test("the state of a link is read back as written", () => {
  for (const link of ["", "?vendor=A%26B&from=2026-06-29&to=2026-07-06&measure=bytes&direction=down&rows=vendor"]) {
    assert.equal(writeState(readState(link)), link);
  }
  assert.equal(writeState(readState("?measure=x&from=nonsense&rows=1")), "");
});

test("the shift is from the first week to the last one that is over", () => {
  const rows = [
    row(0, "CN-BJ", 850n),
    row(0, "US-OR", 150n),
    row(1, "CN-BJ", 100n),
    row(1, "US-OR", 900n),
    row(2, "SG", 5n),
  ];
  const shift = shiftOf(seriesOf(rows, "up"), first + 2 * week + 1);
  assert.ok(shift);
  assert.equal(shift.last, first + week);
  assert.equal(shift.partial, false);
  assert.ok(Math.abs(shift.moved - 0.75) < 1e-9);
  const s = sentenceOf("Xiaomi", shift, "up");
  assert.deepEqual(
    s.parts.map((p) => [p.place, p.before, p.after]),
    [
      ["US-OR", 0.15, 0.9],
      ["CN-BJ", 0.85, 0.1],
    ],
  );
  assert.equal(plain(s.verdict), "75.0 % changed place");
  assert.equal(s.rest, "of bytes up, between the weeks of 29 Jun and 6 Jul 2026.");
});

test("a single week is said to be one", () => {
  const shift = shiftOf(seriesOf([row(0, "SG", 5n)], "up"), first + 1);
  assert.ok(shift?.partial);
  assert.equal(sentenceOf("X", shift, "up").verdict, "one week seen so far");
  assert.equal(shiftOf([], first), undefined);
  assert.equal(shiftOf(seriesOf([row(0, "SG", 0n)], "up"), first), undefined);
});

test("places come by bytes, what is no place last", () => {
  const rows = [row(0, "unknown", 9n), row(0, "other", 8n), row(0, "SG", 1n), row(0, "US-OR", 2n)];
  assert.deepEqual(
    seriesOf(rows, "up").map((s) => s.place),
    ["US-OR", "SG", "other", "unknown"],
  );
});

test("the greatest shift wins, if enough weeks were seen", () => {
  const rows = [
    ...[row(0, "SG", 9n, "A"), row(1, "SG", 8n, "A"), row(1, "HK", 2n, "A")],
    ...[row(0, "SG", 9n, "B"), row(1, "HK", 9n, "B")],
    ...[row(0, "SG", 9n, "other"), row(1, "HK", 9n, "other")],
  ];
  assert.equal(greatestShift(rows, first + 3 * week), "B");
  assert.equal(greatestShift(rows, first + week), undefined);
});

test("shares of the table are of the vendor, and lines sort by any column", () => {
  const lines = linesOf([row(0, "SG", 3n, "B"), row(0, "US", 1n, "B"), row(0, "DE", 2n, "A")], "up");
  assert.deepEqual(
    lines.map((l) => l.share),
    [0.75, 0.25, 1],
  );
  const by = (column: Parameters<typeof sorted>[1], descending: boolean) =>
    sorted(lines, column, descending).map((l) => l.place);
  assert.deepEqual(by("bytes", true), ["SG", "DE", "US"]);
  assert.deepEqual(by("bytes", false), ["US", "DE", "SG"]);
  assert.deepEqual(by("vendor", false), ["DE", "SG", "US"]);
  assert.deepEqual(by("place", false), ["DE", "SG", "US"]);
});

test("countries add up their places", () => {
  const [china, singapore] = countriesOf([row(0, "CN-SH", 1n), row(0, "CN-BJ", 5n), row(0, "SG", 2n)], "up");
  assert.deepEqual([china?.code, china?.bytes, china?.share, china?.places[0]?.place], ["CN", 6n, 0.75, "CN-BJ"]);
  assert.equal(singapore?.bytes, 2n);
});

test("the projection has an inverse", () => {
  for (const point of [
    [0, 0],
    [116.4, 39.9],
    [-122.7, 45.5],
    [103.8, 1.3],
    [-180, -85],
  ] as [number, number][]) {
    const back = unproject(project(point));
    assert.ok(Math.hypot(back[0] - point[0], back[1] - point[1]) < 1e-6, `${point} came back as ${back}`);
  }
});

test("the status is honest", () => {
  const totals = { bytes_up: 0n, bytes_down: 0n, exporters: [], now: "2026-07-01T00:01:00Z" };
  assert.equal(statusOf({ ...totals, flows: 0n }), "empty");
  assert.equal(statusOf({ ...totals, flows: 1n, last_received: "2026-07-01T00:00:50Z" }), "live");
  assert.equal(statusOf({ ...totals, flows: 1n, last_received: "2026-07-01T00:00:10Z" }), "idle");
});

test("vendors without a name say so, and colours mix", () => {
  assert.deepEqual(
    [vendorName("unknown"), vendorName("randomised"), vendorName("Apple")],
    ["Unknown vendor", "Randomised MAC", "Apple"],
  );
  assert.equal(mix("#000000", "#ffffff", 0.5), "#808080");
});
