/** Reads times and ages from the command line: `30d`, `12h`, `2026-11-24`. */
import { UsageError } from "./usage-error.js";

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** Returns an age such as `30d` in milliseconds. @throws UsageError if the text is no age. */
export function parseAge(option: string, text: string): number {
  const age = ageOf(text);
  if (age === undefined) throw new UsageError(`\`${option} ${text}\` is not an age such as \`30d\`, \`12h\` or \`2w\``);
  return age;
}

/** Returns a moment, given as an age or as a date, in milliseconds since the epoch. @throws UsageError if the text is neither. */
export function parseMoment(option: string, text: string, now: number): number {
  const age = ageOf(text);
  if (age !== undefined) return now - age;
  // Dates are in UTC, as the ids of runs are.
  const [, date, clock = "00:00"] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?$/.exec(text) ?? [];
  const time = date === undefined ? Number.NaN : Date.parse(`${date}T${clock}Z`);
  if (Number.isNaN(time)) {
    throw new UsageError(
      `\`${option} ${text}\` is neither a date such as \`2026-11-24\` or \`2026-11-24T07:30\` (UTC) nor an age such as \`30d\``,
    );
  }
  return time;
}

function ageOf(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([mhdw])$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (units[unit] ?? 0);
}
