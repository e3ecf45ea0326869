import type { ScopedVars } from "@grafana/data";
import type { TemplateSrv } from "@grafana/runtime";

type Format = (value: unknown) => string;

const reference = /\$(\w+)|\[\[(\w+)\]\]|\$\{(\w+)\}/g;

/** Stands for Grafana's own, with the part of its behaviour that the plugin builds on. */
export function templates(values: Record<string, string | string[]>): TemplateSrv {
  return {
    getVariables: () => Object.keys(values).map((name) => ({ name, type: "query" })),
    replace: (text = "", scoped?: ScopedVars, format?: string | Format) =>
      text.replace(reference, (whole, ...names: Array<string | undefined>) => {
        const name = names.slice(0, 3).find(Boolean) ?? "";
        const value = scoped?.[name]?.value ?? values[name];
        if (value === undefined) {
          return whole;
        }
        if (value === "*") {
          return value; // a custom value for All goes past the formats
        }
        return typeof format === "function"
          ? format(value)
          : Array.isArray(value)
            ? `{${value.join(",")}}`
            : String(value);
      }),
    containsTemplate: (text = "") => text.search(reference) >= 0,
    updateTimeRange: () => undefined,
  } as unknown as TemplateSrv;
}
