/** What every engine refuses to run with, in the same words. */
import type { ProgramInput } from "../../compiler/tensor/ir.js";
import { EngineError, type Handle, type HostTensor } from "./engine.js";

/** The argument of an input. @throws EngineError where there is none, or it is of another type or shape. */
export function argumentOf(
  { name, node }: ProgramInput,
  args: Readonly<Record<string, Handle | HostTensor>>,
  where: string,
): Handle | HostTensor {
  const arg = args[name];
  if (arg === undefined) throw new EngineError("internal", `${where}: missing`);
  if (arg.dtype !== node.dtype || arg.shape.join() !== node.shape.join()) {
    const [wanted, got] = [node, arg].map(({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`);
    throw new EngineError("internal", `${where}: takes ${wanted}, got ${got}`);
  }
  return arg;
}

/** The handle as one of an engine's own, made by `kind` and not yet given back. @throws EngineError where it is another. */
export function liveHandle<H extends Handle & { readonly owner: object; readonly alive: boolean }>(
  handle: Handle,
  kind: abstract new (...args: never[]) => H,
  owner: object,
  use: string,
): H {
  if (!(handle instanceof kind) || handle.owner !== owner)
    throw new EngineError("internal", `${use}: the handle is of another engine`);
  if (!handle.alive) throw new EngineError("internal", `${use}: the handle was freed or consumed`);
  return handle;
}
