import { bucketsOf, fieldTypes, formatsOf, lists, metricsOf, ordersOf } from "./catalogue";
import type { AdHoc, Lists, Question, QuestionType } from "./question";

export function typeOf(query: Question): QuestionType {
  return query.queryType ?? "residency";
}

/** Whether a field is one for the type. */
export function isFor(field: keyof typeof fieldTypes, type: QuestionType): boolean {
  return fieldTypes[field].includes(type);
}

/**
 * Turns a query into one of another type: without the fields and the choices that are not for that type,
 * which the backend would refuse.
 */
export function asType<Q extends Question>(query: Q, type: QuestionType): Q {
  const out: Q = { ...query, queryType: type };
  for (const field of Object.keys(fieldTypes) as Array<keyof typeof fieldTypes>) {
    if (!isFor(field, type)) {
      delete out[field];
    }
  }
  for (const [field, choices] of [
    ["metric", metricsOf(type)],
    ["bucket", bucketsOf(type)],
    ["order", ordersOf(type)],
    ["format", formatsOf(type)],
  ] as const) {
    const value = out[field];
    if (value && !value.includes("$") && !choices.some((choice) => choice.value === value)) {
      delete out[field];
    }
  }
  if (type === "overtakes" && out.by?.length !== 1) {
    out.by = [out.by?.[0] ?? "place"];
  }
  return out;
}

const variable = /\$|\[\[/;
const offset = /^-[1-9][0-9]{0,4}[mhdw]$/;
const whole = (n: number | undefined, least: number, most: number) =>
  n === undefined || (Number.isInteger(n) && n >= least && n <= most);

/** Faults that the backend would refuse, by field, in words. */
export function faultsOf(query: Question): Partial<Record<keyof Question, string>> {
  const faults: Partial<Record<keyof Question, string>> = {};
  const type = typeOf(query);
  for (const list of lists) {
    const fault = (query[list.value] ?? []).map((entry) => faultOfEntry(list.value, entry)).find(Boolean);
    if (fault) {
      faults[list.value] = fault;
    }
  }
  if (type === "overtakes" && query.by?.length !== 1) {
    faults.by = "Choose the one thing whose values overtake each other, e.g. Place.";
  }
  if (query.shareOf?.some((dimension) => !query.by?.includes(dimension))) {
    faults.shareOf = "Choose from what the answer is broken down by.";
  }
  if (!whole(query.top, 0, 10_000)) {
    faults.top = "A whole number from 1 to 10000; empty for the default.";
  }
  if (!whole(query.revision, 0, 65_535)) {
    faults.revision = "A whole number from 0 to 65535; empty for the newest.";
  }
  const { hours, before } = query;
  if (hours && (!whole(hours.from, 0, 24) || !whole(hours.to, 0, 24) || hours.from === hours.to)) {
    faults.hours = "Two different whole hours from 0 to 24, e.g. 22 and 6 for nights.";
  }
  if (typeof before === "string" && before !== "previous" && before && !variable.test(before) && !offset.test(before)) {
    faults.before = "A number of minutes, hours, days or weeks, e.g. -7d.";
  }
  if (typeof before === "object" && !(Date.parse(before.from) < Date.parse(before.to))) {
    faults.before = "Two times, the earlier one first, e.g. 2026-03-02T00:00:00Z.";
  }
  const unfinished = (query.filters ?? []).map(faultOfFilter).find(Boolean);
  if (unfinished) {
    faults.filters = unfinished;
  }
  return faults;
}

/** A filter that the editor has not been told all of yet. */
export function faultOfFilter(filter: AdHoc): string | undefined {
  if (!filter.key) {
    return "Choose what the condition is about.";
  }
  const many = filter.operator.endsWith("|");
  if (!filter.value && !(many && filter.values?.length)) {
    return "The condition has no value yet.";
  }
  return undefined;
}

function faultOfEntry(list: keyof Lists, entry: string): string | undefined {
  if (variable.test(entry) || entry === "*" || entry === "") {
    return undefined;
  }
  if (list === "asns" && entry !== "unknown" && !/^(AS)?[0-9]{1,10}$/.test(entry)) {
    return `"${entry}" is not the number of a network, such as 64500.`;
  }
  if (list === "networks" && !isNetwork(entry)) {
    return `"${entry}" is neither an address nor a prefix, such as 198.51.100.0/24.`;
  }
  return undefined;
}

// The backend knows for certain; this finds names, words and numbers out of range.
function isNetwork(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const v6 = address.includes(":");
  const width = v6 ? 128 : 32;
  const parts = address.split(".");
  const right = v6
    ? /^[0-9a-fA-F:.]+$/.test(address)
    : parts.length === 4 && parts.every((part) => /^[0-9]{1,3}$/.test(part) && Number(part) <= 255);
  return right && rest.length === 0 && (bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= width));
}
