// The parts of ECharts that the page uses; the rest stays out of the bundle.
import { BarChart, MapChart, ScatterChart } from "echarts/charts";
import { GeoComponent, GridComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([BarChart, MapChart, ScatterChart, GridComponent, GeoComponent, TooltipComponent, CanvasRenderer]);

export { echarts };

/** create makes a chart that follows the size of its element. */
export function create(element: HTMLElement): echarts.ECharts {
  const chart = echarts.init(element, undefined, { renderer: "canvas" });
  new ResizeObserver(() => chart.resize()).observe(element);
  return chart;
}

/** calm is whether the reader asked for no motion. */
export const calm = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** font is that of the page. */
export const font = (): string => getComputedStyle(document.documentElement).fontFamily;
