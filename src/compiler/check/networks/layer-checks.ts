/** The checks of one layer: the value that enters it, the axes that its arguments name, and the sizes that it makes. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Axis } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { printAxes } from "../core/values.js";
import type { LayerArguments } from "./layer-arguments.js";
import type { BuiltLayer, LayerInput, LayerKind } from "./layer-kind.js";
import { type BuiltCall, callText, sizeTable } from "./layer-text.js";
import type { NetworkRequest } from "./request.js";

/** A layer of the language where it is written. */
export interface LayerCall {
  readonly item: ast.CallLayer;
  readonly input: readonly Axis[];
  readonly scope: Scope;
  readonly request: NetworkRequest;
}

/** The most numbers of one weight: no machine holds a larger array. */
const mostNumbers = 2 ** 31 - 1;

const inputText: Readonly<Record<Exclude<LayerInput, "any">, string>> = {
  image: "a map [channel, height, width]",
  vector: "a vector [feature]",
  tokens: "tokens [token, feature]",
  "image or vector": "a map [channel, height, width] or a vector [feature]",
  "image or tokens": "a map [channel, height, width] or tokens [token, feature]",
};

/** Returns whether the value that enters has the axes that the layer works on. Reports FSL4002 if it has not. */
export function checkInput({ accepts }: LayerKind, { item, input, scope, request }: LayerCall): boolean {
  if (accepts === "any") return true;
  const isImage = ["channel", "height", "width"].every((name) => hasAxis(input, name));
  const isVector = hasAxis(input, "feature");
  const isTokens = isVector && hasAxis(input, "token");
  const fits = { image: isImage, vector: isVector, tokens: isTokens };
  if ((accepts.split(" or ") as (keyof typeof fits)[]).some((each) => fits[each])) return true;
  const help: string[] = [];
  if (accepts === "vector" && isImage) help.push("turn the map into a vector first: `flatten` or `global_avg_pool`");
  if (accepts === "tokens" && isImage) help.push("turn the map into tokens first: `tokens`");
  const found = printAxes(input, !request.generic);
  const holes = { layer: item.callee.text, needed: inputText[accepts], found };
  scope.checker.report("FSL4002", item.span, holes, { help });
  return false;
}

/** Returns whether the axis that an argument names exists. Reports FSL4005 if it does not. */
export function checkNamedAxis(args: LayerArguments, { item, input, scope, request }: LayerCall): boolean {
  const argument = args.given("out") ? "out" : "axis";
  const named = args.axis(argument)?.name;
  const known = [...input.map((axis) => axis.name), ...(argument === "out" ? request.axes.keys() : [])];
  if (named === undefined || known.includes(named)) return true;
  scope.checker.report(
    "FSL4005",
    item.args[0]?.value.span ?? item.span,
    { name: argument, layer: item.callee.text, expected: "an axis that is known here", found: `\`${named}\`` },
    { help: [...suggest(named, known), `known here: ${known.map((name) => `\`${name}\``).join(", ")}`] },
  );
  return false;
}

/**
 * Returns the axes of the layer's value, or undefined after it has reported FSL4003: the map is too small. In a generic
 * network sizes stand for unknown ones, so no map is too small.
 */
export function checkOutput(
  layer: BuiltLayer,
  { item, input, scope, request }: LayerCall,
  built: readonly BuiltCall[],
): readonly Axis[] | undefined {
  if (layer.output.every((axis) => axis.size >= 1)) return layer.output;
  if (request.generic) return layer.output.map((axis) => ({ ...axis, size: Math.max(1, axis.size) }));
  const side = (name: string): number => input.find((axis) => axis.name === name)?.size ?? 0;
  const holes = { layer: callText(item), needed: layer.leastSide, height: side("height"), width: side("width") };
  scope.checker.report("FSL4003", item.span, holes, { help: [sizeTable(request.input, built)] });
  return undefined;
}

/** Returns whether the arguments fit the channels. Reports FSL4005 if one does not. In a generic network nothing is known of the channels. */
export function checkFit({ misfit }: BuiltLayer, { item, scope, request }: LayerCall): boolean {
  if (misfit === undefined || request.generic) return true;
  const { argument, value, channels } = misfit;
  const all = [...new Set(channels)];
  const expected = `a divisor of the layer's ${all.join(" and ")} channels`;
  const at = item.args.find(({ name }) => name?.text === argument)?.value.span ?? item.span;
  const divisors = Array.from({ length: Math.min(...all) }, (_, i) => i + 1).filter((n) =>
    all.every((size) => size % n === 0),
  );
  const help = [`these divide ${all.length === 1 ? "it" : "both"}: ${divisors.join(", ")}`];
  scope.checker.report("FSL4005", at, { name: argument, layer: item.callee.text, expected, found: value }, { help });
  return false;
}

/** Returns whether a machine can address every weight of the layer. Reports FSL5008 if one is too large. */
export function checkWeightSizes(layer: Pick<BuiltLayer, "weights">, { item, scope, request }: LayerCall): boolean {
  const largest = Math.max(0, ...layer.weights.map(({ shape }) => shape.reduce((n, size) => n * size, 1)));
  if (largest <= mostNumbers || request.generic) return true;
  const what = `the largest weight of \`${callText(item)}\``;
  scope.checker.report("FSL5008", item.span, { what, range: `at most ${mostNumbers} numbers`, found: largest });
  return false;
}

function hasAxis(axes: readonly Axis[], name: string): boolean {
  return axes.some((axis) => axis.name === name);
}
