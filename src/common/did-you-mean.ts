/** Help for a name that is not known: the nearest known name, by the same rule everywhere. */

/** A list that is longer than this would hide the message that it helps with. */
const mostListed = 12;

/** Returns "did you mean `shot`?" as help for an unknown name, or no help if no candidate is near. */
export function suggestNearest(name: string, candidates: Iterable<string>): string[] {
  const near = didYouMean(name, candidates);
  return near === undefined ? [] : [`did you mean \`${near}\`?`];
}

/** Returns the help of `suggestNearest`, or else the list of all candidates if it is short. */
export function suggest(name: string, candidates: Iterable<string>): string[] {
  const all = [...new Set(candidates)].filter((candidate) => candidate !== name);
  const near = suggestNearest(name, all);
  if (near.length > 0 || all.length === 0 || all.length > mostListed) return near;
  return [`there ${all.length === 1 ? "is" : "are"} ${listed(all)}`];
}

/** Returns names as a sentence lists them: `` `a`, `b` and `c` ``. */
export function listed(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``);
  if (quoted.length <= 1) return quoted.join("");
  return `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}`;
}

/**
 * Returns the candidate nearest to `name`, or undefined if none is near. Near means at most max(⌊length / 3⌋, 1) letters put
 * in, left out, changed or swapped with their neighbor; case does not count. Equal distances go to the candidate that
 * shares more of its beginning, then to the first in alphabetical order, so the answer never depends on the order given.
 */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  const limit = Math.max(Math.floor(name.length / 3), 1);
  let best: { candidate: string; distance: number; shared: number } | undefined;
  for (const candidate of compared(wanted, new Set(candidates))) {
    if (candidate === name || Math.abs(candidate.length - name.length) > limit) continue;
    const other = candidate.toLowerCase();
    const distance = editDistance(wanted, other, limit);
    if (distance > limit) continue;
    const shared = sharedPrefix(wanted, other);
    const better =
      best === undefined ||
      distance < best.distance ||
      (distance === best.distance && (shared > best.shared || (shared === best.shared && candidate < best.candidate)));
    if (better) best = { candidate, distance, shared };
  }
  return best?.candidate;
}

/** The most candidates that are compared with a name. A file with thousands of names may have thousands of misspelt ones too. */
const mostCompared = 500;

/** Returns the candidates, or of very many the first in alphabetical order that begin like the name. */
function compared(wanted: string, candidates: ReadonlySet<string>): Iterable<string> {
  if (candidates.size <= mostCompared) return candidates;
  const first = wanted[0];
  const alike: string[] = [];
  for (const candidate of candidates) if (candidate[0]?.toLowerCase() === first) alike.push(candidate);
  return alike.length <= mostCompared ? alike : alike.sort().slice(0, mostCompared);
}

/**
 * Computes the optimal string alignment distance: Levenshtein's distance, with a swap of neighbors counted once. A distance above
 * `limit` may be given as any number above it.
 */
export function editDistance(a: string, b: string, limit = Number.POSITIVE_INFINITY): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    // No later row falls below the smallest number of two rows in a row.
    if (Math.min(...row) > limit && Math.min(...last) > limit) return limit + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

function sharedPrefix(a: string, b: string): number {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}
