/** Rewrite rules for identities of arithmetic. None assumes that a value is finite, so 0·x stays. */
import type { Node } from "../ir.js";
import { splat } from "./fold.js";
import type { RewriteRule } from "./rewrite.js";

const pair = (node: Node): readonly [Node, Node] => node.inputs as unknown as readonly [Node, Node];

export const algebraRules: readonly RewriteRule[] = [
  {
    name: "x + 0 = x, x + (−y) = x − y",
    on: ["add"],
    apply: (o, node) => {
      const [a, b] = pair(node);
      if (splat(b) === 0) return a;
      if (splat(a) === 0) return b;
      if (b.op === "neg") return o.sub(a, pair(b)[0]);
      if (a.op === "neg") return o.sub(b, pair(a)[0]);
      return undefined;
    },
  },
  {
    name: "x − 0 = x, 0 − x = −x, x − (−y) = x + y",
    on: ["sub"],
    apply: (o, node) => {
      const [a, b] = pair(node);
      if (splat(b) === 0) return a;
      if (splat(a) === 0) return o.neg(b);
      return b.op === "neg" ? o.add(a, pair(b)[0]) : undefined;
    },
  },
  {
    name: "x · 1 = x, x · −1 = −x, (x · a) · b = x · ab",
    on: ["mul"],
    apply: (o, node) => {
      const [a, b] = pair(node);
      const [left, right] = [splat(a), splat(b)];
      if (right === undefined) return left === undefined ? undefined : o.mul(b, a);
      if (right === 1) return a;
      if (right === -1 && node.dtype !== "u32") return o.neg(a);
      if (a.op === "neg") return o.mul(pair(a)[0], -right);
      const inner = a.op === "mul" ? splat(pair(a)[1]) : undefined;
      return inner === undefined || node.dtype !== "f32" ? undefined : o.mul(pair(a)[0], inner * right);
    },
  },
  {
    name: "x / 1 = x, x / c = x · (1/c)",
    on: ["div"],
    apply: (o, node) => {
      const [a, b] = pair(node);
      const value = splat(b);
      if (value === 1) return a;
      // The product is exact only for powers of two. For other divisors it would round differently, so the division stays.
      const exact =
        value !== undefined && node.dtype === "f32" && value !== 0 && Number.isInteger(Math.log2(Math.abs(value)));
      return exact ? o.mul(a, 1 / value) : undefined;
    },
  },
  {
    name: "−(−x) = x, −(a − b) = b − a",
    on: ["neg"],
    apply: (o, node) => {
      const [x] = node.inputs as [Node];
      if (x.op === "neg") return pair(x)[0];
      return x.op === "sub" ? o.sub(pair(x)[1], pair(x)[0]) : undefined;
    },
  },
  {
    name: "x¹ = x, x² = x · x",
    on: ["pow"],
    apply: (o, node) => {
      const [x, exponent] = pair(node);
      if (splat(exponent) === 1) return x;
      return splat(exponent) === 2 ? o.square(x) : undefined;
    },
  },
  {
    name: "a choice that is no choice",
    on: ["select"],
    apply: (_, node) => {
      const [condition, a, b] = node.inputs as [Node, Node, Node];
      if (a === b) return a;
      const taken = splat(condition);
      return taken === undefined ? undefined : taken === 0 ? b : a;
    },
  },
  {
    name: "a cast to the type it has",
    on: ["cast"],
    apply: (_, node) => (node.inputs[0]?.dtype === node.dtype ? node.inputs[0] : undefined),
  },
];
