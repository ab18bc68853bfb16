/** What the registry holds of one diagnostic code. `{hole}`s in `message` are filled by name. */
export interface Code {
  readonly severity: "error" | "warning";
  /** A short noun phrase: the heading of `fslc explain`. */
  readonly title: string;
  readonly message: string;
  /** Why this is refused, in a few sentences. */
  readonly explanation: string;
  /** A smallest file (or command) that triggers it. */
  readonly example: string;
  /** What to do about it. */
  readonly fix: string;
}

type HolesOf<M extends string> = M extends `${string}{${infer Hole}}${infer Rest}` ? Hole | HolesOf<Rest> : never;
/** The values that a code's message needs, checked at compile time from its text. */
export type Holes<C extends { readonly message: string }> = { readonly [K in HolesOf<C["message"]>]: string | number };

/** Keeps the literal text of each message, so that `Holes` can read it. */
export function codes<const T extends Readonly<Record<`FSL${number}`, Code>>>(table: T): T {
  return table;
}
