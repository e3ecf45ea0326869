import type { Dimension, Lists, Question, QuestionType } from "./question";

// What there is to ask, and in which words the editors offer it. Which field is for which type stands as in
// the backend's pkg/panel/fields.go.

export interface Choice<T = string> {
  value: T;
  label: string;
  description?: string;
}

export const types: Array<Choice<QuestionType>> = [
  {
    value: "residency",
    label: "Where traffic goes",
    description: "How much handsets send to which places, over time or in total.",
  },
  { value: "map", label: "Map of countries", description: "One figure for each country, for the Geomap panel." },
  {
    value: "compare",
    label: "Compare two periods",
    description: "The panel's time range against an earlier one, side by side.",
  },
  {
    value: "shifts",
    label: "Largest shifts",
    description: "What gained or lost most of the traffic's share since an earlier period.",
  },
  {
    value: "overtakes",
    label: "Overtakes",
    description: "Since when one place (or vendor, …) has received more than another, for good.",
  },
  { value: "endpoints", label: "Endpoints", description: "The remote ends that handsets were in contact with." },
  {
    value: "new_endpoints",
    label: "New endpoints",
    description: "Remote ends contacted for the first time within the time range; can be followed live.",
  },
  {
    value: "completeness",
    label: "Completeness",
    description: "What share of the flows that exporters sent has been counted, and who was silent.",
  },
  { value: "flows", label: "Single flows", description: "The flow records themselves, newest or largest first." },
  {
    value: "annotations",
    label: "Events",
    description: "When data sets and policies changed, and when exporters were silent.",
  },
];

const figures: QuestionType[] = ["residency", "map", "compare", "shifts", "overtakes"];
const remotes: QuestionType[] = ["endpoints", "new_endpoints", "flows"];
const traffic = [...figures, ...remotes];
const all = types.map((type) => type.value);

/** Which field is for which types. */
export const fieldTypes: Record<Exclude<keyof Question, "queryType">, QuestionType[]> = {
  vendors: traffic,
  places: traffic,
  countries: traffic,
  cloudRegions: traffic,
  verdicts: traffic,
  jurisdictions: traffic,
  confidences: traffic,
  sides: [...figures, "flows"],
  exporters: ["completeness", "flows", "annotations"],
  operators: all,
  sites: all,
  asns: traffic,
  networks: remotes,
  filters: traffic,
  by: ["residency", "compare", "shifts", "overtakes"],
  shareOf: ["residency", "compare", "shifts"],
  metric: ["residency", "map", "compare", "completeness"],
  direction: ["residency", "map", "compare"],
  bucket: ["residency", "completeness", "overtakes"],
  top: ["residency", "compare", "shifts", "endpoints", "new_endpoints", "flows"],
  intervals: ["residency"],
  format: all,
  unit: ["endpoints", "new_endpoints"],
  eachVendor: ["new_endpoints"],
  order: ["compare", "endpoints", "new_endpoints", "flows"],
  before: ["compare", "shifts"],
  hours: ["residency", "compare"],
  events: ["annotations"],
  live: ["new_endpoints"],
  revision: ["residency"],
};

export interface ListField extends Choice<keyof Lists> {
  /** Whose values are offered; none: free text only. */
  dimension?: Dimension | "exporter";
  placeholder: string;
}

export const lists: ListField[] = [
  {
    value: "vendors",
    label: "Vendors",
    dimension: "vendor",
    placeholder: "All vendors",
    description: "Makers of the handsets, e.g. Xiaomi.",
  },
  {
    value: "countries",
    label: "Countries",
    dimension: "country",
    placeholder: "All countries",
    description: "ISO 3166-1 codes of where the remote end is, e.g. DE.",
  },
  {
    value: "places",
    label: "Places",
    dimension: "place",
    placeholder: "All places",
    description: "ISO 3166 codes, with the subdivision where it is known, e.g. US-OR or SG.",
  },
  {
    value: "cloudRegions",
    label: "Cloud regions",
    dimension: "cloud_region",
    placeholder: "All, and none",
    description: 'Provider and region, e.g. "aws ap-southeast-1".',
  },
  {
    value: "asns",
    label: "Networks (AS)",
    dimension: "asn",
    placeholder: "All networks",
    description: "Numbers of the autonomous systems that the remote ends belong to, e.g. 64500.",
  },
  {
    value: "networks",
    label: "Addresses",
    placeholder: "All addresses",
    description: "Addresses or prefixes of remote ends, e.g. 198.51.100.0/24. Type one and press Enter.",
  },
  {
    value: "jurisdictions",
    label: "Jurisdictions",
    dimension: "jurisdiction",
    placeholder: "All jurisdictions",
    description: "Legal regimes of the places, by the policy in force.",
  },
  {
    value: "verdicts",
    label: "Verdicts",
    dimension: "verdict",
    placeholder: "All verdicts",
    description: "What the policy says of the place: allowed, restricted, …",
  },
  {
    value: "confidences",
    label: "Confidence",
    dimension: "confidence",
    placeholder: "Any confidence",
    description: "How sure the place is.",
  },
  {
    value: "sides",
    label: "Handset's side",
    dimension: "side",
    placeholder: "Any side",
    description: "Which end of the flow is the handset: source, destination, both or none.",
  },
  {
    value: "exporters",
    label: "Exporters",
    dimension: "exporter",
    placeholder: "All exporters",
    description: "IP addresses of the routers and probes that send flow records.",
  },
  {
    value: "operators",
    label: "Operators",
    dimension: "operator",
    placeholder: "All that the data source allows",
    description: "Whose networks the exporters stand in.",
  },
  {
    value: "sites",
    label: "Sites",
    dimension: "site",
    placeholder: "All that the data source allows",
    description: "Where the exporters stand.",
  },
];

export const dimensions: Array<Choice<Dimension>> = [
  { value: "vendor", label: "Vendor", description: "Maker of the handset." },
  { value: "place", label: "Place", description: "State or province if known, else the country." },
  { value: "country", label: "Country" },
  { value: "cloud_region", label: "Cloud region", description: "Provider and region." },
  { value: "asn", label: "Network (AS)", description: "Autonomous system of the remote end." },
  { value: "jurisdiction", label: "Jurisdiction", description: "Legal regime of the place." },
  { value: "verdict", label: "Verdict", description: "What the policy says of the place." },
  { value: "confidence", label: "Confidence", description: "How sure the place is." },
  { value: "place_method", label: "Place's evidence", description: "How the place was found." },
  { value: "vendor_method", label: "Vendor's evidence", description: "How the vendor was found." },
  { value: "side", label: "Handset's side", description: "Which end of the flow is the handset." },
  { value: "operator", label: "Operator" },
  { value: "site", label: "Site" },
];

export const directions: Choice[] = [
  { value: "up", label: "Up", description: "From the handset to the remote end." },
  { value: "down", label: "Down", description: "From the remote end to the handset." },
];

export const intervals: Choice[] = [
  {
    value: "hidden",
    label: "Kept, not drawn",
    description: "Fields lower and upper are there for tables and tooltips.",
  },
  { value: "band", label: "Band", description: "Drawn around each series." },
  { value: "none", label: "None", description: "Without the fields." },
];

export const units: Choice[] = [
  { value: "address", label: "Address" },
  { value: "network", label: "Network prefix" },
  { value: "asn", label: "Network (AS)" },
  { value: "place", label: "Place" },
  { value: "country", label: "Country" },
];

export const eventKinds: Choice[] = [
  { value: "data_set", label: "Data sets", description: "A geo or vendor data set was loaded in a new version." },
  { value: "policy", label: "Policies", description: "A residency policy came into force." },
  { value: "outage", label: "Silent exporters", description: "An exporter sent nothing for a while." },
];

const metrics: Choice[] = [
  { value: "bytes", label: "Bytes" },
  { value: "packets", label: "Packets" },
  { value: "flows", label: "Flows" },
  { value: "share", label: "Share of bytes" },
  { value: "handsets", label: "Handsets", description: "How many different ones." },
  { value: "upload_ratio", label: "Upload ratio", description: "Bytes up, of bytes up and down." },
];

const buckets: Choice[] = [
  { value: "auto", label: "Automatic", description: "The shortest that the panel has room for." },
  { value: "minute", label: "Minute" },
  { value: "hour", label: "Hour" },
  { value: "day", label: "Day", description: "UTC." },
  { value: "week", label: "Week", description: "From Monday, UTC." },
  { value: "total", label: "Total", description: "One figure for the whole time range." },
];

const endpointOrders: Choice[] = [
  { value: "bytes_up", label: "Bytes up" },
  { value: "bytes_down", label: "Bytes down" },
  { value: "one_way", label: "One way", description: "Most up and least down first." },
  { value: "handsets", label: "Handsets" },
  { value: "first_seen", label: "First seen", description: "Newest first." },
];

/** The choices of a field for a type; the first is what an absent field means. */
export function metricsOf(type: QuestionType): Choice[] {
  return type === "completeness"
    ? [
        { value: "share", label: "Share counted" },
        { value: "silent_hours", label: "Hours of silence" },
      ]
    : metrics;
}

export function bucketsOf(type: QuestionType): Choice[] {
  const without = { completeness: "minute", overtakes: "total" }[type as string];
  return buckets.filter((bucket) => bucket.value !== without);
}

export function ordersOf(type: QuestionType): Choice[] {
  switch (type) {
    case "compare":
      return [
        { value: "bytes_up", label: "Bytes up" },
        { value: "shift", label: "Shift of share", description: "What moved most first." },
      ];
    case "flows":
      return [
        { value: "newest", label: "Newest" },
        { value: "bytes_up", label: "Bytes up" },
        { value: "bytes_down", label: "Bytes down" },
      ];
    default:
      return endpointOrders;
  }
}

export function formatsOf(type: QuestionType): Choice[] {
  const series = type === "residency" || type === "completeness";
  return [
    { value: "auto", label: "Automatic", description: series ? "Time series; numbers for a total." : "A table." },
    { value: "time_series", label: "Time series" },
    { value: "table", label: "Table" },
    { value: "number", label: "Numbers", description: "For stat panels and alert rules." },
  ].filter(
    ({ value }) =>
      (value !== "time_series" || series) && (value !== "number" || (type !== "flows" && type !== "annotations")),
  );
}
