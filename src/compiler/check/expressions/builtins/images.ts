/** Functions of images. Networks read the pixels of an image; `pixels` makes numbers of them, and `image` an image of numbers. */
import type { Axis } from "../../../typed/tree.js";
import type { Frame } from "../../core/frame.js";
import { alignAxes, asNumbers, findAxis, show, withoutAxes } from "../../core/tensors.js";
import { anything, printAxes, type TensorValue, type Value } from "../../core/values.js";
import { type BuiltinCall, numbersArgument, requireCallFrame, tensorArgument } from "./call.js";

/** Makes four views of each image, turned by 0, 90, 180 and 270 degrees. */
export function rotations(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const x = tensorArgument(call, 0);
  const as = call.as[0];
  if (frame === undefined || x === undefined || as === undefined) return anything(call.span);
  const refuse = (expected: string, found: string): Value => {
    call.scope.checker.report("FSL3009", call.args[0]?.span ?? call.span, { what: "what is turned", expected, found });
    return anything(call.span);
  };
  if (x.expr.type.kind !== "image") return refuse("an image", show(x.expr.type, frame));
  const [height, width] = pixels(frame.options.image);
  if (height !== undefined && width !== undefined && height.size !== width.size)
    return refuse("a square image", `one of ${height.size} × ${width.size} pixels`);
  if (findAxis(x.expr.type, as.name) !== undefined) {
    call.scope.checker.report("FSL3003", as.span, { axis: as.name });
    return anything(call.span);
  }
  return frame.tensor(call.span, "image", [...x.expr.type.axes, { name: as.name, size: 4 }], {
    k: "rotations",
    x: x.expr,
    as: as.name,
  });
}

/** Computes w · a + (1 − w) · b of numbers or images: `blend(a, b, w)`. The weight of images may differ between pixels. */
export function blend(call: BuiltinCall): Value {
  const { scope, span } = call;
  const frame = requireCallFrame(call);
  const a = tensorArgument(call, 0);
  if (frame === undefined || a === undefined) return anything(span);
  const images = a.expr.type.kind === "image";
  const b = images ? tensorArgument(call, 1) : numbersArgument(call, 1);
  const w = weight(call);
  if (b === undefined || w === undefined) return anything(span);
  if (images !== (b.expr.type.kind === "image")) {
    scope.checker.report("FSL3009", call.args[1]?.span ?? span, {
      what: "what an image is blended with",
      expected: "an image",
      found: show(b.expr.type, frame),
    });
    return anything(span);
  }
  if (!images && asNumbers(a, scope, call.args[0]?.span ?? span) === undefined) return anything(span);
  const both = alignAxes(a.expr, b.expr, scope, span, frame);
  if (both === undefined) return anything(span);
  const inside = images ? pixels(frame.options.image) : [];
  const whole = { ...a.expr, type: { ...a.expr.type, axes: [...both, ...inside] } };
  const all = alignAxes(whole, w.expr, scope, span, frame);
  if (all === undefined) return anything(span);
  const axes = all.filter((axis) => !inside.includes(axis));
  return frame.tensor(span, images ? "image" : "real", axes, { k: "blend", a: a.expr, b: b.expr, w: w.expr });
}

/** The axes of images in a declaration by itself. The sizes are primes that nothing else has there. */
const genericImage: readonly Axis[] = [
  { name: "channel", size: 5 },
  { name: "height", size: 31 },
  { name: "width", size: 37 },
];
const imageAxes = (frame: Frame): readonly Axis[] => frame.options.image ?? genericImage;

/** Makes numbers of images, as the encoder gets them: with the axes channel, height and width, after `normalize`. */
export function pixelsOf(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const x = tensorArgument(call, 0);
  if (frame === undefined || x === undefined) return anything(call.span);
  if (x.expr.type.kind !== "image") {
    const holes = { what: "the argument of `pixels`", expected: "an image", found: show(x.expr.type, frame) };
    call.scope.checker.report("FSL3009", call.args[0]?.span ?? call.span, holes);
    return anything(call.span);
  }
  // An image is lowered to its numbers, so nothing is computed.
  const axes = [...x.expr.type.axes, ...imageAxes(frame)];
  return frame.tensor(call.span, "real", axes, { k: "rename", x: x.expr, renames: [] });
}

/** Makes an image of numbers with the axes channel, height and width, in the sizes that the encoder takes. */
export function imageOf(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const x = numbersArgument(call, 0);
  if (frame === undefined || x === undefined) return anything(call.span);
  const needed = imageAxes(frame);
  const { type } = x.expr;
  const fits = needed.every(({ name, size }) => {
    const own = findAxis(type, name);
    return own !== undefined && (frame.generic || own.size === size);
  });
  if (!fits) {
    const expected = `a value with the axes ${printAxes(needed, !frame.generic)}, as the encoder takes it`;
    const holes = { what: "the argument of `image`", expected, found: show(type, frame) };
    call.scope.checker.report("FSL3009", call.args[0]?.span ?? call.span, holes);
    return anything(call.span);
  }
  const names = needed.map(({ name }) => name);
  return frame.tensor(call.span, "image", withoutAxes(type.axes, names), { k: "rename", x: x.expr, renames: [] });
}

function weight(call: BuiltinCall): TensorValue | undefined {
  const given = call.args[2]?.value;
  if ((given?.kind === "int" || given?.kind === "real") && (given.value < 0 || given.value > 1)) {
    const span = call.args[2]?.span ?? call.span;
    call.scope.checker.report("FSL5008", span, { what: "a weight", range: "from 0 to 1", found: given.value });
    return undefined;
  }
  return numbersArgument(call, 2);
}

function pixels(image: readonly Axis[] | undefined): Axis[] {
  return (image ?? []).filter((axis) => axis.name === "height" || axis.name === "width");
}
