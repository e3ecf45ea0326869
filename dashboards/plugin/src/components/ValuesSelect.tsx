import type { SelectableValue } from "@grafana/data";
import { MultiSelect } from "@grafana/ui";
import React, { useEffect, useMemo, useRef, useState } from "react";

import type { Value } from "../types";

interface Props {
  id: string;
  label: string;
  placeholder: string;
  value: string[];
  onChange: (value: string[]) => void;
  /** Finds what can be chosen; none: free text only. */
  load?: (search: string) => Promise<Value[]>;
  /** Names of the dashboard's variables, offered as $name. */
  variables?: string[];
  invalid?: boolean;
  width?: number;
  disabled?: boolean;
}

const pause = 300; // milliseconds after the last key before the server is asked

/** Several values of a kind: chosen from those that were seen, or typed. */
export function ValuesSelect({
  id,
  label,
  placeholder,
  value,
  onChange,
  load,
  variables,
  invalid,
  width,
  disabled,
}: Props) {
  const [found, setFound] = useState<Value[]>([]);
  const [state, setState] = useState<"idle" | "loading" | "failed">("idle");
  const asked = useRef(0);
  const timer = useRef<number | undefined>(undefined);

  const stop = () => {
    asked.current += 1; // an answer that is still to come is for nobody
    window.clearTimeout(timer.current);
  };
  useEffect(() => stop, []);

  const ask = (search: string, after: number) => {
    if (!load) {
      return;
    }
    stop();
    const number = asked.current;
    const answer = (values: Value[], next: "idle" | "failed") => {
      if (number === asked.current) {
        setFound(values);
        setState(next);
      }
    };
    setState("loading");
    timer.current = window.setTimeout(() => {
      load(search).then(
        (values) => answer(values ?? [], "idle"),
        () => answer([], "failed"),
      );
    }, after);
  };

  const options = useMemo(() => {
    const names = new Map(found.map((one) => [one.value, one]));
    const rows: Array<SelectableValue<string>> = found.map(option);
    for (const name of variables ?? []) {
      rows.unshift({ value: `$${name}`, label: `$${name}`, description: "Variable of the dashboard" });
    }
    for (const chosen of value) {
      if (!names.has(chosen) && !rows.some((row) => row.value === chosen)) {
        rows.push({ value: chosen, label: chosen });
      }
    }
    return rows;
  }, [found, value, variables]);

  return (
    <MultiSelect<string>
      inputId={id}
      aria-label={label}
      placeholder={placeholder}
      width={width ?? 40}
      invalid={invalid}
      disabled={disabled}
      isClearable
      allowCustomValue
      allowCreateWhileLoading
      closeMenuOnSelect={false}
      options={options}
      filterOption={matches}
      value={value}
      isLoading={state === "loading"}
      loadingMessage="Asking for values…"
      noOptionsMessage={noOptions(Boolean(load), state === "failed")}
      formatCreateLabel={(text) => `Use "${text}"`}
      onOpenMenu={() => ask("", 0)}
      onInputChange={(text, { action }) => {
        if (action === "input-change") {
          ask(text, pause);
        }
      }}
      onChange={(chosen) => onChange(chosen.flatMap((one) => one.value?.trim() || []))}
    />
  );
}

// The name counts too, and what is typed itself is always on offer.
function matches(option: SelectableValue<string>, search: string): boolean {
  const { label, value, data } = option;
  const text = [label, value, (data as SelectableValue<string>)?.description].join(" ").toLowerCase();
  return Boolean(data?.__isNew__) || text.includes(search.trim().toLowerCase());
}

function option({ value, text }: Value): SelectableValue<string> {
  return text && text !== value ? { value, label: value, description: text } : { value, label: value };
}

function noOptions(asks: boolean, failed: boolean): string {
  if (!asks) {
    return "Type a value and press Enter";
  }
  return failed ? "The values could not be loaded. Type one and press Enter." : "None found. Type one and press Enter.";
}
