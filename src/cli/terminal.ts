/** Finds out what the output streams can show: their colors, their width, and whether a live screen makes sense. */

export interface Env {
  readonly [name: string]: string | undefined;
}
interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * Returns the color level of a stream in chalk's numbers: 0 no color, 1 basic colors, 2 256 colors, 3 true color.
 * `NO_COLOR` takes precedence over `FORCE_COLOR`, and `FORCE_COLOR` over the terminal.
 */
export function colorLevel(stream: Stream, env: Env): 0 | 1 | 2 | 3 {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return 0;
  const force = env.FORCE_COLOR;
  if (force !== undefined) {
    if (force === "0" || force === "false") return 0;
    return force === "2" ? 2 : force === "3" ? 3 : 1;
  }
  if (!stream.isTTY || env.TERM === "dumb") return 0;
  if (env.COLORTERM === "truecolor" || env.COLORTERM === "24bit") return 3;
  return env.TERM?.includes("256") ? 2 : 1;
}

/**
 * Returns the width to print prose for, in columns: that of the terminal, otherwise `COLUMNS`, otherwise 80. The result is
 * at least 40 and at most 100.
 */
export function textWidth(stream: Stream, env: Env): number {
  const columns = stream.columns ?? Number(env.COLUMNS ?? 80);
  return Math.min(100, Math.max(40, Number.isFinite(columns) ? columns : 80));
}

/** Returns the width to print tables for, in columns: that of the terminal. A file or a pipe has room for any table. */
export function tableWidth(stream: Stream): number {
  return stream.isTTY && stream.columns ? stream.columns : Number.POSITIVE_INFINITY;
}

/** Returns true if a live screen can be drawn: the stream is a terminal that can redraw, and this is not a CI job. */
export function canDraw(stream: Stream, env: Env): boolean {
  const ci = env.CI !== undefined && env.CI !== "" && env.CI !== "0" && env.CI !== "false";
  return stream.isTTY === true && !ci && env.TERM !== "dumb";
}
