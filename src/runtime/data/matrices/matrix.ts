/** Matrices of numbers in files of other programs. */

/** Thrown for a file that is no matrix. The message is a clause about the file: "it is cut off". */
export class MatrixError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MatrixError";
  }
}
