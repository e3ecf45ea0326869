import type { TimeRange } from "@grafana/data";
import { Button, InlineField, InlineFieldRow } from "@grafana/ui";
import React from "react";

import { dimensions } from "../catalogue";
import type { DataSource } from "../datasource";
import type { AdHoc, Lists } from "../question";
import { faultOfFilter } from "../rules";
import { ChoiceSelect, TextInput } from "./controls";
import { variableNames } from "./ListFields";
import { ValuesSelect } from "./ValuesSelect";

const operators = [
  { value: "=|", label: "is one of" },
  { value: "!=|", label: "is none of" },
  { value: "=~", label: "matches", description: "A regular expression (RE2) for the whole value." },
  { value: "!~", label: "does not match", description: "A regular expression (RE2) for the whole value." },
];

interface Props {
  value: AdHoc[];
  onChange: (value: AdHoc[]) => void;
  narrowedBy: Lists;
  source: DataSource;
  range?: TimeRange;
  idOf: (name: string) => string;
}

/** Conditions on any dimension: what is to be left out, and patterns. */
export function Conditions({ value, onChange, narrowedBy, source, range, idOf }: Props) {
  const set = (i: number, change: Partial<AdHoc>) =>
    onChange(value.map((filter, j) => (i === j ? { ...filter, ...change } : filter)));
  return (
    <>
      {value.map((filter, i) => {
        const name = `Condition ${i + 1}`;
        const pattern = filter.operator.endsWith("~");
        const chosen = filter.values?.length ? filter.values : filter.value ? [filter.value] : [];
        const fault = faultOfFilter(filter);
        return (
          <InlineFieldRow key={i}>
            <InlineField label={name} labelWidth={18} htmlFor={idOf(`condition-${i}`)}>
              <ChoiceSelect
                id={idOf(`condition-${i}`)}
                label={`${name}: what it is about`}
                choices={[{ value: "", label: "Choose…" }, ...dimensions]}
                value={filter.key}
                onChange={(key) => set(i, { key: key ?? "", value: "", values: undefined })}
              />
            </InlineField>
            <ChoiceSelect
              id={idOf(`condition-${i}-operator`)}
              label={`${name}: how it compares`}
              width={20}
              choices={operators}
              value={{ "=": "=|", "!=": "!=|" }[filter.operator as string] ?? filter.operator}
              onChange={(operator) => {
                const next = (operator ?? "=|") as AdHoc["operator"];
                const kind = next.endsWith("~");
                set(i, kind === pattern ? { operator: next } : { operator: next, value: "", values: undefined });
              }}
            />
            <InlineField invalid={Boolean(fault)} error={fault}>
              {pattern ? (
                <TextInput
                  id={idOf(`condition-${i}-value`)}
                  label={`${name}: pattern`}
                  placeholder="US-.*"
                  width={40}
                  value={filter.value}
                  onCommit={(text) => set(i, { value: text })}
                />
              ) : (
                <ValuesSelect
                  id={idOf(`condition-${i}-value`)}
                  label={`${name}: values`}
                  placeholder="Choose or type values"
                  value={chosen}
                  variables={variableNames()}
                  load={
                    filter.key
                      ? (search) => source.getValues({ dimension: filter.key as never, search, range, narrowedBy })
                      : undefined
                  }
                  onChange={(values) =>
                    set(i, {
                      operator: filter.operator.startsWith("!") ? "!=|" : "=|",
                      value: "",
                      values: values.length ? values : undefined,
                    })
                  }
                />
              )}
            </InlineField>
            <Button
              variant="secondary"
              icon="trash-alt"
              aria-label={`Remove condition ${i + 1}`}
              onClick={() => onChange(value.filter((_, j) => i !== j))}
            />
          </InlineFieldRow>
        );
      })}
      <Button
        variant="secondary"
        size="sm"
        icon="plus"
        onClick={() => onChange([...value, { key: "", operator: "=|", value: "" }])}
      >
        Add condition
      </Button>
    </>
  );
}
