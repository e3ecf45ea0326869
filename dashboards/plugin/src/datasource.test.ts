import { type DataSourceInstanceSettings, type DataQueryRequest, dateTime, type TimeRange } from "@grafana/data";
import { lastValueFrom } from "rxjs";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { DataSource } from "./datasource";
import type { ResidencyVariableSupport } from "./variableSupport";
import { templates } from "./testing/templates";
import type { ResidencyQuery, Settings, VariableQuery } from "./types";

const range = { from: dateTime("2026-03-02T00:00:00Z"), to: dateTime("2026-03-09T00:00:00Z") } as TimeRange;
const times = { from: "2026-03-02T00:00:00.000Z", to: "2026-03-09T00:00:00.000Z" };
const post = vi.fn();
let source: DataSource;

beforeEach(() => {
  vi.resetAllMocks();
  const settings = { id: 1, uid: "u", name: "Landfall", type: "t", jsonData: {} };
  const srv = templates({ vendor: ["Apple", "a,b"], place: "*" });
  source = new DataSource(settings as DataSourceInstanceSettings<Settings>, srv);
  source.postResource = post;
  post.mockResolvedValue([{ value: "DE-HE", text: "Hesse, Germany" }]);
});

describe("a panel's query", () => {
  test("gets its variables' values and the dashboard's ad-hoc filters, without what is Grafana's own", () => {
    const adHoc = [
      { key: "place", operator: "=|", value: "DE", values: ["DE", "FR"], origin: "dashboard", condition: "" },
      { key: "vendor", operator: "!=", value: "Nokia", keyLabel: "Vendor" },
      { key: "vendor", operator: "=", value: "" },
    ];
    const query: ResidencyQuery = { refId: "A", vendors: ["$vendor"], places: ["$place"] };
    expect(source.applyTemplateVariables(query, {}, adHoc)).toEqual({
      refId: "A",
      queryType: "residency",
      vendors: ["Apple", "a,b"],
      filters: [
        { key: "place", operator: "=|", value: "", values: ["DE", "FR"] },
        { key: "vendor", operator: "!=", value: "Nokia" },
      ],
    });
    expect(source.applyTemplateVariables({ refId: "A", queryType: "completeness" }, {}, adHoc).filters).toBeUndefined();
  });

  test("gets ad-hoc filters from where Grafana 9 has them", () => {
    const srv = Object.assign(templates({}), {
      getAdhocFilters: (name: string) => [{ key: "country", operator: "=", value: name }],
    });
    const old = new DataSource({ id: 1, uid: "u", name: "L", jsonData: {} } as never, srv);
    expect(old.applyTemplateVariables({ refId: "A" }, {}).filters).toEqual([
      { key: "country", operator: "=", value: "L" },
    ]);
  });

  test("is held back while it is hidden or half filled in", () => {
    expect(source.filterQuery({ refId: "A" })).toBe(true);
    expect(source.filterQuery({ refId: "A", hide: true })).toBe(false);
    expect(source.filterQuery({ refId: "A", filters: [{ key: "", operator: "=|", value: "" }] })).toBe(false);
  });
});

describe("values", () => {
  test("of a dimension are narrowed down by the other filters, as its question takes them", async () => {
    const narrowedBy = { vendors: ["$vendor"], places: ["DE"], exporters: ["192.0.2.1"], networks: ["192.0.2.0/24"] };
    await source.getValues({ dimension: "place", search: "hes", range, narrowedBy });
    expect(post).toHaveBeenCalledWith("values", {
      dimension: "place",
      search: "hes",
      ...times,
      query: { queryType: "residency", vendors: ["Apple", "a,b"] },
    });
  });

  test("of a query variable", async () => {
    const target: VariableQuery = { refId: "v", queryType: "values", dimension: "place", sites: ["north"] };
    const answer = (source.variables as ResidencyVariableSupport).query({
      targets: [target],
      range,
      scopedVars: {},
    } as unknown as DataQueryRequest<never>);
    expect(await lastValueFrom(answer)).toEqual({ data: [{ value: "DE-HE", text: "Hesse, Germany" }] });
    expect(post).toHaveBeenCalledWith("values", {
      dimension: "place",
      ...times,
      query: { queryType: "residency", sites: ["north"] },
    });
  });

  test("of an ad-hoc filter: text and value are the same, for Grafana 9", async () => {
    expect(await source.getTagValues({ key: "place", filters: [], timeRange: range })).toEqual([
      { text: "DE-HE", value: "DE-HE" },
    ]);
  });
});

test("explain sends what would be asked", async () => {
  await source.explain({ refId: "A", places: ["$place"], by: ["vendor"] }, range, 1000);
  expect(post).toHaveBeenCalledWith("explain", {
    query: { refId: "A", queryType: "residency", by: ["vendor"] },
    ...times,
    intervalMs: 1000,
  });
});

test("an annotation asks for events", () => {
  const saved = { name: "Events", enable: true, iconColor: "red", target: { refId: "x", events: ["policy"] } };
  expect(source.annotations.prepareQuery?.(saved as never)).toEqual({
    refId: "x",
    events: ["policy"],
    queryType: "annotations",
  });
});
