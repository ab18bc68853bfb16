/** What makes two runs of one stage differ in their numbers: the second half of a store entry's address. */
import { readFileSync } from "node:fs";
import type { Numerics } from "../engines/engine.js";
import { sha256 } from "../system/sha256.js";

/** Chunk sizes of embedding and classifying change the order of sums inside some kernels, so they are recorded too. */
export interface NumericsRecord extends Numerics {
  /** `x64`, `arm64`, … */
  readonly arch: string;
  /** The instruction sets that kernels choose by; empty where the system does not say. */
  readonly instructions: readonly string[];
  readonly chunks: { readonly images: number; readonly episodes: number };
}

export function numericsRecord(engine: Numerics, chunks: NumericsRecord["chunks"]): NumericsRecord {
  return { ...engine, arch: process.arch, instructions: instructionSets(), chunks };
}

/** A folder name: equal records, equal names. */
export function numericsId(record: NumericsRecord): string {
  const { engine, version, device, adapter, threads, arch, instructions, chunks } = record;
  const canonical = [engine, version, device, threads, arch, instructions, chunks.images, chunks.episodes];
  if (adapter !== undefined) canonical.push(adapter);
  return sha256(JSON.stringify(canonical)).slice(0, 16);
}

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

function instructionSets(): string[] {
  let flags: Set<string>;
  try {
    const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"));
    flags = new Set(line?.[1]?.split(/\s+/) ?? []);
  } catch {
    return []; // Not Linux: the architecture alone has to do.
  }
  return relevantInstructions.filter((flag) => flags.has(flag));
}
