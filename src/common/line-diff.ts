/** Compares two texts line by line. */

/** A line of a comparison: in both texts, or in one of them only. */
export interface DiffLine {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
}

/** Beyond this number of pairs of lines the middle parts are given whole, because a table of all pairs would be too large. */
const maxPairs = 4_000_000;

/** Returns the lines of both texts in order. As many lines as possible are the same, and removed lines stand before added ones. */
export function diffLines(a: string, b: string): DiffLine[] {
  const [left, right] = [a.split("\n"), b.split("\n")];
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  const shorter = Math.min(left.length, right.length) - start;
  while (end < shorter && left[left.length - 1 - end] === right[right.length - 1 - end]) end++;
  const mark = (kind: DiffLine["kind"], lines: readonly string[]): DiffLine[] => lines.map((text) => ({ kind, text }));
  return [
    ...mark("same", left.slice(0, start)),
    ...diffMiddle(left.slice(start, left.length - end), right.slice(start, right.length - end)),
    ...mark("same", left.slice(left.length - end)),
  ];
}

/** Compares by the longest common subsequence of lines. */
function diffMiddle(left: readonly string[], right: readonly string[]): DiffLine[] {
  const width = right.length + 1;
  const whole = left.length * right.length > maxPairs;
  // common[i * width + j]: how many lines left[i…] and right[j…] have in common.
  const common = new Uint32Array(whole ? 0 : (left.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = left.length - 1; i >= 0 && !whole; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      common[i * width + j] = left[i] === right[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [one, other] = [left[i], right[j]];
    if (one !== undefined && one === other && !whole) {
      lines.push({ kind: "same", text: one });
      i++;
      j++;
    } else if (one !== undefined && (other === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ kind: "removed", text: one });
      i++;
    } else if (other !== undefined) {
      lines.push({ kind: "added", text: other });
      j++;
    }
  }
  return lines;
}

/** Returns the changed lines with up to `context` lines around them. An undefined item stands for the lines that are left out. */
export function changedLines(lines: readonly DiffLine[], context: number): (DiffLine | undefined)[] {
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - context), i + context + 1).some((l) => l.kind !== "same"),
  );
  return lines.flatMap((line, i) => {
    if (near[i]) return [line];
    return near[i - 1] && near.includes(true, i) ? [undefined] : [];
  });
}
