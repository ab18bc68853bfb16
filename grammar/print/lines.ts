/** Prints items on lines of their own, with the comments and empty lines between them. */
import type { Span } from "../ast.js";
import type { Comment, Trivia } from "../issue.js";
import { blank, comment, type Doc, group, hard, indent, line } from "./doc.js";

export interface Item {
  readonly span: Span;
  readonly print: () => Doc;
}

export class Comments {
  private next = 0;
  constructor(private readonly trivia: Trivia) {}

  /** Takes the comments not yet printed that begin before `offset`. With `trailing` it takes only those that follow code on their line. */
  before(offset: number, trailing = false): Comment[] {
    const taken: Comment[] = [];
    for (let c = this.trivia.comments[this.next]; c && c.span.start < offset; c = this.trivia.comments[this.next]) {
      if (trailing && !c.trailing) break;
      taken.push(c);
      this.next++;
    }
    return taken;
  }
  hasBlank(offset: number): boolean {
    return this.trivia.blanks.has(offset);
  }
  /** Tells whether the token at an offset was written at the start of a line. */
  beginsLine(offset: number): boolean {
    return this.trivia.breaks.has(offset);
  }
}

/** The way in which items follow each other. */
interface Layout {
  /** Returns the text after an item. */
  readonly separator: (item: number) => Doc;
  readonly keepBlanks: boolean;
  /** Tells whether an item stays on the line of the item before it if it fits there. */
  readonly together: (item: Item) => boolean;
}
const below: Layout = { separator: () => "", keepBlanks: true, together: () => false };

/**
 * Prints items below each other. `end` is the offset at which their body ends: comments up to there belong to it. A comment
 * inside an item goes above the item.
 */
export function lines(
  items: readonly Item[],
  end: number,
  comments: Comments,
  { separator, keepBlanks, together }: Layout = below,
): Doc[] {
  const out: Doc[] = [];
  const breakBefore = (offset: number): void => {
    if (out.length > 0) out.push(keepBlanks && comments.hasBlank(offset) ? blank : hard);
  };
  let lineIsOpen = false;
  items.forEach((item, i) => {
    const leading = comments.before(item.span.start);
    const printed = item.print();
    const all = [...leading, ...comments.before(item.span.end)];
    for (const c of all) {
      breakBefore(c.span.start);
      out.push(comment(c.text));
    }
    if (lineIsOpen && all.length === 0 && together(item)) out.push(group(line, printed, separator(i)));
    else {
      breakBefore(all.length > 0 ? (leading.length > 0 ? item.span.start : -1) : item.span.start);
      out.push(printed, separator(i));
    }
    const next = items[i + 1]?.span.start ?? end;
    const trailing = comments.before(next, true);
    for (const c of trailing) out.push(comment(` ${c.text}`));
    lineIsOpen = trailing.length === 0;
  });
  for (const c of comments.before(end)) {
    breakBefore(c.span.start);
    out.push(comment(c.text));
  }
  return out;
}

/** Prints `{ … }` with each item on its own line, and `separator(i)` after the item `i`. */
export function body(
  items: readonly Item[],
  end: number,
  comments: Comments,
  separator: (i: number) => Doc = below.separator,
): Doc {
  const head = comments.before(items[0]?.span.start ?? end, true).map((c) => comment(` ${c.text}`));
  const inner = lines(items, end, comments, { ...below, separator });
  if (inner.length === 0) return head.length > 0 ? ["{", ...head, hard, "}"] : "{ }";
  return ["{", ...head, indent(hard, inner), hard, "}"];
}

/**
 * Prints `{ a, b }` on one line if it fits. A body that was written on several lines stays on several lines, and items that stood
 * together still do.
 */
export function compactBody(
  items: readonly Item[],
  end: number,
  comments: Comments,
  separator: (i: number) => Doc,
): Doc {
  const head = comments.before(items[0]?.span.start ?? end, true).map((c) => comment(` ${c.text}`));
  const keep = items.some((item) => comments.beginsLine(item.span.start));
  const together = (item: Item): boolean => keep && !comments.beginsLine(item.span.start);
  const inner = lines(items, end, comments, { separator, keepBlanks: keep, together });
  if (inner.length === 0) return head.length > 0 ? ["{", ...head, hard, "}"] : "{ }";
  if (keep) return ["{", ...head, indent(hard, inner), hard, "}"];
  return group(
    "{",
    ...head,
    indent(
      line,
      inner.map((part) => (part === hard ? line : part)),
    ),
    line,
    "}",
  );
}
