/**
 * Turns the layers of a backbone, block or module into a `Network`: loops are unrolled, branches are decided, every
 * shape is known and every weight has its path.
 */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Axis, Layer, LayerOp, Network, WeightSpec } from "../../typed/tree.js";
import { sameAxes } from "../../typed/values.js";
import type { Scope } from "../core/scope.js";
import {
  type BlockValue,
  type BoolValue,
  describe,
  type IntValue,
  int,
  printAxes,
  type Value,
} from "../core/values.js";
import { bindArguments } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";
import { buildFormula } from "./formula-layer.js";
import { LayerArguments } from "./layer-arguments.js";
import { checkFit, checkInput, checkNamedAxis, checkOutput, checkWeightSizes } from "./layer-checks.js";
import { layerKinds } from "./layer-kinds.js";
import { LayerPaths } from "./layer-paths.js";
import { type BuiltCall, sizesText } from "./layer-text.js";
import type { NetworkRequest } from "./request.js";

/** Returns the network, or undefined after it has reported what is wrong with a layer. */
export function elaborateNetwork(request: NetworkRequest): Network | undefined {
  const builder = new NetworkBuilder(request);
  const layers: Layer[] = [];
  const { name, input, scope } = request;
  const out = builder.sequence(request.layers, { input, scope, paths: new LayerPaths(""), into: layers });
  if (out === undefined) return undefined;
  const outputs = builder.outputs.size === 0 ? { out } : Object.fromEntries(builder.outputs);
  return { name, input, layers, outputs, weights: builder.weights };
}

/** The most layers of one network with its loops unrolled: far above any that trains here, and soon reached by nested loops. */
const mostUnrolled = 10_000;

/** The place of layers in a network: the value that enters them, and what the declarations around them decide. */
interface Placement {
  readonly input: readonly Axis[];
  /** The scope that arguments and conditions are evaluated in. */
  readonly scope: Scope;
  readonly paths: LayerPaths;
  /** The list that built layers are appended to. */
  readonly into: Layer[];
}

/** The axes of the value that leaves a layer, or undefined after a report. */
type Output = readonly Axis[] | undefined;

class NetworkBuilder {
  readonly outputs = new Map<string, readonly Axis[]>();
  readonly weights: WeightSpec[] = [];
  /** The calls that have been built, for a message about sizes. */
  private readonly built: BuiltCall[] = [];
  /** The blocks that are being written out, outermost first. */
  private readonly open: ast.BlockDecl[] = [];
  /** Counts the layers so far: each round of a loop and each use of a block has its own. */
  private unrolled = 0;

  constructor(private readonly request: NetworkRequest) {}

  /** Appends the layers to `placement.into`, each behind the one before it. */
  sequence(items: readonly ast.Layer[], placement: Placement): Output {
    let { input } = placement;
    for (const item of items) {
      if (!this.countUnrolled(item.span, placement)) return undefined;
      const before = placement.into.length;
      const output = this.layer(item, { ...placement, input });
      if (output === undefined) return undefined;
      const isBuilt = placement.into.length > before;
      if (item.output !== undefined && !this.nameOutput(item.output, output, { isBuilt }, placement)) return undefined;
      input = output;
    }
    return input;
  }

  private countUnrolled(span: ast.Span, { scope }: Placement): boolean {
    if (++this.unrolled <= mostUnrolled) return true;
    scope.checker.report("FSL4010", span, { network: this.request.name, most: mostUnrolled });
    return false;
  }

  /** Makes the value of the last item an output. `isBuilt` is false for an item that is no layer, such as `repeat 0 { … }`. */
  private nameOutput(
    name: ast.Name,
    axes: readonly Axis[],
    { isBuilt }: { readonly isBuilt: boolean },
    { into, paths, scope }: Placement,
  ): boolean {
    if (this.outputs.has(name.text)) {
      scope.checker.report("FSL4006", name.span, { name: name.text, what: "an output" });
      return false;
    }
    this.outputs.set(name.text, axes);
    const last = into.at(-1);
    if (isBuilt && last !== undefined && last.outputName === undefined) {
      into[into.length - 1] = { ...last, outputName: name.text };
      return true;
    }
    // A layer names one output only, so the same value gets a second name from a layer that changes nothing.
    const op: LayerOp = { kind: "activation", fn: "identity" };
    const path = paths.numbered("identity");
    into.push({ path, op, input: axes, output: axes, outputName: name.text, span: name.span });
    return true;
  }

  private layer(item: ast.Layer, placement: Placement): Output {
    switch (item.kind) {
      case "callLayer":
        return this.call(item, placement);
      case "repeatLayer":
        return this.repeat(item, placement);
      case "ifLayer":
        return this.branch(item, placement);
      case "residualLayer":
        return this.residual(item, placement);
      case "parallelLayer":
        return this.parallel(item, placement);
      default:
        return item satisfies never;
    }
  }

  /** Builds a layer of the language, or the layers of a block. */
  private call(item: ast.CallLayer, placement: Placement): Output {
    const { input, scope, paths, into } = placement;
    const name = item.callee.text;
    const declared = scope.lookup(name);
    if (declared?.kind === "block") return this.block(item, declared, placement);
    const kind = Object.hasOwn(layerKinds, name) ? layerKinds[name] : undefined;
    if (kind === undefined) {
      if (declared?.kind !== "anything") reportUnknownLayer(item.callee, scope);
      return undefined;
    }
    const args = new LayerArguments(name, kind.params, item.args, item.span, scope);
    const call = { item, input, scope, request: this.request };
    if (!args.valid || !checkInput(kind, call) || !checkNamedAxis(args, call)) return undefined;
    const layer = kind.build(args, input, this.request.axes);
    if (!checkFit(layer, call)) return undefined;
    const output = checkOutput(layer, call, this.built);
    if (output === undefined || !checkWeightSizes(layer, call)) return undefined;
    const path = paths.of(item.label, name, scope);
    if (path === undefined) return undefined;
    for (const weight of layer.weights) this.weights.push({ ...weight, path: `${path}.${weight.path}` });
    into.push({ path, op: layer.op, input, output, span: item.span });
    this.built.push({ item, output });
    return output;
  }

  private block(item: ast.CallLayer, block: BlockValue, placement: Placement): Output {
    const { scope, paths } = placement;
    const { decl } = block;
    const { name } = decl;
    if (this.open.includes(decl)) {
      const labels = [{ span: name.span, text: "declared here" }];
      scope.checker.report("FSL4009", item.span, { name: name.text }, { labels });
      return undefined;
    }
    const path = paths.of(item.label, item.callee.text, scope);
    if (path === undefined) return undefined;
    const inner = block.scope.child();
    bindArguments(decl.params, item.args, inner, scope, { callee: `\`${name.text}\``, span: item.span, typed: true });
    if (decl.formula !== undefined) return this.formula(item, decl, decl.formula, path, { ...placement, scope: inner });
    this.open.push(decl);
    try {
      const paths = new LayerPaths(`${path}.`);
      return scope.checker.nested(item.span, () => this.sequence(decl.layers, { ...placement, scope: inner, paths }));
    } finally {
      this.open.pop();
    }
  }

  /** Builds a block that is a function of the value that enters. */
  private formula(
    item: ast.CallLayer,
    { name }: ast.BlockDecl,
    formula: ast.Formula,
    path: string,
    { input, scope, into }: Placement,
  ): Output {
    const { generic } = this.request;
    const built = scope.checker.nested(item.span, () =>
      buildFormula({ name: name.text, formula, input, scope, generic, span: item.span }),
    );
    if (built === undefined) return undefined;
    const call = { item, input, scope, request: this.request };
    if (!checkWeightSizes(built, call)) return undefined;
    for (const weight of built.weights) this.weights.push({ ...weight, path: `${path}.${weight.path}` });
    into.push({ path, op: built.op, input, output: built.output, span: item.span });
    this.built.push({ item, output: built.output });
    return built.output;
  }

  /** Unrolls a `repeat`. `stage: repeat 4 { … }` makes `stage.0` to `stage.3`; without a label the layers are numbered on. */
  private repeat(item: ast.RepeatLayer, placement: Placement): Output {
    const { scope, paths } = placement;
    const expected = { what: "how often layers repeat", expected: "a whole number, 0 or more" };
    const count = staticValue(item.count, isCount, expected, scope);
    if (count === undefined) return undefined;
    const path = item.label === undefined ? undefined : paths.of(item.label, "repeat", scope);
    if (item.label !== undefined && path === undefined) return undefined;
    let output: Output = placement.input;
    for (let i = 0; i < count.value && output !== undefined; i++) {
      if (!this.countUnrolled(item.count.span, placement)) return undefined;
      const inner = scope.child();
      if (item.index !== undefined) inner.define(item.index.text, int(i, item.index.span));
      const round = path === undefined ? paths.repeated() : new LayerPaths(`${path}.${i}.`);
      output = this.sequence(item.body, { ...placement, input: output, scope: inner, paths: round });
    }
    return output;
  }

  private branch(item: ast.IfLayer, placement: Placement): Output {
    const { scope, paths } = placement;
    const expected = { what: "the condition of `if`", expected: "true or false, known before anything runs" };
    const condition = staticValue(item.condition, isBool, expected, scope);
    if (condition === undefined) return undefined;
    const taken = condition.value ? item.then : (item.otherwise ?? []);
    if (item.label === undefined) return this.sequence(taken, placement);
    const path = paths.of(item.label, "if", scope);
    if (path === undefined) return undefined;
    return this.sequence(taken, { ...placement, paths: new LayerPaths(`${path}.`) });
  }

  private residual(item: ast.ResidualLayer, placement: Placement): Output {
    const { input, scope, paths, into } = placement;
    const path = paths.of(item.label, "residual", scope);
    if (path === undefined) return undefined;
    const body: Layer[] = [];
    const shortcut: Layer[] = [];
    const output = this.sequence(item.body, { ...placement, paths: new LayerPaths(`${path}.`), into: body });
    const inShortcut = { ...placement, paths: new LayerPaths(`${path}.shortcut.`), into: shortcut };
    const added = item.shortcut === undefined ? input : this.sequence(item.shortcut, inShortcut);
    if (output === undefined || added === undefined) return undefined;
    if (!sameAxes(output, added)) {
      const help =
        item.shortcut === undefined
          ? ["write a shortcut that makes the same shape: `residual { … } shortcut { conv(1, …), batch_norm }`"]
          : [];
      const holes = { body: sizesText(output), shortcut: sizesText(added) };
      scope.checker.report("FSL4004", item.span, holes, { help });
      return undefined;
    }
    into.push({ path, op: { kind: "residual", body, shortcut }, input, output, span: item.span });
    return output;
  }

  private parallel(item: ast.ParallelLayer, placement: Placement): Output {
    const { input, scope, paths, into } = placement;
    const path = paths.of(item.label, "parallel", scope);
    if (path === undefined) return undefined;
    const along = item.along.text;
    const branches: Layer[][] = [];
    let joined: Output;
    for (const [index, items] of item.branches.entries()) {
      const branch: Layer[] = [];
      const out = this.sequence(items, { ...placement, paths: new LayerPaths(`${path}.${index}.`), into: branch });
      if (out === undefined) return undefined;
      const first = joined ?? out;
      const size = out.find((axis) => axis.name === along)?.size;
      if (size === undefined || !sameAxes(without(out, along), without(first, along))) {
        scope.checker.report("FSL4007", item.span, {
          index: index + 1,
          found: printAxes(out, !this.request.generic),
          first: printAxes(first, !this.request.generic),
          axis: along,
        });
        return undefined;
      }
      joined = joined === undefined ? out : lengthened(joined, along, size);
      branches.push(branch);
    }
    if (joined === undefined) return undefined;
    into.push({ path, op: { kind: "parallel", branches, along }, input, output: joined, span: item.span });
    return joined;
  }
}

/** Reports a layer that neither the language nor the file has, with the layers and blocks that it may stand for. */
function reportUnknownLayer({ text: name, span }: ast.Name, scope: Scope): void {
  const blocks = scope.names().filter((each) => scope.lookup(each)?.kind === "block");
  const file = scope.checker.libraryFileOf(name);
  const help =
    file === undefined
      ? suggest(name, [...Object.keys(layerKinds), ...blocks])
      : [`add this line: \`import { ${name} } from "${file}"\``];
  scope.checker.report("FSL4001", span, { name }, { help });
}

/**
 * Evaluates what decides which layers exist, so it must be known before anything runs. Reports FSL4008 and returns
 * undefined if it is of another kind.
 */
function staticValue<V extends Value>(
  expr: ast.Expr,
  isExpected: (value: Value) => value is V,
  { what, expected }: { readonly what: string; readonly expected: string },
  scope: Scope,
): V | undefined {
  const value = evaluate(expr, scope);
  if (isExpected(value)) return value;
  if (value.kind !== "anything") scope.checker.report("FSL4008", expr.span, { what, expected, found: describe(value) });
  return undefined;
}
const isCount = (value: Value): value is IntValue => value.kind === "int" && value.value >= 0;
const isBool = (value: Value): value is BoolValue => value.kind === "bool";

function without(axes: readonly Axis[], name: string): Axis[] {
  return axes.filter((axis) => axis.name !== name);
}

function lengthened(axes: readonly Axis[], name: string, by: number): Axis[] {
  return axes.map((axis) => (axis.name === name ? { name, size: axis.size + by } : axis));
}
