/** Finds the one matrix of a safetensors file, which has the vectors of a data set. */
import { SafetensorsError, splitSafetensors } from "../../system/safetensors-header.js";
import { type MatrixBody, MatrixError, type NumberKind, numberKinds } from "./matrix.js";

const kinds: Readonly<Record<string, NumberKind>> = {
  F16: numberKinds.f16,
  F32: numberKinds.f32,
  F64: numberKinds.f64,
};

/** The bytes that hold the header of a file with a few tensors. */
export const safetensorsStart = 65_536;

/** Returns where the numbers of a file stand, from its first bytes. @throws MatrixError if it has no matrix or several. */
export function safetensorsBody(bytes: Uint8Array): MatrixBody {
  let split: ReturnType<typeof splitSafetensors>;
  try {
    split = splitSafetensors(bytes);
  } catch (error) {
    if (error instanceof SafetensorsError) throw new MatrixError(error.message);
    throw error;
  }
  const matrices = Object.entries(split.header).flatMap(([name, entry]) => {
    const { dtype, shape, data_offsets: places } = (entry ?? {}) as Readonly<Record<string, unknown>>;
    const kind = typeof dtype === "string" ? kinds[dtype] : undefined;
    if (name === "__metadata__" || kind === undefined || !isPair(shape) || !isPair(places)) return [];
    const [rows, columns] = shape;
    return [{ rows, columns, offset: split.body.byteOffset - bytes.byteOffset + places[0], kind, byColumn: false }];
  });
  const [matrix, ...more] = matrices;
  if (matrix === undefined || more.length > 0)
    throw new MatrixError(`it has ${matrices.length} tensors [vector, number] of real numbers, and one is needed`);
  return matrix;
}

function isPair(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((one) => Number.isInteger(one) && one >= 0);
}
