import { readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, test } from "vitest";

import { fieldTypes, types } from "./catalogue";
import type { Question } from "./question";
import { asType, faultsOf } from "./rules";
import type { ResidencyQuery } from "./types";

const text = readFileSync("testdata/queries.json", "utf8");
const samples = JSON.parse(text) as ResidencyQuery[];

describe("the samples that the backend decodes", () => {
  // Written as a literal, so that a field that there is not, or a choice that there is not, does not compile.
  test("are of the type Question", { timeout: 60_000 }, () => {
    const faults = faultsOfLiterals([
      text,
      '[{"refId": "A", "vendor": ["Xiaomi"]}]',
      '[{"refId": "A", "metric": "bites"}]',
    ]);
    expect(faults).toEqual([expect.stringContaining('"vendor"'), expect.stringContaining('"bites"')]);
  });

  test.each(samples)("$refId: its type has its fields, and the editor has no fault to find", (query) => {
    const type = query.queryType ?? "residency";
    expect(asType(query, type)).toEqual(query);
    expect(faultsOf(query)).toEqual({});
  });

  test("are of every type", () => {
    expect(new Set(samples.map((query) => query.queryType))).toEqual(new Set(types.map(({ value }) => value)));
  });
});

// The table stands a second time in Go.
test("each field is for the types that the backend has it for", () => {
  const source = readFileSync("pkg/panel/fields.go", "utf8");
  const names = [...source.matchAll(/^\t\{"(\w+)", /gm)].map((match) => match[1]);
  const choices = ["metric", "direction", "bucket", "intervals", "format", "unit", "order"];
  expect([...new Set(names)].filter((name) => !choices.includes(name ?? "")).sort()).toEqual(
    Object.keys(fieldTypes)
      .filter((name) => !choices.includes(name))
      .sort(),
  );
});

describe("another type", () => {
  const whole: ResidencyQuery = {
    refId: "A",
    queryType: "residency",
    vendors: ["Xiaomi"],
    sites: ["north"],
    by: ["vendor", "place"],
    bucket: "total",
    metric: "share",
    intervals: "band",
    format: "time_series",
  };

  test("drops what is not for it", () => {
    expect(asType(whole, "completeness")).toEqual({
      refId: "A",
      queryType: "completeness",
      sites: ["north"],
      bucket: "total",
      metric: "share",
      format: "time_series",
    });
    expect(asType(whole, "flows")).toEqual({ refId: "A", queryType: "flows", vendors: ["Xiaomi"], sites: ["north"] });
  });

  test("keeps one dimension for overtakes", () => {
    expect(asType(whole, "overtakes")).toMatchObject({ by: ["vendor"] });
    expect(asType({ refId: "A" } as ResidencyQuery, "overtakes")).toMatchObject({ by: ["place"] });
    expect(asType(whole, "overtakes").bucket).toBeUndefined();
  });
});

test.each<[keyof Question, Question]>([
  ["by", { queryType: "overtakes", by: [] }],
  ["shareOf", { by: ["place"], shareOf: ["vendor"] }],
  ["top", { top: -1 }],
  ["top", { top: 1.5 }],
  ["revision", { revision: 70_000 }],
  ["hours", { hours: { from: 6, to: 6 } }],
  ["hours", { hours: { from: 0, to: 25 } }],
  ["before", { queryType: "compare", before: "7d" }],
  ["before", { queryType: "compare", before: { from: "2026-03-02T00:00:00Z", to: "2026-03-01T00:00:00Z" } }],
  ["asns", { asns: ["Hetzner"] }],
  ["networks", { queryType: "flows", networks: ["198.51.100.300"] }],
  ["networks", { queryType: "flows", networks: ["198.51.100.0/33"] }],
  ["filters", { filters: [{ key: "", operator: "=", value: "x" }] }],
  ["filters", { filters: [{ key: "place", operator: "=|", value: "" }] }],
])("a fault of %s is found in %j", (field, query) => {
  expect(Object.keys(faultsOf(query))).toEqual([field]);
});

test.each<Question>([
  { asns: ["AS64500", "unknown", "$asn"] },
  { queryType: "flows", networks: ["2001:db8::/32", "198.51.100.7", "${net}"] },
  { hours: { from: 22, to: 6 } },
  { queryType: "compare", before: "$period" },
])("no fault is found in %j", (query) => {
  expect(faultsOf(query)).toEqual({});
});

function faultsOfLiterals(literals: string[]): string[] {
  const name = `${process.cwd()}/src/samples.generated.ts`;
  const samples = literals.map((json, i) => `export const samples${i}: Array<Question & { refId: string }> = ${json};`);
  const source = `import type { Question } from "./question";\n${samples.join("\n")}`;
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    lib: ["lib.es5.d.ts"],
    types: [],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => file === name || fileExists(file);
  host.readFile = (file) => (file === name ? source : readFile(file));
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(file, source, ts.ScriptTarget.ES2021) : getSourceFile(file, ...rest);
  const program = ts.createProgram([name], options, host);
  return program
    .getSemanticDiagnostics(program.getSourceFile(name))
    .map((fault) => ts.flattenDiagnosticMessageText(fault.messageText, "\n"));
}
