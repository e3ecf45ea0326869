// Weeks are ISO weeks in UTC: they begin on Monday 00:00. A week is named by that moment, in
// milliseconds.

const day = 86_400_000;
export const week = 7 * day;

/** The page looks back this far unless told otherwise. */
export const defaultWeeks = 26;
const longest = 520;

/** monday is the begin of the week that holds a time. */
export function monday(time: number): number {
  const days = Math.floor(time / day);
  return (days - ((((days + 3) % 7) + 7) % 7)) * day; // 1 January 1970 was a Thursday
}

/** weeksBetween lists the weeks that hold first, last and all between; the last ten years of them. */
export function weeksBetween(first: number, last: number): number[] {
  const end = monday(last);
  const begin = Math.max(monday(first), end - (longest - 1) * week);
  const all: number[] = [];
  for (let w = begin; w <= end; w += week) {
    all.push(w);
  }
  return all;
}

export const iso = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** isMonday reads a week's date as it stands in a link; undefined if it is none. */
export function parseWeek(text: string | null): number | undefined {
  if (text === null || !/^\d{4}-\d\d-\d\d$/.test(text)) {
    return undefined;
  }
  const time = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(time) ? undefined : monday(time);
}

export interface Range {
  from: number;
  to: number; // begin of the last week
}

/** chosenRange is what is shown of the known weeks, given what was asked for. */
export function chosenRange(known: number[], from: number | undefined, to: number | undefined): Range | undefined {
  const last = known.at(-1);
  const first = known[0];
  if (last === undefined || first === undefined) {
    return undefined;
  }
  const clamp = (w: number) => Math.min(Math.max(w, first), last);
  const end = to === undefined ? last : clamp(to);
  const begin = from === undefined ? Math.max(first, end - (defaultWeeks - 1) * week) : clamp(from);
  return begin <= end ? { from: begin, to: end } : { from: end, to: begin };
}
