/** Streams of random bits for episodes side by side, each under a key of its own. */
import { threefry2x32 } from "../../tensor/decompose/random.js";
import type { Node, Shape } from "../../tensor/ir.js";
import type { Ops } from "../../tensor/ops.js";
import { elementCount } from "../../tensor/shape.js";

/** The most streams that have a `random_bits` each. A training step has few episodes, and engines may have a kernel for the op. */
const mostSeparate = 8;

/**
 * Returns u32 [streams, …shape]: stream i has the key (first, second[i]), where `first` is u32 [1] and `second` u32 [streams]. Many
 * streams are computed as one, so that the program does not grow with their number. The bits are those of `random_bits` either way.
 */
export function randomStreams(t: Ops, first: Node, second: Node, shape: Shape): Node {
  const [streams = 1] = second.shape;
  if (streams > mostSeparate) return together(t, first, second, shape);
  const zero = t.constant([1], [0], "u32");
  const separate = Array.from({ length: streams }, (_, i) => {
    const key = t.concat([first, t.sliceAxis(second, 0, i, i + 1)], 0);
    return t.reshape(t.randomBits(key, zero, shape), [1, ...shape]);
  });
  return t.concat(separate, 0);
}

function together(t: Ops, first: Node, second: Node, shape: Shape): Node {
  const [streams = 1] = second.shape;
  const count = elementCount(shape);
  const blocks = Math.ceil(count / 2);
  const all = [streams, blocks];
  const words: [Node, Node] = [t.splat(t.reshape(first, []), all), t.broadcast(second, all, [0])];
  const counter = t.iota(all, 1, "u32");
  const pair = threefry2x32(t, words, [counter, t.zerosLike(counter)]);
  const bits = t.concat(
    pair.map((half) => t.reshape(half, [...all, 1])),
    2,
  );
  return t.reshape(t.sliceAxis(t.reshape(bits, [streams, 2 * blocks]), 1, 0, count), [streams, ...shape]);
}
