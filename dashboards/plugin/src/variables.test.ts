import { describe, expect, test } from "vitest";

import type { ResidencyQuery } from "./types";
import { templates } from "./testing/templates";
import { expand, expandList, expandQuestion } from "./variables";

const srv = templates({
  vendor: ["Xiaomi", 'Shenzhen "Tecno", Ltd. {a,b}'],
  place: "*",
  every: "$__all",
  everyOf: ["$__all"],
  none: [],
  site: "north",
  code: ["CA", "OR"],
  period: "week",
});

describe("lists", () => {
  test("each value of a variable is an entry, whole", () => {
    expect(expandList(["$vendor"], srv)).toEqual(["Xiaomi", 'Shenzhen "Tecno", Ltd. {a,b}']);
    expect(expandList(["${site}", "south", "north"], srv)).toEqual(["north", "south"]);
    expect(expand("US-$code", srv)).toEqual(["US-CA", "US-OR"]);
    expect(expand("$code/$code", srv)).toHaveLength(4);
  });

  test("what stands for all drops the filter", () => {
    for (const entry of ["*", "", "$place", "$every", "$everyOf", "$none"]) {
      expect(expandList([entry, "DE"], srv)).toBeUndefined();
    }
    expect(expandList([], srv)).toBeUndefined();
    expect(expandList(undefined, srv)).toBeUndefined();
  });

  test("a variable that nothing has put a value for stays, and the backend refuses it", () => {
    expect(expandList(["$nobody"], srv)).toEqual(["$nobody"]);
  });

  test("a repeated panel's own value comes first", () => {
    expect(expandList(["$vendor"], srv, { vendor: { value: "Apple", text: "Apple" } })).toEqual(["Apple"]);
  });
});

test("a question's fields", () => {
  const query: ResidencyQuery = {
    refId: "A",
    vendors: ["$vendor"],
    places: ["$place"],
    bucket: "$period",
    by: ["$site", "vendor"],
    before: "-7d",
    filters: [
      { key: "place", operator: "=", value: "$code" },
      { key: "vendor", operator: "!=", value: "$site" },
      { key: "country", operator: "=|", value: "", values: ["$place"] },
    ],
  };
  expect(expandQuestion(query, srv)).toEqual({
    refId: "A",
    vendors: ["Xiaomi", 'Shenzhen "Tecno", Ltd. {a,b}'],
    bucket: "week",
    by: ["north", "vendor"],
    before: "-7d",
    filters: [
      { key: "place", operator: "=|", value: "", values: ["CA", "OR"] },
      { key: "vendor", operator: "!=", value: "north" },
    ],
  });
  expect(query.vendors).toEqual(["$vendor"]);
});
