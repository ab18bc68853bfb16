/** Our own mistake: a broken invariant that no input of the user's should reach. Never caught to go on, only to be reported. */
export class CompilerBug extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CompilerBug";
  }
}

/** The value at a place that is known to have one. */
export function nth<T>(values: readonly T[] | undefined, i: number): T {
  const value = values?.[i];
  if (value === undefined) throw new CompilerBug(`a list of ${values?.length ?? 0} has no value ${i}`);
  return value;
}
