import fc from "fast-check";
import { expect, test } from "vitest";
import type { Pixels } from "../../src/runtime/data/pixels.js";
import { foreground } from "../../src/runtime/data/transforms/foreground/foreground.js";
import { grabCut } from "../../src/runtime/data/transforms/foreground/grab-cut.js";
import { FlowGraph } from "../../src/runtime/data/transforms/foreground/max-flow.js";

const [height, width] = [20, 24];
const isDisk = (x: number, y: number): boolean => (x - 12) ** 2 + (y - 9) ** 2 <= 36;
const box = { left: 4, top: 2, width: 17, height: 15 };
/** A noisy disk on a noisy ground. */
function disk(): Pixels {
  const image = { channels: 3, height, width, data: new Uint8Array(3 * height * width) };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const noise = (x * 37 + y * 91 + x * y * 13) % 40;
      const color = isDisk(x, y)
        ? [200 - noise, 80 + noise, 40 + Math.floor(noise / 2)]
        : [60 + noise, 110 + noise, 150 - noise];
      for (const [c, value] of color.entries()) image.data[(c * height + y) * width + x] = value;
    }
  return image;
}

test("GrabCut finds the disk, as OpenCV's `grabCut` does in this image with this box and five iterations", () => {
  const object = grabCut(disk(), box, 5) ?? new Uint8Array();
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from(object.subarray(y * width, (y + 1) * width), (value) => (value === 1 ? "#" : ".")).join(""),
  );
  expect(rows).toEqual(
    Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (__, x) => (isDisk(x, y) ? "#" : ".")).join(""),
    ),
  );
});

test("`foreground` keeps the object and puts gray elsewhere, and leaves an image without background as it is", () => {
  const image = disk();
  const { data } = foreground(image, box);
  const at = (x: number, y: number): number => data[y * width + x] ?? -1;
  expect(at(12, 9)).toBe(image.data[9 * width + 12]);
  expect([at(0, 0), at(5, 3), at(23, 19)]).toEqual([128, 128, 128]);
  const whole = { left: 0, top: 0, width, height };
  expect(foreground(image, whole)).toBe(image);
  const dot = { channels: 1, height: 1, width: 1, data: Uint8Array.of(7) };
  expect(foreground(dot, undefined)).toBe(dot);
  const plain = { channels: 1, height: 9, width: 9, data: new Uint8Array(81).fill(50) };
  expect(foreground(plain, undefined).data.length).toBe(81);
});

test("the cut of a graph is the smallest of all cuts", () => {
  const nodes = 6;
  const edge = fc.tuple(fc.nat(nodes - 1), fc.nat(nodes - 1), fc.nat(9)).filter(([a, b]) => a !== b);
  const ends = fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { minLength: nodes, maxLength: nodes });
  fc.assert(
    fc.property(fc.array(edge, { maxLength: 14 }), ends, (edges, hung) => {
      const weight = (side: (node: number) => boolean): number =>
        hung.reduce((sum, [source, sink], node) => sum + (side(node) ? sink : source), 0) +
        edges.reduce((sum, [a, b, w]) => sum + (side(a) === side(b) ? 0 : w), 0);
      const graph = new FlowGraph(nodes, edges.length);
      for (const [node, [source, sink]] of hung.entries()) graph.hang(node, source, sink);
      for (const [a, b, w] of edges) graph.join(a, b, w);
      const cut = graph.cut();
      const all = Array.from({ length: 2 ** nodes }, (_, set) => weight((node) => ((set >> node) & 1) === 1));
      expect(weight((node) => cut[node] === 1)).toBe(Math.min(...all));
    }),
    { numRuns: 300 },
  );
});
