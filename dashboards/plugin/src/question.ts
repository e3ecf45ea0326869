// What a panel asks, as its JSON has it. The backend's panel.Query is the same, and refuses what is not
// here; testdata/queries.json has samples that both read in their tests.

export type QuestionType =
  | "residency"
  | "map"
  | "compare"
  | "shifts"
  | "overtakes"
  | "endpoints"
  | "new_endpoints"
  | "completeness"
  | "flows"
  | "annotations";

export type Dimension =
  | "vendor"
  | "vendor_method"
  | "place"
  | "country"
  | "cloud_region"
  | "asn"
  | "side"
  | "confidence"
  | "place_method"
  | "jurisdiction"
  | "verdict"
  | "operator"
  | "site";

export type AdHocOperator = "=" | "!=" | "=~" | "!~" | "=|" | "!=|";

/** One of Grafana's ad-hoc filters; its key is a dimension. */
export interface AdHoc {
  key: string;
  operator: AdHocOperator;
  value: string;
  /** Of the operators =| and !=|. */
  values?: string[];
}

/** Hours of the day, 0 to 24; from may be after to, over midnight. */
export interface Hours {
  from: number;
  to: number;
  /** IANA zone; absent: UTC. */
  location?: string;
}

/** "previous", an offset like "-7d" (m, h, d or w), or times in RFC 3339. */
export type Before = string | { from: string; to: string };

export type EventKind = "data_set" | "policy" | "outage";

/** A text that may also be the name of a template variable, until it is sent. */
type OrVariable<T extends string> = T | `$${string}`;

/** Filters: an absent or empty list means all, as does an entry "*" or "". */
export interface Lists {
  vendors?: string[];
  places?: string[];
  countries?: string[];
  cloudRegions?: string[];
  verdicts?: string[];
  jurisdictions?: string[];
  confidences?: string[];
  sides?: string[];
  exporters?: string[];
  operators?: string[];
  sites?: string[];
  /** In decimal. */
  asns?: string[];
  /** Prefixes or addresses. */
  networks?: string[];
}

export interface Question extends Lists {
  queryType?: QuestionType;
  filters?: AdHoc[];
  by?: Array<OrVariable<Dimension>>;
  shareOf?: Array<OrVariable<Dimension>>;
  metric?: OrVariable<"bytes" | "packets" | "flows" | "share" | "handsets" | "upload_ratio" | "silent_hours">;
  direction?: OrVariable<"up" | "down">;
  bucket?: OrVariable<"auto" | "minute" | "hour" | "day" | "week" | "total">;
  top?: number;
  intervals?: OrVariable<"hidden" | "band" | "none">;
  format?: OrVariable<"auto" | "time_series" | "table" | "number">;
  unit?: OrVariable<"address" | "network" | "asn" | "place" | "country">;
  eachVendor?: boolean;
  order?: OrVariable<"bytes_up" | "bytes_down" | "one_way" | "handsets" | "first_seen" | "newest" | "shift">;
  before?: Before;
  hours?: Hours;
  events?: EventKind[];
  live?: boolean;
  revision?: number;
}
