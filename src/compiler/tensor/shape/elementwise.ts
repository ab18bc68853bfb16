/** Shape rules of sources and element-wise ops. */
import type { DType, PrimitiveName } from "../ir.js";
import { bitwise, elementCount, float, numeric, type OpUse, type ShapeRules, signed, type TensorType } from "./rule.js";

const unary = (allowed: readonly DType[]) => (use: OpUse) => {
  const x = use.one();
  use.dtype(x, allowed);
  return { shape: x.shape, dtype: x.dtype };
};
const binary =
  (allowed: readonly DType[]) =>
  (use: OpUse): TensorType => {
    const [a, b] = use.two();
    use.same(a, b);
    use.dtype(a, allowed);
    return { shape: a.shape, dtype: a.dtype };
  };

export const elementwiseShapes = {
  input: (use, { name, shape, dtype }) => {
    use.require(use.inputs.length === 0 && name !== "", "takes a name and no operands");
    use.validShape(shape);
    return { shape, dtype };
  },
  const: (use, { shape, dtype, data }) => {
    use.require(use.inputs.length === 0, "takes no operands");
    use.validShape(shape);
    use.require(
      data.length === 1 || data.length === elementCount(shape),
      `has ${data.length} elements for a shape [${shape.join(", ")}]`,
    );
    use.require(dtype === "f32" || data.every((value) => Number.isInteger(value)), `has a value that is no ${dtype}`);
    return { shape, dtype };
  },
  iota: (use, { shape, dtype, axis }) => {
    use.require(use.inputs.length === 0, "takes no operands");
    use.validShape(shape);
    use.axes({ shape, dtype }, [axis], false);
    return { shape, dtype };
  },
  neg: unary(signed),
  exp: unary(float),
  log: unary(float),
  sqrt: unary(float),
  rsqrt: unary(float),
  tanh: unary(float),
  erf: unary(float),
  abs: unary(signed),
  floor: unary(float),
  not: unary(bitwise),
  add: binary(numeric),
  sub: binary(numeric),
  mul: binary(numeric),
  div: binary(numeric),
  max: binary(numeric),
  min: binary(numeric),
  pow: binary(float),
  and: binary(bitwise),
  or: binary(bitwise),
  xor: binary(bitwise),
  shl: binary(["u32"]),
  shr: binary(["u32"]),
  compare: (use) => {
    const [a, b] = use.two();
    use.same(a, b);
    return { shape: a.shape, dtype: "bool" };
  },
  select: (use) => {
    const [condition, a, b] = use.three();
    use.same(a, b);
    use.require(condition.dtype === "bool", "takes a bool condition");
    use.require(condition.shape.join() === a.shape.join(), "condition and operands differ in shape");
    return { shape: a.shape, dtype: a.dtype };
  },
  cast: (use, { to }) => ({ shape: use.one().shape, dtype: to }),
} satisfies Partial<ShapeRules<PrimitiveName>>;
