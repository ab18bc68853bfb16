/** A command line that cannot be followed; its message is all there is to say. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}
