/** Prints diagnostics as text: a heading, code frames with carets and labels, and help. */
import type { ChalkInstance } from "chalk";
import { Chalk } from "chalk";
import type { Span } from "../../../grammar/ast.js";
import { printable } from "../../common/printable.js";
import type { Diagnostic } from "./diagnostic.js";
import { clip, columnsOf, SourceLines } from "./source.js";

export interface RenderOptions {
  /** True to use colors. The caller decides this from `NO_COLOR` and the terminal. */
  readonly color: boolean;
  /** The columns of the terminal. Longer lines of code are cut around the place that matters. */
  readonly width: number;
}

interface Mark {
  readonly span: Span;
  readonly text: string;
  readonly primary: boolean;
}

/**
 * ```
 * error FSL2001: nothing is called `qeury` here
 *  ┌ net.fsl:4:24
 *  │
 * 4│     -squared_distance(qeury, mean(support over shot) over feature)
 *  │                       ^^^^^
 *  = help: did you mean `query`?
 * ```
 * `source` returns the text of a file, or undefined if the text cannot be shown. Then only the location is printed.
 */
export function render(d: Diagnostic, source: (file: string) => string | undefined, options: RenderOptions): string {
  const paint = new Chalk({ level: options.color ? 1 : 0 });
  const hue = d.severity === "error" ? paint.red : paint.yellow;
  const lines = [`${hue.bold(`${d.severity} ${d.code}`)}${paint.bold(`: ${printable(d.message)}`)}`];
  const marks: Mark[] = [
    ...(d.span !== undefined ? [{ span: d.span, text: "", primary: true }] : []),
    ...d.labels.map((label) => ({ ...label, primary: false })),
  ];
  const files = [...new Set(marks.map((mark) => mark.span.file))];
  const sources = new Map<string, SourceLines>();
  for (const file of files) {
    const text = source(file);
    if (text !== undefined) sources.set(file, new SourceLines(text));
  }
  const gutter = Math.max(
    1,
    ...marks.map((mark) => String(sources.get(mark.span.file)?.position(mark.span.end).line ?? 1).length),
  );
  for (const file of files) {
    const here = marks.filter((mark) => mark.span.file === file);
    lines.push(...frame(file, here, sources.get(file), gutter, options.width, paint, hue));
  }
  const margin = d.span !== undefined || d.labels.length > 0 ? " ".repeat(gutter) : "";
  for (const help of d.help) {
    const [first = "", ...rest] = help.split("\n").map(printable);
    lines.push(`${margin} ${paint.cyan("= help:")} ${first}`);
    for (const more of rest) lines.push(`${margin}         ${more}`);
  }
  return lines.join("\n");
}

/** Prints the code frame of one place, without a heading. Returns undefined if the text cannot be shown. */
export function renderPlace(
  span: Span,
  source: (file: string) => string | undefined,
  options: RenderOptions,
): string | undefined {
  const text = source(span.file);
  if (text === undefined) return undefined;
  const paint = new Chalk({ level: options.color ? 1 : 0 });
  const lines = new SourceLines(text);
  const gutter = String(lines.position(span.end).line).length;
  return frame(span.file, [{ span, text: "", primary: true }], lines, gutter, options.width, paint, paint.red).join(
    "\n",
  );
}

function frame(
  file: string,
  marks: readonly Mark[],
  source: SourceLines | undefined,
  gutter: number,
  width: number,
  paint: ChalkInstance,
  hue: ChalkInstance,
): string[] {
  const pad = " ".repeat(gutter);
  const bar = paint.blue("│");
  const lead = marks.find((mark) => mark.primary) ?? marks[0];
  if (lead === undefined) return [];
  if (source === undefined) return [`${pad}${paint.blue("┌")} ${printable(file)}`];
  const place = source.position(lead.span.start);
  const lines = [`${pad}${paint.blue("┌")} ${printable(file)}:${place.line}:${place.column}`, `${pad}${bar}`];
  const byLine = new Map<number, Mark[]>();
  for (const mark of marks) {
    const { line } = source.position(mark.span.start);
    byLine.set(line, [...(byLine.get(line) ?? []), mark]);
  }
  let previous: number | undefined;
  for (const line of [...byLine.keys()].sort((a, b) => a - b)) {
    if (previous !== undefined && line > previous + 1) lines.push(`${pad}${paint.blue("·")}`);
    previous = line;
    const here = byLine.get(line) ?? [];
    const text = source.line(line);
    const ranges = here.map((mark) => rangeOn(source, line, text, mark));
    const focus = ranges.find((range) => range.mark.primary) ?? ranges[0];
    const shown = clip(printable(text), Math.max(20, width - gutter - 3), focus?.from ?? 0, focus?.to ?? 0);
    lines.push(`${paint.blue(String(line).padStart(gutter))}${bar} ${shown.text}`.trimEnd());
    for (const { mark, from, to } of ranges.sort((a, b) => Number(b.mark.primary) - Number(a.mark.primary))) {
      const left = Math.max(0, from - shown.cut);
      const room = Math.max(1, width - gutter - 3 - left);
      const length = Math.max(1, Math.min(to - Math.max(from, shown.cut), room));
      const sign = (mark.primary ? "^" : "-").repeat(length);
      const label = mark.text === "" ? "" : ` ${printable(mark.text)}`;
      const color = mark.primary ? hue.bold : paint.blue;
      lines.push(`${pad}${bar} ${" ".repeat(left)}${color(`${sign}${label}`)}`);
    }
  }
  return lines;
}

/** Returns the terminal columns that a mark covers on its first line. */
function rangeOn(
  source: SourceLines,
  line: number,
  text: string,
  mark: Mark,
): { mark: Mark; from: number; to: number } {
  const start = source.position(mark.span.start).column - 1;
  const end = source.position(mark.span.end);
  const last = end.line === line ? end.column - 1 : text.trimEnd().length;
  return { mark, from: columnsOf(text.slice(0, start)), to: columnsOf(text.slice(0, Math.max(last, start))) };
}
