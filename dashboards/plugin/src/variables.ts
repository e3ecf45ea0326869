import type { ScopedVars } from "@grafana/data";
import type { TemplateSrv } from "@grafana/runtime";

import type { AdHoc, Lists, Question } from "./question";
import { lists } from "./catalogue";

type Replacer = Pick<TemplateSrv, "replace">;

// Stands around the JSON list of a variable's values within a text. No value and no query has it.
const mark = "\u0000";

// Variables whose value stands for all; Grafana has it so, whatever the variable is called.
const everything = new Set(["", "*", "$__all"]);

/**
 * The texts that one stands for: a variable of several values makes as many texts, whole ones, whatever
 * commas or braces are in them.
 */
export function expand(text: string, templates: Replacer, scoped?: ScopedVars): string[] {
  if (!/\$|\[\[/.test(text)) {
    return [text];
  }
  const asList = (value: unknown) => {
    const values = Array.isArray(value) ? value : [value];
    return mark + JSON.stringify(values.length ? values.map(String) : [""]) + mark;
  };
  const parts = templates.replace(text, scoped, asList).split(mark);
  return parts.reduce<string[]>(
    (texts, part, i) => {
      const values = i % 2 ? (JSON.parse(part) as string[]) : [part];
      return texts.flatMap((start) => values.map((value) => start + value));
    },
    [""],
  );
}

/** A filter's entries; undefined if one of them stands for all. */
export function expandList(
  entries: string[] | undefined,
  templates: Replacer,
  scoped?: ScopedVars,
): string[] | undefined {
  const texts = (entries ?? []).flatMap((entry) => expand(entry, templates, scoped));
  if (texts.length === 0 || texts.some((text) => everything.has(text))) {
    return undefined;
  }
  return [...new Set(texts)];
}

/** All that narrows a question down, ready to send. */
export function expandFilters(
  query: Lists & { filters?: AdHoc[] },
  templates: Replacer,
  scoped?: ScopedVars,
): Lists & { filters?: AdHoc[] } {
  const out: Lists & { filters?: AdHoc[] } = {};
  for (const { value: name } of lists) {
    const entries = expandList(query[name], templates, scoped);
    if (entries) {
      out[name] = entries;
    }
  }
  const filters = (query.filters ?? []).flatMap((filter) => expandFilter(filter, templates, scoped));
  if (filters.length) {
    out.filters = filters;
  }
  return out;
}

function expandFilter(filter: AdHoc, templates: Replacer, scoped?: ScopedVars): AdHoc[] {
  const { key, operator, value } = filter;
  if (operator === "=~" || operator === "!~") {
    return [{ key, operator, value: templates.replace(value, scoped, "regex") }];
  }
  const values = expandList(filter.values?.length ? filter.values : [value], templates, scoped);
  if (!values) {
    return []; // it stands for all
  }
  const not = operator.startsWith("!");
  if (values.length === 1 && !operator.endsWith("|")) {
    return [{ key, operator, value: values[0] ?? "" }];
  }
  return [{ key, operator: not ? "!=|" : "=|", value: "", values }];
}

/** What a panel asks with the values of the template variables in place of their names. */
export function expandQuestion<Q extends Question>(query: Q, templates: Replacer, scoped?: ScopedVars): Q {
  const out: Q = { ...query };
  for (const { value: name } of lists) {
    delete out[name];
  }
  delete out.filters;
  Object.assign(out, expandFilters(query, templates, scoped));
  for (const name of ["by", "shareOf"] as const) {
    if (query[name]) {
      const texts = query[name].flatMap((entry) => expand(entry, templates, scoped));
      out[name] = [...new Set(texts.filter((text) => !everything.has(text)))] as Q[typeof name];
    }
  }
  for (const name of ["metric", "direction", "bucket", "intervals", "format", "unit", "order"] as const) {
    if (query[name]) {
      Object.assign(out, { [name]: templates.replace(query[name], scoped) });
    }
  }
  if (typeof query.before === "string") {
    out.before = templates.replace(query.before, scoped);
  } else if (query.before) {
    out.before = {
      from: templates.replace(query.before.from, scoped),
      to: templates.replace(query.before.to, scoped),
    };
  }
  if (query.hours?.location) {
    out.hours = { ...query.hours, location: templates.replace(query.hours.location, scoped) };
  }
  return out;
}
