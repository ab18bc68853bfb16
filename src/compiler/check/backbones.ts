/** A backbone for images of one size. */
import type * as ast from "../../../grammar/ast.js";
import type { Axis, ImageSize, Network } from "../typed.js";
import { bindArguments } from "./arguments.js";
import { evaluate } from "./evaluate.js";
import { elaborateNetwork } from "./layers.js";
import { type BackboneValue, describe } from "./values.js";

export function imageAxes(image: ImageSize): Axis[] {
  return [
    { name: "channel", size: image.channels },
    { name: "height", size: image.height },
    { name: "width", size: image.width },
  ];
}

export function elaborateBackbone(
  value: BackboneValue,
  image: ImageSize,
  at: ast.Span,
  generic = false,
): Network | undefined {
  const { decl } = value;
  let { scope } = value;
  const { checker } = scope;
  const first = decl.params?.[0];
  if (first !== undefined && !scope.hasOwn(first.name.text)) {
    scope = value.scope.child();
    bindArguments(decl.params ?? [], [], scope, value.scope, {
      callee: `\`${decl.name.text}\``,
      span: at,
      typed: true,
    });
  }
  if (decl.value !== undefined) {
    const base = evaluate(decl.value, scope);
    if (base.kind === "backbone")
      return elaborateBackbone({ ...base, name: value.name }, image, decl.value.span, generic);
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
