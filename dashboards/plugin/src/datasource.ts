import {
  type AdHocVariableFilter,
  type AnnotationQuery,
  type AnnotationSupport,
  type DataSourceGetTagValuesOptions,
  type DataSourceInstanceSettings,
  dateTime,
  type MetricFindValue,
  type ScopedVars,
  type TimeRange,
} from "@grafana/data";
import { DataSourceWithBackend, getTemplateSrv, type TemplateSrv } from "@grafana/runtime";

import { AnnotationQueryEditor } from "./components/AnnotationQueryEditor";
import { lists } from "./catalogue";
import type { AdHoc, Dimension, Lists } from "./question";
import { faultOfFilter, isFor, typeOf } from "./rules";
import type { Explanation, ResidencyQuery, Settings, Value, VariableQuery } from "./types";
import { expandFilters, expandQuestion } from "./variables";
import { ResidencyVariableSupport } from "./variableSupport";

const operators: Record<string, AdHoc["operator"]> = {
  "=": "=",
  "!=": "!=",
  "=~": "=~",
  "!~": "!~",
  "=|": "=|",
  "!=|": "!=|",
};

// Grafana 9 has ad-hoc filters here; later it hands them to applyTemplateVariables.
type WithAdHoc = TemplateSrv & { getAdhocFilters?: (source: string) => AdHocVariableFilter[] };

/** Whose values are asked for. */
export interface ValuesRequest {
  dimension: Dimension | "exporter";
  search?: string;
  range?: TimeRange;
  /** What narrows them down. */
  narrowedBy?: Lists & { filters?: AdHoc[] };
  scopedVars?: ScopedVars;
}

export class DataSource extends DataSourceWithBackend<ResidencyQuery, Settings> {
  annotations: AnnotationSupport<ResidencyQuery> = {
    getDefaultQuery: () => ({ queryType: "annotations" }),
    prepareAnnotation: (annotation: AnnotationQuery<ResidencyQuery>) => ({
      ...annotation,
      target: eventsQuery(annotation.target),
    }),
    prepareQuery: (annotation: AnnotationQuery<ResidencyQuery>) => eventsQuery(annotation.target),
    QueryEditor: AnnotationQueryEditor,
  };

  constructor(
    settings: DataSourceInstanceSettings<Settings>,
    private readonly templates: TemplateSrv = getTemplateSrv(),
  ) {
    super(settings);
    this.variables = new ResidencyVariableSupport(this);
  }

  getDefaultQuery(): Partial<ResidencyQuery> {
    return { queryType: "residency", by: ["place"] };
  }

  /** Only a query whose ad-hoc conditions are half filled in is held back; its editor says so. */
  filterQuery(query: ResidencyQuery): boolean {
    return !query.hide && !(query.filters ?? []).some(faultOfFilter);
  }

  applyTemplateVariables(
    query: ResidencyQuery,
    scopedVars: ScopedVars,
    filters: AdHocVariableFilter[] | undefined = (this.templates as WithAdHoc).getAdhocFilters?.(this.name),
  ): ResidencyQuery {
    const out = expandQuestion(query, this.templates, scopedVars);
    out.queryType = typeOf(query);
    const complete = (filters ?? []).map(asAdHoc).filter((filter) => !faultOfFilter(filter));
    if (complete.length && isFor("filters", out.queryType)) {
      out.filters = [...(out.filters ?? []), ...complete];
    }
    return out;
  }

  getDimensions(): Promise<Array<{ value: string; title: string }>> {
    return this.getResource("dimensions");
  }

  /** The values of a dimension that were seen in the time range, most traffic first. */
  getValues(request: ValuesRequest): Promise<Value[]> {
    const { dimension, search, scopedVars } = request;
    const range = request.range ?? lastWeek();
    const query = narrowing(dimension, expandFilters(request.narrowedBy ?? {}, this.templates, scopedVars));
    return this.postResource("values", {
      dimension: this.templates.replace(dimension, scopedVars),
      ...(search ? { search: this.templates.replace(search, scopedVars) } : {}),
      from: range.from.toISOString(),
      to: range.to.toISOString(),
      ...(query ? { query } : {}),
    });
  }

  /** How a query would be answered: from which rollup, by which SQL, and how long it took. */
  explain(query: ResidencyQuery, range: TimeRange = lastWeek(), intervalMs = 60_000): Promise<Explanation> {
    return this.postResource("explain", {
      query: this.applyTemplateVariables(query, {}),
      from: range.from.toISOString(),
      to: range.to.toISOString(),
      intervalMs,
    });
  }

  // The text is the value itself: Grafana 9 takes the text for the value.
  async getTagKeys(): Promise<MetricFindValue[]> {
    return (await this.getDimensions()).map(({ value }) => ({ text: value, value }));
  }

  async getTagValues(options: DataSourceGetTagValuesOptions<ResidencyQuery>): Promise<MetricFindValue[]> {
    const values = await this.getValues({
      dimension: options.key as Dimension,
      range: options.timeRange,
      narrowedBy: {
        filters: (options.filters ?? []).map(asAdHoc).filter((f) => f.key !== options.key && !faultOfFilter(f)),
      },
    });
    return values.map(({ value }) => ({ text: value, value }));
  }

  /** For Grafana's versions and callers that know no variable support. */
  async metricFindQuery(query: VariableQuery, options?: { range?: TimeRange; scopedVars?: ScopedVars }) {
    const { dimension, search, ...narrowedBy } = query;
    const values = await this.getValues({ dimension, search, narrowedBy, ...options });
    return values.map(({ value, text }): MetricFindValue => ({ text: text || value, value }));
  }
}

function eventsQuery(target?: ResidencyQuery): ResidencyQuery {
  return { refId: "Anno", ...target, queryType: "annotations" };
}

// An operator that the backend does not know (< and >) goes to it as it is, and the panel says so.
function asAdHoc({ key, operator, value, values }: AdHocVariableFilter): AdHoc {
  const known = operators[operator] ?? (operator as AdHoc["operator"]);
  return known.endsWith("|")
    ? { key, operator: known, value: "", values: values ?? [value] }
    : { key, operator: known, value };
}

// A filter that a question for values takes, without the one that they are to be chosen for.
function narrowing(dimension: string, by: Lists & { filters?: AdHoc[] }): Partial<ResidencyQuery> | undefined {
  const type = dimension === "exporter" ? "completeness" : "residency";
  const out: Partial<ResidencyQuery> = {};
  for (const { value: name, dimension: own } of lists) {
    if (by[name] && own !== dimension && isFor(name, type)) {
      out[name] = by[name];
    }
  }
  const filters = by.filters?.filter((filter) => filter.key !== dimension && !faultOfFilter(filter));
  if (filters?.length && isFor("filters", type)) {
    out.filters = filters;
  }
  return Object.keys(out).length ? { queryType: type, ...out } : undefined;
}

function lastWeek(): TimeRange {
  const to = dateTime();
  const from = dateTime(to).subtract(7, "days");
  return { from, to, raw: { from: "now-7d", to: "now" } };
}
