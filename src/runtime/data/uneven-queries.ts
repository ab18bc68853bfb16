/** Draws how many queries each class of an episode has, where the classes are not balanced. */
import { dirichlet } from "../../common/random/dirichlet.js";
import type { Stream } from "../../common/random/stream.js";

/**
 * Returns the number of queries of each class: `total` divided by shares of a symmetric Dirichlet distribution (Veilleux et al. 2021).
 * Shares are rounded down, and the queries that are left go to the largest remainders. A class gives at most `room` queries,
 * the images that it has; what it cannot give, the others do, by their shares. The rooms must hold the total.
 */
export function unevenCounts(stream: Stream, concentration: number, total: number, room: readonly number[]): number[] {
  const shares = [...dirichlet(stream, concentration, room.length)];
  const counts = room.map(() => 0);
  for (let left = total; left > 0; ) {
    const open = [...counts.keys()].filter((c) => (counts[c] ?? 0) < (room[c] ?? 0));
    const mass = open.reduce((sum, c) => sum + (shares[c] ?? 0), 0);
    const wanted = open.map((c) => ({ c, exact: mass > 0 ? ((shares[c] ?? 0) / mass) * left : left / open.length }));
    const rounded = left - wanted.reduce((sum, { exact }) => sum + Math.floor(exact), 0);
    wanted.sort((a, b) => (b.exact % 1) - (a.exact % 1) || a.c - b.c);
    for (const [i, { c, exact }] of wanted.entries()) {
      left -= give(counts, room, c, Math.floor(exact) + (i < rounded ? 1 : 0));
    }
  }
  return counts;
}

/** Gives a class more queries, as far as it has room. Returns how many. */
function give(counts: number[], room: readonly number[], c: number, more: number): number {
  const before = counts[c] ?? 0;
  counts[c] = Math.min(before + more, room[c] ?? 0);
  return counts[c] - before;
}
