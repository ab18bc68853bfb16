/** The order in which nodes are emitted, and the memory that is alive in it. */
import type { DType, Node } from "./ir.js";
import { Heap } from "./schedule/heap.js";
import { elementCount, type TensorType } from "./shape.js";
import { reachable } from "./walk.js";

const bytesPerElement: Readonly<Record<DType, number>> = { f32: 4, i32: 4, u32: 4, u8: 1, bool: 1 };

/** Returns the bytes of a tensor. */
export function byteSize({ shape, dtype }: TensorType): number {
  return elementCount(shape) * bytesPerElement[dtype];
}

/** Returns the bytes that a node takes while it is alive. Inputs and constants are resident from the start and count 0. */
function footprint(node: Node): number {
  return node.op === "input" || node.op === "const" ? 0 : byteSize(node);
}

/** Returns the distinct operands and the users of each node. */
function uses(nodes: readonly Node[]): { operands: Map<Node, readonly Node[]>; users: Map<Node, Node[]> } {
  const operands = new Map<Node, readonly Node[]>();
  const users = new Map<Node, Node[]>(nodes.map((node) => [node, []]));
  for (const node of nodes) {
    const distinct = [...new Set(node.inputs)];
    operands.set(node, distinct);
    for (const operand of distinct) users.get(operand)?.push(node);
  }
  return { operands, users };
}

/** Returns the largest number of bytes alive at once when `order` runs. A result is made before its last-used operands are freed. */
export function peakBytes(order: readonly Node[], outputs: readonly Node[]): number {
  const { operands, users } = uses(order);
  const kept = new Set(outputs);
  const left = new Map(order.map((node) => [node, users.get(node)?.length ?? 0]));
  let alive = 0;
  let peak = 0;
  for (const node of order) {
    alive += footprint(node);
    peak = Math.max(peak, alive);
    for (const operand of operands.get(node) ?? []) {
      const remaining = (left.get(operand) ?? 0) - 1;
      left.set(operand, remaining);
      if (remaining === 0 && !kept.has(operand)) alive -= footprint(operand);
    }
    if (left.get(node) === 0 && !kept.has(node)) alive -= footprint(node);
  }
  return peak;
}

/**
 * Returns every node that `outputs` depend on, operands first, in an order of low peak memory. It is the order of creation,
 * but a node that frees at least as much as it takes runs as soon as it can, and sources wait for their first user. If that
 * is no better, the result is the order of creation.
 */
export function schedule(outputs: readonly Node[]): Node[] {
  const made = reachable(outputs);
  const eager = eagerOrder(made, new Set(outputs));
  return peakBytes(eager, outputs) < peakBytes(made, outputs) ? eager : made;
}

function eagerOrder(nodes: readonly Node[], outputs: ReadonlySet<Node>): Node[] {
  const { operands, users } = uses(nodes);
  const waitingFor = new Map(nodes.map((node) => [node, computed(operands.get(node)).length]));
  const left = new Map(nodes.map((node) => [node, users.get(node)?.length ?? 0]));
  const done = new Set<Node>();
  const order: Node[] = [];
  /** Returns the bytes alive after a node minus those before it. It only falls while other users of its operands run. */
  const growth = (node: Node): number => {
    let bytes = footprint(node);
    for (const operand of operands.get(node) ?? [])
      if (left.get(operand) === 1 && !outputs.has(operand)) bytes -= footprint(operand);
    return bytes;
  };
  const oldest = new Heap<Node>((node) => node.id);
  // A node is in the heap once for each time that its growth fell. The lowest entry is the current one and comes first.
  const freeing = new Heap<{ readonly node: Node; readonly bytes: number }>(
    ({ bytes }) => bytes,
    ({ node }) => node.id,
  );
  const consider = (node: Node): void => {
    const bytes = growth(node);
    if (bytes <= 0) freeing.push({ node, bytes });
  };
  const enqueue = (node: Node): void => {
    oldest.push(node);
    consider(node);
  };
  const run = (node: Node): void => {
    done.add(node);
    order.push(node);
    for (const operand of operands.get(node) ?? []) {
      const remaining = (left.get(operand) ?? 0) - 1;
      left.set(operand, remaining);
      if (remaining !== 1) continue;
      const last = users.get(operand)?.find((user) => !done.has(user));
      if (last !== undefined && waitingFor.get(last) === 0) consider(last);
    }
    if (node.inputs.length === 0) return;
    for (const user of users.get(node) ?? []) {
      const waiting = (waitingFor.get(user) ?? 0) - 1;
      waitingFor.set(user, waiting);
      if (waiting === 0) enqueue(user);
    }
  };
  for (const node of nodes) if (node.inputs.length > 0 && waitingFor.get(node) === 0) enqueue(node);
  for (;;) {
    const next = freeing.pop()?.node ?? oldest.pop();
    if (next === undefined) break;
    if (done.has(next)) continue;
    for (const operand of operands.get(next) ?? []) if (!done.has(operand)) run(operand);
    run(next);
  }
  for (const node of nodes) if (!done.has(node)) run(node);
  return order;
}

/** Returns the operands that have operands themselves. Sources are made when they are needed. */
function computed(operands: readonly Node[] | undefined): readonly Node[] {
  return (operands ?? []).filter((operand) => operand.inputs.length > 0);
}
