import assert from "node:assert/strict";
import { test } from "node:test";
import type { BucketInfo, Completeness } from "../src/api";
import {
  changesText,
  completenessText,
  counted,
  doubtful,
  ends,
  shareEnds,
  silentText,
  within,
} from "../src/certainty";
import { sentenceOf, seriesOf, shiftOf } from "../src/shift";
import { week } from "../src/weeks";

const first = Date.parse("2026-06-29T00:00:00Z");
const plain = (text: string) => text.replaceAll("\u00a0", " ");

function bucket(w: number, c: Partial<Completeness>, more: Partial<BucketInfo> = {}): BucketInfo {
  return {
    bucket: new Date(first + w * week).toISOString(),
    revision: 0,
    completeness: {
      share_counted: 1,
      counted_flows: 1000,
      sent_flows: 1000,
      exporters_expected: 4,
      exporters_heard: 4,
      exporters_silent: 0,
      ...c,
    },
    ...more,
  };
}

test("an interval stands beside its figure, with both ends inside", () => {
  const cases: [bigint, number, number, string][] = [
    [1000n, 1000, 1000, ""],
    [1000n, 960, 1040, "± 4 %"],
    [1000n, 960, 1041, "± 5 %"],
    [100000n, 99600, 100400, "± 0.4 %"],
    [100000n, 99999, 100001, "± 0.1 %"],
    [1000n, 200, 4000, "200 B–4.00 kB"],
    [0n, 0, 1_200_000, "< 1.20 MB"],
  ];
  for (const [value, low, high, text] of cases) {
    assert.equal(plain(within(value, { low, high })), text);
  }
  assert.equal(within(5n, undefined), "");
  assert.equal(plain(ends({ low: 0, high: 5500 })), "< 5.50 kB");
  assert.equal(plain(ends({ low: 11.8e9, high: 12.9e9 })), "11.8–12.9 GB");
  assert.equal(plain(shareEnds({ low: 0.844, high: 0.856 })), "84.4–85.6 %");
  assert.equal(plain(shareEnds({ low: 0.8501, high: 0.8509 })), "85.01–85.09 %");
  assert.equal(shareEnds({ low: 0.5, high: 0.5 }), "");
});

test("what is not whole does not round to whole", () => {
  assert.equal(plain(counted(1)), "100.0 %");
  assert.equal(plain(counted(0.99996)), "> 99.9 %");
  assert.equal(plain(counted(0.987)), "98.7 %");
});

test("completeness says what is missing and what is not known", () => {
  const silent = [{ operator: "", site: "", exporter: "192.0.2.7", hours: 2, since: "2026-07-01T03:00:00Z" }];
  assert.equal(
    plain(completenessText([bucket(0, {}), bucket(1, { share_counted: 0.974, counted_flows: 974 })])),
    "Counted 98.7 % of the flows that 4 exporters say they sent.",
  );
  assert.equal(
    plain(completenessText([bucket(0, { exporters_silent: 1, silent }), bucket(1, { exporters_silent: 1, silent })])),
    "Counted 100.0 % of the flows that 4 exporters say they sent. Silent: 192.0.2.7 (4 h).",
  );
  assert.equal(silentText([bucket(0, { silent })]), "192.0.2.7: silent for 2 h, the first from 1 Jul 2026, 03:00 UTC");
  const unknown = bucket(0, { share_counted: null, counted_flows: 0, sent_flows: 0 });
  assert.match(completenessText([unknown]), /^Completeness unknown/);
  assert.match(completenessText([]), /^Completeness unknown/);
  assert.match(completenessText([unknown, bucket(1, {})]), /Unknown for 1 of these weeks/);
  assert.deepEqual(
    [bucket(0, { share_counted: 0.974 }), bucket(0, { exporters_silent: 2 }), bucket(0, {}), unknown, undefined].map(
      doubtful,
    ),
    [true, true, false, false, false],
  );
});

test("a week that changed is said", () => {
  assert.equal(changesText([bucket(0, {}, { last_change: "2026-07-20T00:00:00Z" })]), "");
  assert.equal(
    changesText([bucket(0, {}, { late: true, last_change: "2026-07-20T10:12:00Z", revision: 2 }), bucket(1, {})]),
    "Corrected: the week of 29 Jun 2026 in revision 2. Changed after it was over: the week of 29 Jun 2026, last on 20 Jul 2026, 10:12 UTC.",
  );
});

test("a shift knows how far its shares may be off", () => {
  const row = (w: number, place: string, up: bigint, low: number, high: number) => ({
    bucket: new Date(first + w * week).toISOString(),
    place,
    flows: 1n,
    bytes_up: up,
    bytes_down: up,
    share_up: 0,
    share_up_interval: { low, high },
  });
  const rows = [
    row(0, "CN-BJ", 80n, 0.79, 0.82),
    row(0, "SG", 20n, 0.18, 0.21),
    row(1, "CN-BJ", 10n, 0.1, 0.1),
    row(1, "SG", 90n, 0.9, 0.9),
  ];
  const shift = shiftOf(seriesOf(rows, "up"), first + 2 * week);
  assert.ok(shift);
  for (const part of sentenceOf("X", shift, "up").parts) {
    assert.ok(Math.abs(part.off - 0.02) < 1e-9, `${part.place} ${part.off}`);
  }
  assert.equal(shiftOf(seriesOf(rows, "down"), first + 2 * week)?.changes[0]?.off, 0);
});
