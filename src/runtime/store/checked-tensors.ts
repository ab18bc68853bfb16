/** Files of tensors that carry the digest of their content, so that damage is found when they are read. */
import { readFileSync } from "node:fs";
import type { HostTensors } from "../engines/engine.js";
import { replaceFile } from "../system/durable.js";
import { SafetensorsError, splitSafetensors } from "../system/safetensors-header.js";
import { sha256 } from "../system/sha256.js";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";

/** Reads the tensors of a file. Returns undefined if there is no file, and an error if they are not as they were written. */
export function readCheckedTensors(file: string): HostTensors | SafetensorsError | undefined {
  try {
    const bytes = readFileSync(file);
    const values = decodeSafetensors(bytes);
    const { sha256: written } = (splitSafetensors(bytes).header["__metadata__"] ?? {}) as { sha256?: unknown };
    return written === digestOf(values)
      ? values
      : new SafetensorsError("its values are not the ones that were written");
  } catch (error) {
    if (error instanceof SafetensorsError) return error;
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes tensors with their digest. The file is complete or absent. */
export async function writeCheckedTensors(file: string, values: HostTensors): Promise<void> {
  await replaceFile(file, encodeSafetensors(values, { sha256: digestOf(values) }));
}

/** Returns a digest of names, shapes and numbers. */
const digestOf = (values: HostTensors): string => sha256(encodeSafetensors(values));
