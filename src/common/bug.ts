/** A mistake of the compiler: a broken invariant that no input can cause. It is caught only to be reported. */
export class CompilerBug extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CompilerBug";
  }
}

/** Returns the value at an index that is known to have one. @throws CompilerBug if there is none. */
export function nth<T>(values: readonly T[] | undefined, i: number): T {
  const value = values?.[i];
  if (value === undefined) throw new CompilerBug(`a list of ${values?.length ?? 0} has no value ${i}`);
  return value;
}
