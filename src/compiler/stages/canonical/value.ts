/** Canonical values: plain data with one text for each value. */

export type Canonical = null | boolean | number | string | readonly Canonical[] | CanonicalFields;
export type CanonicalFields = { readonly [key: string]: Canonical };

/** Returns a text with sorted keys. Two values have the same text if and only if they are equal. */
export function canonicalText(value: Canonical): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalText(v)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** Copies plain data without its spans and its undefined fields. */
export function plain(value: unknown): Canonical {
  if (value === null || value === undefined) return null;
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(plain);
  return plainFields(value);
}

/** Copies the fields of an object as `plain` does. */
export function plainFields(value: object): CanonicalFields {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, field]) => key !== "span" && field !== undefined)
      .map(([key, field]) => [key, plain(field)]),
  );
}
