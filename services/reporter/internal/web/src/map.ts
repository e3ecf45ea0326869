// The world map: bytes by country. A country has the hue of its largest place, as in the chart, and
// is the stronger the larger its share; countries too small to see get a dot.
import type { FeatureCollection, MultiPolygon } from "geojson";
import { type Colours, mix, type Theme } from "./colours";
import type { Country } from "./countries";
import { el, swatch } from "./dom";
import { create, echarts, font } from "./echarts";
import { bytes, exact, percent, share } from "./format";
import { type Point, project, unproject } from "./projection";
import type { Direction } from "./shift";

interface Properties {
  code: string;
  name: string;
  small: boolean;
  centre: Point;
}

export class WorldMap {
  private readonly chart;
  private readonly world: Promise<Map<string, Properties>>;
  private latest = 0;

  constructor(element: HTMLElement, url: string) {
    this.chart = create(element);
    this.world = load(url);
  }

  async draw(countries: Country[], direction: Direction, colours: Colours, theme: Theme): Promise<void> {
    const turn = ++this.latest;
    const world = await this.world;
    if (turn !== this.latest) {
      return; // a newer drawing waits
    }
    const byCode = new Map(countries.map((c) => [c.code, c]));
    // Even a small share must stand out from the bare land.
    const colour = (c: Country) =>
      mix(colours.of(c.places[0]?.place ?? "unknown", theme), theme.land, 0.35 + 0.65 * Math.sqrt(c.share));
    const formatter = (item: { name: string }) => {
      const c = byCode.get(item.name);
      return c
        ? tip(c, direction, colours, theme)
        : el("div", {}, `${world.get(item.name)?.name ?? item.name}: nothing seen`);
    };
    this.chart.setOption(
      {
        animation: false,
        tooltip: {
          className: "tip",
          backgroundColor: theme.surface,
          borderColor: theme.line,
          textStyle: { color: theme.text, fontFamily: font(), fontSize: 12 },
          confine: true,
          formatter,
        },
        geo: {
          map: "world",
          nameProperty: "code",
          projection: { project, unproject },
          roam: false,
          left: 4,
          right: 4,
          top: 4,
          bottom: 4,
          itemStyle: { areaColor: theme.land, borderColor: theme.border, borderWidth: 0.5 },
          emphasis: { itemStyle: { areaColor: theme.line, borderColor: theme.muted }, label: { show: false } },
          select: { disabled: true },
          regions: countries.map((c) => ({
            name: c.code,
            itemStyle: { areaColor: colour(c) },
            emphasis: { itemStyle: { areaColor: colour(c), borderColor: theme.text, borderWidth: 1 } },
          })),
          tooltip: { show: true, formatter },
        },
        series: [
          {
            type: "scatter",
            coordinateSystem: "geo",
            symbolSize: (_: unknown, p: { data: { share: number } }) => 7 + 11 * Math.sqrt(p.data.share),
            itemStyle: { borderColor: theme.surface, borderWidth: 1 },
            data: countries.flatMap((c) => {
              const p = world.get(c.code);
              return p?.small
                ? [
                    {
                      name: c.code,
                      value: p.centre,
                      share: c.share,
                      itemStyle: { color: colours.of(c.places[0]?.place ?? "unknown", theme) },
                    },
                  ]
                : [];
            }),
          },
        ],
      },
      { replaceMerge: ["series"] },
    );
  }
}

async function load(url: string): Promise<Map<string, Properties>> {
  const response = await fetch(url);
  const shapes = (await response.json()) as FeatureCollection<MultiPolygon, Properties>;
  echarts.registerMap("world", shapes as unknown as Parameters<typeof echarts.registerMap>[1]);
  return new Map(shapes.features.map((f) => [f.properties.code, f.properties]));
}

function tip(c: Country, direction: Direction, colours: Colours, theme: Theme): HTMLElement {
  const rows = c.places
    .slice(0, 6)
    .map((p) =>
      el(
        "tr",
        {},
        el("td", {}, swatch(colours.of(p.place, theme)), p.name),
        el("td", {}, percent(share(p.bytes, c.bytes))),
        el("td", {}, bytes(p.bytes)),
      ),
    );
  const head = el("p", {}, `${c.name}: ${percent(c.share)}, ${bytes(c.bytes)} ${direction}`);
  return el("div", {}, head, el("table", {}, ...rows));
}

/** countriesTable is the map in figures. */
export function countriesTable(table: HTMLTableElement, countries: Country[], direction: Direction): void {
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, "Country"),
    el("th", { scope: "col", class: "number" }, `Bytes ${direction}`),
    el("th", { scope: "col", class: "number" }, "Share"),
  );
  const body = countries.map((c) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, c.name),
      el(
        "td",
        {
          class: "number",
          "data-testid": "country-cell",
          "data-country": c.code,
          "data-bytes": String(c.bytes),
          title: `${exact(c.bytes)} bytes`,
        },
        bytes(c.bytes),
      ),
      el("td", { class: "number" }, percent(c.share)),
    ),
  );
  table.replaceChildren(el("thead", {}, head), el("tbody", {}, ...body));
}
