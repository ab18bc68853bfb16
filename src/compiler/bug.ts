/** Our own mistake: a broken invariant that no input of the user's should reach. Never caught to go on, only to be reported. */
export class CompilerBug extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CompilerBug";
  }
}
