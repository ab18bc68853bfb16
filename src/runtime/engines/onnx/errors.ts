/** ONNX Runtime's messages as errors of the engine contract. */
import { EngineError, type EngineErrorKind } from "../engine.js";

const KINDS: readonly (readonly [RegExp, EngineErrorKind])[] = [
  [/failed to allocate|bad_alloc|out of memory|not enough memory|cannot allocate/i, "out-of-memory"],
  [/device.*(lost|removed|hung)/i, "device-lost"],
  [
    /not implemented|could not find an implementation|not a registered function|unsupported|not supported/i,
    "unsupported-op",
  ],
];

export function engineError(cause: unknown, doing: string): EngineError {
  if (cause instanceof EngineError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const kind = KINDS.find(([pattern]) => pattern.test(text))?.[1] ?? "internal";
  return new EngineError(kind, `onnxruntime, ${doing}: ${text}`, { cause });
}
