/** The registry's entry for one diagnostic code. Each `{hole}` in `message` is filled by name. */
export interface Code {
  readonly severity: "error" | "warning";
  /** A short noun phrase, which is the heading of `fslc explain`. */
  readonly title: string;
  readonly message: string;
  /** The reason for the diagnostic, in a few sentences. */
  readonly explanation: string;
  /** A file or a command, as small as possible, that triggers it. */
  readonly example: string;
  /** The example without the mistake. Absent if the example is no text in FSL, or has several files. */
  readonly corrected?: string;
  /** The remedy, in one or two sentences. It is printed after `help:`. */
  readonly fix: string;
}

type HolesOf<M extends string> = M extends `${string}{${infer Hole}}${infer Rest}` ? Hole | HolesOf<Rest> : never;
/** The values for the holes of a code's message. TypeScript reads the names of the holes from the message. */
export type Holes<C extends { readonly message: string }> = { readonly [K in HolesOf<C["message"]>]: string | number };

/** Declares a table of codes and keeps the literal text of each message, so that `Holes` can read it. */
export function codes<const T extends Readonly<Record<`FSL${number}`, Code>>>(table: T): T {
  return table;
}
