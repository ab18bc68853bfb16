/** Elaborates a backbone for images of one size. */
import type * as ast from "../../../../grammar/ast.js";
import type { Axis, ImageSize, Network } from "../../typed/tree.js";
import { type BackboneValue, describe } from "../core/values.js";
import { withDefaults } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";
import { elaborateNetwork } from "./network-builder.js";

/** Returns the axes of one image. */
function imageAxes(image: ImageSize): Axis[] {
  return [
    { name: "channel", size: image.channels },
    { name: "height", size: image.height },
    { name: "width", size: image.width },
  ];
}

/**
 * Returns the network of a backbone, or undefined after it has reported what is wrong. A backbone that is made from
 * another (`backbone small = conv64(pools: 3)`) has that one's layers under its own name. `at` is where it is used.
 */
export function elaborateBackbone(
  value: BackboneValue,
  image: ImageSize,
  at: ast.Span,
  { generic }: { readonly generic: boolean } = { generic: false },
): Network | undefined {
  const { decl } = value;
  const { checker } = value.scope;
  const scope = withDefaults(decl, value.scope, at);
  if (decl.value !== undefined) {
    const base = evaluate(decl.value, scope);
    if (base.kind === "backbone")
      return checker.evaluateOnce(decl, decl.name, () =>
        elaborateBackbone({ ...base, name: value.name }, image, at, { generic }),
      );
    if (base.kind !== "anything")
      checker.report("FSL2019", decl.value.span, { needed: "a backbone", found: describe(base) });
    return undefined;
  }
  const request = {
    name: value.name,
    layers: decl.layers ?? [],
    input: imageAxes(image),
    scope,
    axes: new Map<string, number>(),
    generic,
    span: decl.name.span,
  };
  return elaborateNetwork(request);
}
