import type { Node } from "./ir.js";
import { reachable } from "./walk.js";

export function schedule(roots: readonly Node[]): Node[] {
  return reachable(roots);
}
