/**
 * Returns the value that a record holds under a key, or undefined. Plain `record[key]` would also find what every object inherits, so
 * a user's name such as `constructor` or `toString` would be taken for an entry.
 */
export function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
