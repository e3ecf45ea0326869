// The stacked bars: a vendor's places, week by week.
import { type Colours, mix, type Theme } from "./colours";
import { el, swatch } from "./dom";
import { calm, create, font } from "./echarts";
import { bytes, exact, longDay, percent, share, shortDay } from "./format";
import { type Direction, type Series, totalsOf } from "./shift";
import type { Measure } from "./state";
import { week } from "./weeks";

export interface WeeksView {
  series: Series[];
  weeks: number[]; // of the x axis, gaps included
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
        grid: { left: 8, right: 12, top: 12, bottom: 4, containLabel: true },
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
        series: shown.map((s) => ({
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
      ),
    );
  const head = el("p", {}, `${longDay(w)} – ${longDay(w + week - 1)}${w + week > v.now ? ", so far" : ""}`);
  if (rows.length === 0) {
    return el("div", {}, head, "Nothing seen.");
  }
  return el("div", {}, head, el("table", {}, ...rows));
}

/** weeksTable is the chart in figures. */
export function weeksTable(table: HTMLTableElement, v: WeeksView): void {
  const sums = totalsOf(v.series);
  const head = el("tr", {}, el("th", { scope: "col" }, "Week of"));
  for (const s of v.series) {
    head.append(el("th", { scope: "col", class: "number" }, s.name));
  }
  head.append(el("th", { scope: "col", class: "number" }, "All"));
  const body = v.weeks.map((w) => {
    const sum = sums.get(w) ?? 0n;
    const row = el("tr", {}, el("th", { scope: "row" }, longDay(w)));
    const add = (place: string, b: bigint) =>
      row.append(
        el(
          "td",
          {
            class: "number",
            "data-testid": "week-cell",
            "data-week": new Date(w).toISOString().slice(0, 10),
            "data-place": place,
            "data-bytes": String(b),
            title: `${exact(b)} bytes ${v.direction}`,
          },
          v.measure === "share" ? percent(share(b, sum)) : bytes(b),
        ),
      );
    for (const s of v.series) {
      add(s.place, s.bytes.get(w) ?? 0n);
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
