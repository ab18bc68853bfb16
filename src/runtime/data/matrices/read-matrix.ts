/** Reads a matrix of vectors from a file, in the format that its name ends with. */
import { extname } from "node:path";
import { mostBytes, readRegularFile } from "../../system/read-file.js";
import { listVariables, type MatVariable } from "./mat.js";
import { type Matrix, type MatrixBody, MatrixError, type MatrixShape, readStart, takeNumbers } from "./matrix.js";
import { npyBody, npyStart } from "./npy.js";
import { safetensorsBody, safetensorsStart } from "./safetensors-matrix.js";

interface Format {
  shape(path: string): MatrixShape;
  read(path: string): Matrix;
}

/** Returns the format of files whose header says where the numbers stand. */
function headed(start: number, bodyOf: (bytes: Uint8Array) => MatrixBody): Format {
  return {
    shape: (path) => bodyOf(readStart(path, start)),
    read: (path) => {
      const bytes = readRegularFile(path, mostBytes.weights);
      return takeNumbers(bytes, bodyOf(bytes));
    },
  };
}

/** The variable with the vectors in files of the zero-shot benchmark. Each column of it is one vector. */
const features = "features";

const formats: Readonly<Record<string, Format>> = {
  ".npy": headed(npyStart, npyBody),
  ".safetensors": headed(safetensorsStart, safetensorsBody),
  ".mat": {
    shape: (path) => shapeOf(featuresOf(path)),
    read: (path) => {
      const variable = featuresOf(path);
      const { rows, columns } = shapeOf(variable);
      const numbers = variable.content();
      if (numbers.kind !== "numbers") throw new MatrixError(`\`${features}\` has no numbers`);
      // MATLAB stores column by column, so the numbers of a vector stand side by side.
      return { rows, columns, data: Float32Array.from({ length: numbers.count }, (_, i) => numbers.at(i)) };
    },
  },
};

/** Returns true for a file of vectors, of which an image is one row. */
export function isMatrixFile(path: string): boolean {
  return Object.hasOwn(formats, extname(path));
}

/** Returns how many vectors a file has, and how long they are. It reads the start of the file. @throws MatrixError if it has none. */
export function readShape(path: string): MatrixShape {
  return formatOf(path).shape(path);
}

/** Returns the vectors of a file. @throws MatrixError if it has none, and RefusedFileError if it is too large. */
export function readMatrix(path: string): Matrix {
  return formatOf(path).read(path);
}

function formatOf(path: string): Format {
  const format = formats[extname(path)];
  if (format === undefined) throw new MatrixError("its name does not end with .npy, .safetensors or .mat");
  return format;
}

function featuresOf(path: string): MatVariable {
  const found = listVariables(path).find(({ name }) => name === features);
  if (found === undefined) throw new MatrixError(`it has no variable \`${features}\``);
  return found;
}

function shapeOf({ sizes }: MatVariable): MatrixShape {
  const [columns, rows, ...more] = sizes;
  if (rows === undefined || columns === undefined || more.length > 0)
    throw new MatrixError(`\`${features}\` has the sizes ${sizes.join(" × ")}, and numbers × vectors are needed`);
  return { rows, columns };
}
