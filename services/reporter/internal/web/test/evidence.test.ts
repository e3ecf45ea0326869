import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResidencyRow } from "../src/api";
import { confidenceText, unsure, verdictText } from "../src/evidence";

const row = (verdict: string, confidence: string, up: bigint, down = 0n): ResidencyRow => ({
  verdict,
  confidence,
  flows: 1n,
  bytes_up: up,
  bytes_down: down,
  share_up: 0,
});

const plain = (s: string) => s.replaceAll("\u00a0", " ");

test("shares by verdict and confidence, the unsure ones too", () => {
  const rows = [
    row("restricted", "published", 600n),
    row("allowed", "disputed", 100n, 5n),
    row("indeterminate", "disputed", 200n),
    row("indeterminate", "indeterminate", 100n),
  ];
  assert.equal(plain(verdictText(rows, "up")), "Verdicts: allowed 10.0 %, restricted 60.0 %, indeterminate 30.0 %.");
  assert.equal(
    plain(confidenceText(rows, "up")),
    "Places: 60.0 % published by the provider, 30.0 % disputed between tables, 10.0 % not known (anycast, satellite or no data).",
  );
  assert.equal(plain(verdictText(rows, "down")), "Verdicts: allowed 100.0 %.");
  assert.equal(unsure(rows, "up"), true);
  assert.equal(unsure([row("allowed", "published", 95n), row("allowed", "disputed", 5n)], "up"), false);
});

test("without a policy, and without anything", () => {
  assert.equal(verdictText([row("none", "single", 3n)], "up"), "No verdicts: no policy was in force.");
  assert.equal(
    plain(verdictText([row("none", "single", 1n), row("domestic", "single", 3n)], "up")),
    "Verdicts: domestic 75.0 %, no policy in force 25.0 %.",
  );
  assert.equal(verdictText([], "up"), "");
  assert.equal(confidenceText([row("none", "single", 0n)], "up"), "");
  assert.equal(unsure([], "up"), false);
});
