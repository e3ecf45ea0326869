// The table of bytes by vendor and place.
import type { Interval, ResidencyRow } from "./api";
import { ends, within } from "./certainty";
import type { Colours, Theme } from "./colours";
import { byId, el, swatch } from "./dom";
import { bytes, exact, percent, share, vendorName } from "./format";
import { bytesOf, type Direction, intervalOf } from "./shift";

export type Column = "vendor" | "place" | "bytes" | "share" | "flows";

export interface Line {
  vendor: string;
  place: string;
  name: string;
  bytes: bigint;
  interval: Interval | undefined;
  share: number; // of the vendor's bytes
  flows: bigint;
}

/** linesOf turns rows into lines, with each one's share of its vendor. */
export function linesOf(rows: ResidencyRow[], direction: Direction): Line[] {
  const sums = new Map<string, bigint>();
  for (const r of rows) {
    const vendor = r.vendor ?? "";
    sums.set(vendor, (sums.get(vendor) ?? 0n) + bytesOf(r, direction));
  }
  return rows.map((r) => ({
    vendor: r.vendor ?? "",
    place: r.place ?? "unknown",
    name: r.place_name ?? r.place ?? "",
    bytes: bytesOf(r, direction),
    interval: intervalOf(r, direction),
    share: share(bytesOf(r, direction), sums.get(r.vendor ?? "") ?? 0n),
    flows: r.flows,
  }));
}

/** sorted orders lines by a column; equal ones by bytes, most first. */
export function sorted(lines: Line[], column: Column, descending: boolean): Line[] {
  const number = (a: bigint | number, b: bigint | number) => (a < b ? -1 : a > b ? 1 : 0);
  const compare = (a: Line, b: Line): number => {
    switch (column) {
      case "vendor":
        return vendorName(a.vendor).localeCompare(vendorName(b.vendor), "en");
      case "place":
        return a.name.localeCompare(b.name, "en");
      default:
        return number(a[column], b[column]);
    }
  };
  return [...lines].sort((a, b) => (descending ? -compare(a, b) : compare(a, b)) || number(b.bytes, a.bytes));
}

/** titleOf is a figure with all that is known of it. */
export function titleOf(value: bigint, interval: Interval | undefined, direction: Direction): string {
  const range = ends(interval);
  return `${exact(value)} bytes ${direction}${range === "" ? "" : `; with 95 % confidence ${range}`}`;
}

const step = 250;

export class ResidencyTable {
  private lines: Line[] = [];
  private chosen = "";
  private direction: Direction = "up";
  private column: Column = "bytes";
  private descending = true;
  private limit = step;
  private exactly = false;
  private readonly head = byId("residency-head", HTMLTableRowElement);
  private readonly body = byId("residency-body", HTMLTableSectionElement);
  private readonly more = byId("more", HTMLButtonElement);
  private last: [Colours, Theme] | undefined;

  constructor(private readonly choose: (vendor: string) => void) {
    const columns: [Column, string][] = [
      ["vendor", "Vendor"],
      ["place", "Place"],
      ["bytes", "Bytes up"],
      ["share", "Share"],
      ["flows", "Flows"],
    ];
    for (const [column, title] of columns) {
      const button = el("button", { type: "button", "data-column": column }, title);
      button.addEventListener("click", () => {
        this.descending = this.column === column ? !this.descending : column !== "vendor" && column !== "place";
        this.column = column;
        this.render();
      });
      this.head.append(
        el(
          "th",
          { scope: "col", class: column === "vendor" || column === "place" ? column : `number ${column}` },
          button,
        ),
      );
    }
    this.more.addEventListener("click", () => {
      this.limit = Number.POSITIVE_INFINITY;
      this.render();
    });
    const exactly = byId("exact", HTMLInputElement);
    exactly.addEventListener("change", () => {
      this.exactly = exactly.checked;
      this.render();
    });
  }

  draw(lines: Line[], chosen: string, direction: Direction, colours: Colours, theme: Theme): void {
    Object.assign(this, { lines, chosen, direction });
    this.last = [colours, theme];
    this.render();
  }

  private render(): void {
    if (!this.last) {
      return;
    }
    const [colours, theme] = this.last;
    for (const th of this.head.children) {
      const button = th.firstElementChild as HTMLButtonElement;
      const here = button.dataset.column === this.column;
      th.setAttribute("aria-sort", here ? (this.descending ? "descending" : "ascending") : "none");
      if (button.dataset.column === "bytes") {
        button.textContent = `Bytes ${this.direction}`;
      }
    }
    this.body.parentElement?.classList.toggle("exactly", this.exactly);
    const lines = sorted(this.lines, this.column, this.descending);
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    this.body.replaceChildren(...lines.slice(0, this.limit).map((l) => this.row(l, colours, theme)));
    if (focused !== undefined) {
      this.body.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    }
    if (lines.length === 0) {
      this.body.append(el("tr", {}, el("td", { colspan: "5", class: "empty" }, "Nothing seen in these weeks.")));
    }
    this.more.hidden = lines.length <= this.limit;
    this.more.textContent = `Show all ${lines.length} rows`;
  }

  private row(l: Line, colours: Colours, theme: Theme): HTMLElement {
    const colour = colours.of(l.place, theme);
    const vendor = el(
      "button",
      { type: "button", class: "link", "data-key": `${l.vendor}\n${l.place}`, title: `Show ${vendorName(l.vendor)}` },
      vendorName(l.vendor),
    );
    vendor.addEventListener("click", () => this.choose(l.vendor));
    const fill = el("span", { class: "fill" });
    fill.style.width = `${(l.share * 100).toFixed(2)}%`;
    fill.style.backgroundColor = colour;
    const cell = {
      "data-testid": "cell",
      "data-vendor": l.vendor,
      "data-place": l.place,
      "data-bytes": String(l.bytes),
      "data-direction": this.direction,
    };
    return el(
      "tr",
      l.vendor === this.chosen ? { class: "chosen" } : {},
      el("td", { class: "vendor" }, vendor),
      el("td", { class: "place", title: `${l.name} (${l.place})` }, swatch(colour), l.name),
      el(
        "td",
        { class: "number bytes", title: titleOf(l.bytes, l.interval, this.direction), ...cell },
        this.exactly ? exact(l.bytes) : bytes(l.bytes),
        el("small", { class: "within" }, this.exactly ? "" : within(l.bytes, l.interval)),
      ),
      el(
        "td",
        { class: "number share" },
        el("span", { class: "bar", "aria-hidden": "true" }, fill),
        el("span", {}, percent(l.share)),
      ),
      el("td", { class: "number flows" }, exact(l.flows)),
    );
  }
}
