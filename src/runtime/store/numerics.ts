/** Records everything that makes the numbers of two runs of one stage differ. It is the second half of the address of a store entry. */
import { readFileSync } from "node:fs";
import type { Numerics } from "../engines/engine.js";
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
  const { engine, version, device, adapter, threads, arch, instructions, chunks } = record;
  const canonical = [engine, version, device, threads, arch, instructions, chunks.images, chunks.episodes];
  if (adapter !== undefined) canonical.push(adapter);
  return sha256(JSON.stringify(canonical)).slice(0, 16);
}

/** The instruction sets by which kernels are chosen. */
const relevantInstructions = [
  "avx",
  "avx2",
  "fma",
  "avx512f",
  "avx512_vnni",
  "avx512_bf16",
  "amx_tile",
  "asimd",
  "sve",
  "i8mm",
];

/** Returns those of this processor, or none if the system does not tell. */
export function instructionSets(): string[] {
  let flags: Set<string>;
  try {
    const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"));
    flags = new Set(line?.[1]?.split(/\s+/) ?? []);
  } catch {
    return []; // On other systems than Linux only the architecture is recorded.
  }
  return relevantInstructions.filter((flag) => flags.has(flag));
}
