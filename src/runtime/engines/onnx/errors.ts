/** Turns error messages of ONNX Runtime into errors of the engine contract. */
import { EngineError, type EngineErrorKind } from "../engine.js";
import { missingGpu } from "./webgpu/missing.js";

const kinds: readonly (readonly [RegExp, EngineErrorKind])[] = [
  // A failed allocation of a GPU buffer shows only where the buffer is used ("invalid buffer"). A buffer larger than a shader
  // may see is split, until there are too many parts ("too many storage buffers").
  [
    /failed to allocate|bad_alloc|out of (\w+ )?memory|out_of_\w*memory|not enough memory|cannot allocate|invalid buffer|too many storage buffers/i,
    "out-of-memory",
  ],
  [/device.*(lost|removed|hung)/i, "device-lost"],
  [
    /not implemented|could not find an implementation|not a registered function|unsupported|not supported|fallback to cpu ep/i,
    "unsupported-op",
  ],
];

export function engineError(cause: unknown, doing: string): EngineError {
  if (cause instanceof EngineError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const missing = missingGpu(text);
  if (missing !== undefined)
    return new EngineError("internal", `${doing}: ${missing.why}; to fix it: ${missing.fix}`, { cause });
  const kind = kinds.find(([pattern]) => pattern.test(text))?.[1] ?? "internal";
  return new EngineError(kind, `onnxruntime, ${doing}: ${shortMessage(text)}`, { cause });
}

/** Removes the file, the signature and the node's name, which mean nothing outside of ONNX Runtime's sources. */
function shortMessage(text: string): string {
  const status = /Non-zero status code returned while running (\w+) node\. Name:'[^']*' Status Message: (.*)/s.exec(
    text,
  );
  const [, op, message = text] = status ?? [];
  const what = message.replace(/^\/\S+:\d+ .*?\) (?=\S)/, "");
  return op === undefined ? what : `${op}: ${what}`;
}
