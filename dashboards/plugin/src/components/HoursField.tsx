import { InlineSwitch } from "@grafana/ui";
import React from "react";

import type { Hours } from "../question";
import { Labelled, NumberInput, TextInput } from "./controls";

interface Props {
  value?: Hours;
  onChange: (value: Hours | undefined) => void;
  fault?: string;
  idOf: (name: string) => string;
}

/** Restricts a query to some hours of the day. */
export function HoursField({ value, onChange, fault, idOf }: Props) {
  return (
    <>
      <Labelled
        id={idOf("hours")}
        label="Only some hours"
        help="Count only flows that start in these hours of the day, such as the night."
      >
        <InlineSwitch
          id={idOf("hours")}
          aria-label="Only some hours"
          value={Boolean(value)}
          onChange={(event) => onChange(event.currentTarget.checked ? { from: 22, to: 6 } : undefined)}
        />
      </Labelled>
      {value && (
        <>
          {(["from", "to"] as const).map((end) => (
            <Labelled
              key={end}
              id={idOf(`hours-${end}`)}
              label={end === "from" ? "From hour" : "To hour"}
              help="0 to 24. From 22 to 6 is over midnight."
              fault={end === "to" ? fault : undefined}
            >
              <NumberInput
                id={idOf(`hours-${end}`)}
                label={end === "from" ? "From hour" : "To hour"}
                width={10}
                value={value[end]}
                onCommit={(hour) => onChange({ ...value, [end]: hour ?? 0 })}
              />
            </Labelled>
          ))}
          <Labelled id={idOf("hours-location")} label="Time zone" help="As IANA names it, e.g. Asia/Kolkata.">
            <TextInput
              id={idOf("hours-location")}
              label="Time zone"
              placeholder="UTC"
              value={value.location ?? ""}
              onCommit={(location) => onChange({ from: value.from, to: value.to, ...(location && { location }) })}
            />
          </Labelled>
        </>
      )}
    </>
  );
}
