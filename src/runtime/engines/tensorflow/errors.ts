/** Turns error messages of TensorFlow into errors of the engine contract. */
import { EngineError, type EngineErrorKind } from "../engine.js";

const kinds: readonly (readonly [RegExp, EngineErrorKind])[] = [
  [
    /OOM when allocating|received an exception:\s*Status: 1,|resource exhausted|ran out of memory|bad_alloc|failed to allocate|out of memory/i,
    "out-of-memory",
  ],
  [/CUDA_ERROR_(?!OUT_OF_MEMORY)|device lost|illegal memory access|cudaErrorECC|GPU.*fell off the bus/i, "device-lost"],
  [
    /op type not registered|could not find device for node|no registered '.*' opkernel|not supported|unimplemented|not implemented/i,
    "unsupported-op",
  ],
];

/** Tells whether a kernel reports a matrix without a decomposition. A matrix with a NaN has none. */
export function isSingular(cause: unknown): boolean {
  return cause instanceof Error && /decomposition was not successful|not invertible|is singular/i.test(cause.message);
}

/** The status code that the addon puts before the message of TensorFlow. */
const status = /^Invalid TF_Status: \d+\s+Message: /;

export function engineError(cause: unknown, doing: string): EngineError {
  if (cause instanceof EngineError) return cause;
  const text = (cause instanceof Error ? cause.message : String(cause)).replace(status, "");
  const kind = kinds.find(([pattern]) => pattern.test(text))?.[1] ?? "internal";
  return new EngineError(kind, `tensorflow, ${doing}: ${text.split("\n", 1)[0] ?? text}`, { cause });
}
