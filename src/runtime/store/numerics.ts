/** Records everything that makes the numbers of two runs of one stage differ. It is the second half of the address of a store entry. */
import type { Numerics } from "../engines/engine.js";
import { instructionSets } from "../system/instructions.js";
import { sha256 } from "../system/sha256.js";

/** The numerics of a stage. Chunk sizes are recorded because they change the order of sums inside some kernels. */
export interface NumericsRecord extends Numerics {
  /** The architecture of the processor, such as `x64` or `arm64`. */
  readonly arch: string;
  /** The instruction sets by which kernels are chosen, or none if the system does not tell. */
  readonly instructions: readonly string[];
  readonly chunks: { readonly images: number; readonly episodes: number };
}

export function numericsRecord(engine: Numerics, chunks: NumericsRecord["chunks"]): NumericsRecord {
  return { ...engine, arch: process.arch, instructions: instructionSets(), chunks };
}

/** Returns a folder name for a record. Equal records have equal names. */
export function numericsId(record: NumericsRecord): string {
  const { engine, version, device, adapter, threads, precision, arch, instructions, chunks } = record;
  const canonical: unknown[] = [engine, version, device, threads, arch, instructions, chunks.images, chunks.episodes];
  if (adapter !== undefined) canonical.push(adapter);
  // Records of f32 are named as they were before there were others.
  if (precision !== undefined) canonical.push({ precision });
  return sha256(JSON.stringify(canonical)).slice(0, 16);
}
