/** Names the instruction sets of the processor by which libraries choose their kernels. */
import { readFileSync } from "node:fs";

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
