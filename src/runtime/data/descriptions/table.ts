/** A description of classes as numbers: one row for each class, with a name for each column. */
import { sha256 } from "../../system/sha256.js";

export interface DescriptionTable {
  readonly columns: readonly string[];
  /** The numbers of each class by its name. */
  readonly rows: ReadonlyMap<string, readonly number[]>;
}

/** The words that are known of each class, such as its tags. */
export type ClassWords = ReadonlyMap<string, readonly string[]>;

/** A word becomes a column if at least this many training classes have it. With fewer, nothing could be learned about it. */
const sharedBy = 2;

/**
 * Returns words as numbers. A column is a word that two or more training classes have. A class has there the inverse frequency
 * log(N / n) of the word if it has the word, and 0 otherwise: N is the number of training classes, and n of them have the word.
 * Other words are left out, because only training classes may decide what the columns are.
 */
export function tableOfWords(words: ClassWords, training: readonly string[]): DescriptionTable {
  const counts = new Map<string, number>();
  for (const name of training)
    for (const word of new Set(words.get(name))) counts.set(word, (counts.get(word) ?? 0) + 1);
  const columns = [...counts].flatMap(([word, count]) => (count >= sharedBy ? [word] : [])).sort();
  const place = new Map(columns.map((word, i) => [word, i]));
  const rows = new Map<string, readonly number[]>();
  for (const [name, own] of words) {
    const row = new Array<number>(columns.length).fill(0);
    for (const word of own) {
      const at = place.get(word);
      if (at !== undefined) row[at] = Math.log(training.length / (counts.get(word) ?? 1));
    }
    rows.set(name, row);
  }
  return { columns, rows };
}

/** Returns the SHA-256 of the columns and rows. */
export function tableDigest({ columns, rows }: DescriptionTable): string {
  return sha256(JSON.stringify([columns, [...rows].sort(([a], [b]) => (a < b ? -1 : 1))]));
}
