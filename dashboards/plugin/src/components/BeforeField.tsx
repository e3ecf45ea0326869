import type { TimeRange } from "@grafana/data";
import React from "react";

import type { Before } from "../question";
import { ChoiceSelect, Labelled, TextInput } from "./controls";

const periods = [
  { value: "previous", label: "Just before", description: "As long as the time range, and ending where it begins." },
  { value: "-1d", label: "A day earlier" },
  { value: "-7d", label: "A week earlier" },
  { value: "-28d", label: "Four weeks earlier" },
  { value: "offset", label: "Earlier by…", description: "A number of minutes, hours, days or weeks." },
  { value: "fixed", label: "Between two times…" },
];

interface Props {
  value?: Before;
  onChange: (value: Before | undefined) => void;
  range?: TimeRange;
  fault?: string;
  idOf: (name: string) => string;
}

/** The period that the time range is compared with. */
export function BeforeField({ value, onChange, range, fault, idOf }: Props) {
  const fixed = typeof value === "object" ? value : undefined;
  const text = typeof value === "string" ? value : "";
  const preset = periods.slice(0, 4).some((period) => period.value === text);
  const kind = fixed ? "fixed" : !text || preset ? text : "offset";
  const pick = (chosen: string | undefined) => {
    switch (chosen) {
      case "offset":
        return onChange("-14d");
      case "fixed":
        return onChange(justBefore(range));
      default:
        return onChange(chosen);
    }
  };
  return (
    <>
      <Labelled
        id={idOf("before")}
        label="Compare with"
        help="The earlier period. The later one is the panel's time range."
        fault={fault}
      >
        <ChoiceSelect id={idOf("before")} label="Compare with" choices={periods} value={kind} onChange={pick} />
      </Labelled>
      {kind === "offset" && (
        <Labelled id={idOf("before-offset")} label="Earlier by" help="-90m, -12h, -14d or -2w.">
          <TextInput
            id={idOf("before-offset")}
            label="Earlier by"
            placeholder="-14d"
            width={16}
            value={text}
            onCommit={(next) => onChange(next || undefined)}
          />
        </Labelled>
      )}
      {fixed &&
        (["from", "to"] as const).map((end) => {
          const label = end === "from" ? "Earlier from" : "Earlier to";
          return (
            <Labelled key={end} id={idOf(`before-${end}`)} label={label} help="E.g. 2026-03-02T00:00:00Z.">
              <TextInput
                id={idOf(`before-${end}`)}
                label={label}
                placeholder="2026-03-02T00:00:00Z"
                width={28}
                value={fixed[end]}
                onCommit={(next) => onChange({ ...fixed, [end]: next })}
              />
            </Labelled>
          );
        })}
    </>
  );
}

function justBefore(range?: TimeRange): Before {
  const to = range ? range.from.valueOf() : Date.now();
  const length = range ? range.to.valueOf() - to : 7 * 24 * 3600 * 1000;
  const whole = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
  return { from: whole(to - length), to: whole(to) };
}
