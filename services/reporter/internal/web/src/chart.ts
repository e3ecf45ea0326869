// The stacked bars: a vendor's places, week by week.
import type { BucketInfo } from "./api";
import { counted, doubtful, ends, shareEnds, within } from "./certainty";
import { type Colours, mix, type Theme } from "./colours";
import { el, swatch } from "./dom";
import { calm, create, font } from "./echarts";
import { bytes, longDay, moment, percent, share, shortDay } from "./format";
import { type Direction, type Series, totalsOf } from "./shift";
import type { Measure } from "./state";
import { titleOf } from "./table";
import { week } from "./weeks";

export interface WeeksView {
  series: Series[];
  weeks: number[]; // of the x axis, gaps included
  buckets: Map<number, BucketInfo>; // what is known of each week
  measure: Measure;
  direction: Direction;
  hidden: Set<string>;
  now: number;
}

export class WeeksChart {
  private readonly chart;

  constructor(element: HTMLElement) {
    this.chart = create(element);
  }

  draw(v: WeeksView, colours: Colours, theme: Theme): void {
    const sums = totalsOf(v.series);
    const shown = v.series.filter((s) => !v.hidden.has(s.place));
    const running = (w: number) => w <= v.now && w + week > v.now;
    this.chart.setOption(
      {
        animation: !calm(),
        animationDuration: 250,
        animationDurationUpdate: 250,
        textStyle: { fontFamily: font() },
        grid: { left: 8, right: 12, top: 16, bottom: 4, containLabel: true },
        tooltip: {
          trigger: "axis",
          axisPointer: { type: "shadow", shadowStyle: { color: theme.line, opacity: 0.5 } },
          className: "tip",
          backgroundColor: theme.surface,
          borderColor: theme.line,
          textStyle: { color: theme.text, fontFamily: font(), fontSize: 12 },
          confine: true,
          formatter: (items: { dataIndex: number }[]) => {
            const w = v.weeks[items[0]?.dataIndex ?? 0] ?? 0;
            return tip(v, shown, w, sums.get(w) ?? 0n, colours, theme);
          },
        },
        xAxis: {
          type: "category",
          data: v.weeks.map((w) => (running(w) ? `${shortDay(w)}\nso far` : shortDay(w))),
          axisTick: { show: false },
          axisLine: { lineStyle: { color: theme.line } },
          axisLabel: { color: theme.muted, fontSize: 11, lineHeight: 14, hideOverlap: true },
        },
        yAxis: {
          type: "value",
          ...(v.measure === "share" ? { max: 1, min: 0, interval: 0.25 } : { min: 0, max: null, interval: null }),
          splitNumber: 4,
          splitLine: { lineStyle: { color: theme.line } },
          axisLabel: {
            color: theme.muted,
            fontSize: 11,
            formatter: (y: number) =>
              v.measure === "share" ? `${Math.round(y * 100)} %` : bytes(BigInt(Math.round(y))),
          },
        },
        series: [
          ...shown.map((s) => ({
            id: s.place,
            name: s.name,
            type: "bar",
            stack: "places",
            barCategoryGap: "18%",
            barMaxWidth: 64,
            emphasis: { disabled: true },
            data: v.weeks.map((w) => {
              const b = s.bytes.get(w) ?? 0n;
              const colour = colours.of(s.place, theme);
              return {
                value: v.measure === "share" ? share(b, sums.get(w) ?? 0n) : Number(b),
                // A week that is not over is paler.
                itemStyle: { color: running(w) ? mix(colour, theme.surface, 0.6) : colour },
              };
            }),
          })),
          // A week that is not whole has a mark above its bar.
          {
            id: "\ndoubt",
            type: "scatter",
            silent: true,
            symbol: "triangle",
            symbolRotate: 180,
            symbolSize: [10, 8],
            symbolOffset: [0, -7],
            itemStyle: { color: theme.warn },
            // As many values as weeks, because the tip goes by their place.
            data: v.weeks.map((w) => {
              const top = shown.reduce((sum, s) => sum + (s.bytes.get(w) ?? 0n), 0n);
              return doubtful(v.buckets.get(w)) ? (v.measure === "share" ? 1 : Number(top)) : "-";
            }),
          },
        ],
      },
      { notMerge: false, replaceMerge: ["series"] },
    );
  }
}

function tip(v: WeeksView, shown: Series[], w: number, sum: bigint, colours: Colours, theme: Theme): HTMLElement {
  const rows = shown
    .map((s) => ({ s, b: s.bytes.get(w) ?? 0n }))
    .filter((r) => r.b > 0n)
    .map((r) =>
      el(
        "tr",
        {},
        el("td", {}, swatch(colours.of(r.s.place, theme)), r.s.name),
        el("td", {}, percent(share(r.b, sum))),
        el("td", {}, bytes(r.b)),
        el(
          "td",
          { class: "within" },
          (v.measure === "share" && shareEnds(r.s.shares.get(w))) || ends(r.s.intervals.get(w)),
        ),
      ),
    );
  const head = el("p", {}, `${longDay(w)} – ${longDay(w + week - 1)}${w + week > v.now ? ", so far" : ""}`);
  const table = rows.length === 0 ? "Nothing seen." : el("table", {}, ...rows);
  return el("div", {}, head, table, ...knownOf(v.buckets.get(w)).map((text) => el("div", { class: "within" }, text)));
}

/** knownOf is what there is to say of a week's figures, in short lines. */
function knownOf(b: BucketInfo | undefined): string[] {
  const c = b?.completeness;
  const lines = [!c || c.share_counted === null ? "Completeness unknown" : `Counted ${counted(c.share_counted)}`];
  for (const s of (c?.silent ?? []).slice(0, 3)) {
    lines.push(`Silent: ${s.exporter}, ${s.hours}\u00a0h`);
  }
  if (b && b.revision > 0) {
    lines.push(`Revision ${b.revision}`);
  }
  if (b?.late && b.last_change) {
    lines.push(`Last changed ${moment(Date.parse(b.last_change))}`);
  }
  return lines;
}

/** weeksTable is the chart in figures. */
export function weeksTable(table: HTMLTableElement, v: WeeksView): void {
  const sums = totalsOf(v.series);
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, "Week of"),
    el("th", { scope: "col", class: "number" }, "Counted"),
  );
  for (const s of v.series) {
    head.append(el("th", { scope: "col", class: "number" }, s.name));
  }
  head.append(el("th", { scope: "col", class: "number" }, "All"));
  const body = v.weeks.map((w) => {
    const sum = sums.get(w) ?? 0n;
    const row = el("tr", {}, el("th", { scope: "row" }, longDay(w)));
    const known = v.buckets.get(w);
    const part = known?.completeness.share_counted;
    row.append(
      el(
        "td",
        { class: "number", title: knownOf(known).join("\n"), "data-testid": "week-counted" },
        part === null || part === undefined ? "unknown" : counted(part),
      ),
    );
    const add = (place: string, b: bigint, s?: Series) => {
      const interval = s?.intervals.get(w);
      const range = v.measure === "share" ? shareEnds(s?.shares.get(w)) : within(b, interval);
      row.append(
        el(
          "td",
          {
            class: "number",
            "data-testid": "week-cell",
            "data-week": new Date(w).toISOString().slice(0, 10),
            "data-place": place,
            "data-bytes": String(b),
            ...(interval ? { "data-low": String(interval.low), "data-high": String(interval.high) } : {}),
            title: titleOf(b, interval, v.direction),
          },
          v.measure === "share" ? percent(share(b, sum)) : bytes(b),
          el("small", { class: "within" }, range),
        ),
      );
    };
    for (const s of v.series) {
      add(s.place, s.bytes.get(w) ?? 0n, s);
    }
    add("", sum);
    return row;
  });
  table.replaceChildren(el("thead", {}, head), el("tbody", {}, ...body));
}

/** drawLegend lists the places as switches. */
export function drawLegend(
  list: HTMLElement,
  v: WeeksView,
  colours: Colours,
  theme: Theme,
  toggle: (place: string) => void,
): void {
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.place : undefined;
  list.replaceChildren(
    ...v.series.map((s) => {
      const on = !v.hidden.has(s.place);
      const button = el(
        "button",
        { type: "button", "aria-pressed": String(on), "data-place": s.place },
        swatch(colours.of(s.place, theme)),
        s.name,
      );
      button.addEventListener("click", () => toggle(s.place));
      return el("li", {}, button);
    }),
  );
  if (focused !== undefined) {
    for (const b of list.querySelectorAll("button")) {
      if (b.dataset.place === focused) {
        b.focus();
      }
    }
  }
}
