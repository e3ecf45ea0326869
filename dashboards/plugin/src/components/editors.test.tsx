import { CoreApp, type DataSourceSettings } from "@grafana/data";
import { setTemplateSrv } from "@grafana/runtime";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import React, { useState } from "react";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { types } from "../catalogue";
import type { DataSource } from "../datasource";
import { templates } from "../testing/templates";
import type { ResidencyQuery, SecureSettings, Settings, VariableQuery } from "../types";
import { AnnotationQueryEditor } from "./AnnotationQueryEditor";
import { ConfigEditor } from "./ConfigEditor";
import { QueryEditor } from "./QueryEditor";
import { VariableQueryEditor } from "./VariableQueryEditor";

const getValues = vi.fn();
const explain = vi.fn();
const source = { getValues, explain } as unknown as DataSource;
const onRunQuery = vi.fn();
let query: ResidencyQuery;

beforeEach(() => {
  vi.resetAllMocks();
  query = { refId: "none yet" };
  setTemplateSrv(templates({ vendor: "Apple" }));
  getValues.mockResolvedValue([{ value: "DE-HE", text: "Hesse, Germany" }]);
});

function Editing({ start, app }: { start: ResidencyQuery; app?: CoreApp }) {
  const [now, setNow] = useState(start);
  const keep = (next: ResidencyQuery) => {
    query = next;
    setNow(next);
  };
  return <QueryEditor query={now} onChange={keep} onRunQuery={onRunQuery} datasource={source} app={app} />;
}

const pick = async (label: string, option: RegExp) => {
  await userEvent.click(screen.getByRole("combobox", { name: label }));
  await userEvent.click(await screen.findByRole("option", { name: option }));
};

describe("QueryEditor", () => {
  test.each(types)("$value: says what it asks, and every input has a name", ({ value, description }) => {
    const { container } = render(<Editing start={{ refId: "A", queryType: value }} />);
    expect(screen.getByText(description ?? "")).toBeTruthy();
    for (const input of container.querySelectorAll<HTMLInputElement>("input:not([type=hidden]), button, textarea")) {
      const name = input.getAttribute("aria-label") || input.textContent || input.labels?.[0]?.textContent;
      expect(name, input.outerHTML).toBeTruthy();
    }
  });

  test("another question drops the fields that are not for it, and runs", async () => {
    render(
      <Editing start={{ refId: "A", queryType: "residency", by: ["place"], bucket: "day", vendors: ["Apple"] }} />,
    );
    await pick("Question", /Single flows/);
    expect(query).toEqual({ refId: "A", queryType: "flows", vendors: ["Apple"] });
    expect(onRunQuery).toHaveBeenCalledTimes(1);
  });

  test("values are found by their names, and others can be typed", async () => {
    render(<Editing start={{ refId: "A", queryType: "residency" }} />);
    const places = screen.getByRole("combobox", { name: "Places" });
    await userEvent.type(places, "hess");
    await waitFor(() =>
      expect(getValues).toHaveBeenLastCalledWith(expect.objectContaining({ dimension: "place", search: "hess" })),
    );
    await userEvent.click(await screen.findByText("DE-HE"));
    expect(query.places).toEqual(["DE-HE"]);
    await userEvent.type(screen.getByRole("combobox", { name: "Places" }), "SG{Enter}");
    expect(query.places).toEqual(["DE-HE", "SG"]);
  });

  test("what the backend would refuse is said, and is not run", async () => {
    render(<Editing start={{ refId: "A", queryType: "flows" }} />);
    await userEvent.type(screen.getByRole("combobox", { name: "Addresses" }), "nowhere{Enter}");
    expect(screen.getByText(/"nowhere" is neither an address nor a prefix/)).toBeTruthy();
    expect(onRunQuery).not.toHaveBeenCalled();
    expect((screen.getByRole("button", { name: "Explain" }) as HTMLButtonElement).disabled).toBe(true);
  });

  test("a number counts when it is left", async () => {
    render(<Editing start={{ refId: "A", queryType: "endpoints" }} />);
    await userEvent.type(screen.getByRole("spinbutton", { name: "At most" }), "25");
    expect(query.top).toBeUndefined();
    await userEvent.tab();
    expect(query.top).toBe(25);
    expect(onRunQuery).toHaveBeenCalledTimes(1);
  });

  test("Explain shows rollup and SQL, or what went wrong", async () => {
    explain.mockResolvedValueOnce({
      rollup: "residency_day",
      statements: [{ for: "rows", sql: "SELECT 1" }],
      warnings: [],
      rows: 3,
      elapsedMs: 7,
    });
    render(<Editing start={{ refId: "A" }} />);
    await userEvent.click(screen.getByRole("button", { name: "Explain" }));
    expect(await screen.findByText("SELECT 1")).toBeTruthy();
    expect(screen.getByText("residency_day")).toBeTruthy();
    explain.mockRejectedValueOnce({ data: { message: "too much to read" } });
    await userEvent.click(screen.getByRole("button", { name: "Explain" }));
    expect(await screen.findByText("too much to read")).toBeTruthy();
  });

  test("an alert rule is offered what it can use", () => {
    render(<Editing start={{ refId: "A", queryType: "new_endpoints" }} app={CoreApp.UnifiedAlerting} />);
    expect(screen.queryByLabelText("Follow live")).toBeNull();
  });
});

test("VariableQueryEditor: the values of a dimension", async () => {
  const onChange = vi.fn();
  const start = { refId: "", queryType: "values" } as VariableQuery;
  render(<VariableQueryEditor query={start} onChange={onChange} onRunQuery={onRunQuery} datasource={source} />);
  await pick("Values of", /Cloud region/);
  expect(onChange).toHaveBeenCalledWith({ refId: "values", queryType: "values", dimension: "cloud_region" });
});

test("AnnotationQueryEditor: which events", async () => {
  const onChange = vi.fn();
  render(
    <AnnotationQueryEditor query={{ refId: "" }} onChange={onChange} onRunQuery={onRunQuery} datasource={source} />,
  );
  await pick("Events", /Silent exporters/);
  expect(onChange).toHaveBeenCalledWith({ refId: "Anno", queryType: "annotations", events: ["outage"] });
});

describe("ConfigEditor", () => {
  type Options = DataSourceSettings<Settings, SecureSettings>;
  let options: Options;
  function Configuring({ start }: { start: Partial<Options> }) {
    const [now, setNow] = useState({ jsonData: {}, secureJsonFields: {}, ...start } as Options);
    const keep = (next: Options) => {
      options = next;
      setNow(next);
    };
    return <ConfigEditor options={now} onOptionsChange={keep} />;
  }

  test("a password is set, never shown, and reset", async () => {
    render(<Configuring start={{ secureJsonFields: { password: true } }} />);
    const input = screen.getByLabelText<HTMLInputElement>("Password");
    expect(input.disabled).toBe(true);
    await userEvent.click(screen.getByRole("button", { name: /reset/i }));
    await userEvent.type(screen.getByLabelText("Password"), "s3");
    expect(options.secureJsonData).toEqual({ password: "s3" });
    expect(options.secureJsonFields).toEqual({ password: false });
  });

  test("without TLS, nothing of TLS is left behind", async () => {
    render(<Configuring start={{ jsonData: { tls: true, serverName: "db", tlsAuth: true } }} />);
    expect(screen.getByLabelText("Client's key")).toBeTruthy();
    await userEvent.click(screen.getByLabelText("Use TLS"));
    expect(JSON.parse(JSON.stringify(options.jsonData))).toEqual({});
    expect(screen.queryByLabelText("Server name")).toBeNull();
  });

  test("a tenant's scope is a list of names", async () => {
    render(<Configuring start={{}} />);
    await userEvent.type(screen.getByLabelText("Sites"), "north, by the sea{Enter}");
    expect(options.jsonData.sites).toEqual(["north, by the sea"]);
  });

  test("numbers out of range are said", async () => {
    render(<Configuring start={{ jsonData: { completenessBound: 2 } }} />);
    expect(screen.getByText("A number from 0 to 1")).toBeTruthy();
  });
});
