/** The error for a command line that fslc cannot follow. Its message is printed as it is, and the exit code is 3. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}
