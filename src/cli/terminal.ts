/** What the streams can show: colour, width, and whether a live screen makes sense. */

export interface Env {
  readonly [name: string]: string | undefined;
}
interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** chalk's levels: 0 none, 1 basic, 2 256 colours, 3 true colour. `NO_COLOR` wins, then `FORCE_COLOR`, then the terminal. */
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

/** Columns to print for: the terminal's, else `COLUMNS`, else 80; never under 40, nor over 100 for prose. */
export function textWidth(stream: Stream, env: Env): number {
  const columns = stream.columns ?? Number(env.COLUMNS ?? 80);
  return Math.min(100, Math.max(40, Number.isFinite(columns) ? columns : 80));
}

/** A live screen needs a terminal that can redraw and somebody watching it. */
export function canDraw(stream: Stream, env: Env): boolean {
  const ci = env.CI !== undefined && env.CI !== "" && env.CI !== "0" && env.CI !== "false";
  return stream.isTTY === true && !ci && env.TERM !== "dumb";
}
