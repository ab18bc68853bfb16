/** Represents a line of the screen as segments of text, each with a tone that a renderer turns into a color. */
import { printable } from "../../common/printable.js";

export type Tone = "plain" | "dim" | "strong" | "good" | "bad" | "active" | "accent";
export interface Segment {
  readonly text: string;
  readonly tone: Tone;
}
export type Line = readonly Segment[];

/** Makes a segment. Its text is cleaned here, so that nothing on the screen comes from outside as it is. */
export const segment = (text: string, tone: Tone = "plain"): Segment => ({ text: printable(text), tone });

export function lineWidth(line: Line): number {
  return line.reduce((sum, s) => sum + [...s.text].length, 0);
}

/** Places one part at the left edge and the other at the right edge. If there is no room for both, it drops the right one. */
export function justify(left: Line, right: Line, width: number): Line {
  const gap = width - lineWidth(left) - lineWidth(right);
  if (gap < 2) return truncate(left, width);
  return [...left, segment(" ".repeat(gap)), ...right];
}

/** Fills a line with spaces up to `width`, or cuts it. */
export function padLine(line: Line, width: number): Line {
  return [...truncate(line, width), segment(" ".repeat(Math.max(0, width - lineWidth(line))))];
}

/** Cuts a line to `width` and marks the cut with an ellipsis. */
export function truncate(line: Line, width: number): Line {
  if (lineWidth(line) <= width) return line;
  const out: Segment[] = [];
  let room = width - 1;
  for (const s of line) {
    const chars = [...s.text];
    if (chars.length > room) {
      out.push(segment(chars.slice(0, Math.max(0, room)).join(""), s.tone), segment("…", "dim"));
      return out;
    }
    out.push(s);
    room -= chars.length;
  }
  return out;
}

export function padText(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - [...text].length));
}
