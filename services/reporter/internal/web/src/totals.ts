// The head of the page: what came in so far, asked every two seconds, and how the connection is.
import { get, Refused, type Totals } from "./api";
import { byId, el, setText } from "./dom";
import { ago, bytes, exact, moment, protocolName } from "./format";

export type Status = "connecting" | "live" | "idle" | "empty" | "waiting" | "gone";

const every = 2000;
/** Without a flow for this long the page says idle. */
const quiet = 15_000;

/** statusOf says in what state the counts are. */
export function statusOf(t: Totals): Status {
  if (t.flows === 0n) {
    return "empty";
  }
  const last = Date.parse(t.last_received ?? "");
  return Date.parse(t.now) - last <= quiet ? "live" : "idle";
}

const words: Record<Status, string> = {
  connecting: "Connecting…",
  live: "Live",
  idle: "Idle",
  empty: "Waiting for the first flow",
  waiting: "Waiting for ClickHouse",
  gone: "Not connected",
};

export class TotalsPoll {
  private readonly status = byId("status", HTMLElement);
  private readonly text = byId("status-text", HTMLElement);
  private readonly exporters = byId("exporters", HTMLTableElement);

  constructor(private readonly changed: (t: Totals) => void) {}

  async run(): Promise<never> {
    for (;;) {
      const begin = performance.now();
      if (document.visibilityState === "visible") {
        await this.ask();
      }
      const left = every - (performance.now() - begin);
      await new Promise((resolve) => setTimeout(resolve, Math.max(200, left)));
    }
  }

  private async ask(): Promise<void> {
    let totals: Totals;
    try {
      totals = await get<Totals>("/api/v1/totals");
    } catch (error) {
      this.say(error instanceof Refused ? "waiting" : "gone", error instanceof Error ? error.message : String(error));
      return;
    }
    this.show(totals);
    this.changed(totals);
  }

  private say(status: Status, detail: string, more = ""): void {
    this.status.dataset.state = status;
    this.status.title = detail;
    setText(this.text, more === "" ? words[status] : `${words[status]} · ${more}`);
  }

  private show(t: Totals): void {
    const now = Date.parse(t.now);
    const status = statusOf(t);
    const received = t.last_received ? ago(now, Date.parse(t.last_received)) : "";
    this.say(
      status,
      received === "" ? "" : `last flow received ${received}`,
      status === "idle" && received !== "" ? `last received ${received}` : "",
    );
    figure("total-flows", exact(t.flows), t.flows);
    figure("total-bytes-up", bytes(t.bytes_up), t.bytes_up);
    figure("total-bytes-down", bytes(t.bytes_down), t.bytes_down);
    figure("total-exporters", String(new Set(t.exporters.map((e) => e.exporter)).size), BigInt(t.exporters.length));
    setText(byId("last-flow", HTMLElement), t.last_flow ? moment(Date.parse(t.last_flow)) : "–");
    this.list(t, now);
  }

  private list(t: Totals, now: number): void {
    const head = ["Exporter", "Protocol", "Flows", "Last received"].map((h, i) =>
      el("th", { scope: "col", ...(i > 1 ? { class: "number" } : {}) }, h),
    );
    const rows = t.exporters.map((e) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, e.exporter.replace(/^::ffff:/, "")),
        el("td", {}, protocolName(e.export_protocol)),
        el("td", { class: "number" }, exact(e.flows)),
        el(
          "td",
          { class: "number", title: moment(Date.parse(e.last_received)) },
          ago(now, Date.parse(e.last_received)),
        ),
      ),
    );
    if (rows.length === 0) {
      rows.push(el("tr", {}, el("td", { colspan: "4", class: "empty" }, "No exporter was heard yet.")));
    }
    this.exporters.replaceChildren(el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows));
  }
}

function figure(id: string, text: string, value: bigint): void {
  const e = byId(id, HTMLElement);
  setText(e, text);
  e.dataset.value = String(value);
  e.title = exact(value);
}
