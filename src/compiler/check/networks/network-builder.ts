/**
 * Layers written in a backbone, block or module become a `Network`: loops and branches written out, every shape known,
 * every weight with its path. Unnamed layers are numbered by kind within their block (`conv.0`, `conv.1`, rule 19).
 */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Axis, Layer, LayerOp, Network, WeightSpec } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { type BlockValue, describe, int, printAxes, type Value } from "../core/values.js";
import { bindArguments } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";
import { LayerArguments } from "./layer-arguments.js";
import { type BuiltLayer, type LayerKind, layerKinds } from "./layer-kinds.js";
import type { NetworkRequest } from "./request.js";

export function elaborateNetwork(request: NetworkRequest): Network | undefined {
  const builder = new NetworkBuilder(request);
  const layers: Layer[] = [];
  const out = builder.sequence(request.layers, request.input, layers, request.scope, new Paths(""));
  if (out === undefined) return undefined;
  const outputs = builder.outputs.size === 0 ? { out } : Object.fromEntries(builder.outputs);
  return { name: request.name, input: request.input, layers, outputs, weights: builder.weights };
}

/** Numbers of one weight: past this, no array of a machine holds them. */
const mostNumbers = 2 ** 31 - 1;

/** The names taken in one block, and how many unnamed layers of each kind it has. */
class Paths {
  private readonly counts = new Map<string, number>();
  private readonly labels = new Set<string>();

  constructor(readonly prefix: string) {}

  numbered(kind: string): string {
    const n = this.counts.get(kind) ?? 0;
    this.counts.set(kind, n + 1);
    return `${this.prefix}${kind}.${n}`;
  }

  /** Undefined where the label stands twice. */
  labelled(label: string): string | undefined {
    if (this.labels.has(label)) return undefined;
    this.labels.add(label);
    return `${this.prefix}${label}`;
  }
}

/** Far above any network that trains here, and soon reached by loops in loops. */
const mostUnfolded = 10_000;

class NetworkBuilder {
  readonly outputs = new Map<string, readonly Axis[]>();
  readonly weights: WeightSpec[] = [];
  /** What has been built, for a message about sizes. */
  private readonly trail: { readonly item: ast.CallLayer; readonly output: readonly Axis[] }[] = [];
  private readonly open: ast.BlockDecl[] = [];
  /** Layers written out so far, those of each round of a loop and each use of a block. */
  private unfolded = 0;

  constructor(private readonly request: NetworkRequest) {}

  /** Appends the layers to `into`; the axes that come out, or undefined where something has been reported. */
  sequence(
    items: readonly ast.Layer[],
    input: readonly Axis[],
    into: Layer[],
    scope: Scope,
    paths: Paths,
    repeated = false,
  ): readonly Axis[] | undefined {
    let axes: readonly Axis[] | undefined = input;
    for (const item of items) {
      if (++this.unfolded > mostUnfolded) {
        scope.checker.report("FSL4010", item.span, { network: this.request.name, most: mostUnfolded });
        return undefined;
      }
      const before = into.length;
      const given: readonly Axis[] = axes;
      axes = this.item(item, given, into, scope, paths, repeated);
      if (axes === undefined) return undefined;
      if (item.output !== undefined && !this.nameOutput(item.output, given, axes, into, before, paths, scope))
        return undefined;
    }
    return axes;
  }

  private nameOutput(
    name: ast.Name,
    input: readonly Axis[],
    axes: readonly Axis[],
    into: Layer[],
    before: number,
    paths: Paths,
    scope: Scope,
  ): boolean {
    if (this.outputs.has(name.text)) {
      scope.checker.report("FSL4006", name.span, { name: name.text, what: "an output" });
      return false;
    }
    this.outputs.set(name.text, axes);
    const last = into.at(-1);
    // Nothing was built, or its last layer has a name already: the output is its value, unchanged.
    if (into.length === before || last === undefined || last.outputName !== undefined) {
      const op: LayerOp = { kind: "activation", fn: "identity" };
      const path = paths.numbered("identity");
      into.push({
        path,
        op,
        input: into.length === before ? input : axes,
        output: axes,
        outputName: name.text,
        span: name.span,
      });
    } else into[into.length - 1] = { ...last, outputName: name.text };
    return true;
  }

  private item(
    item: ast.Layer,
    input: readonly Axis[],
    into: Layer[],
    scope: Scope,
    paths: Paths,
    repeated: boolean,
  ): readonly Axis[] | undefined {
    switch (item.kind) {
      case "callLayer":
        return this.call(item, input, into, scope, paths, repeated);
      case "repeatLayer":
        return this.repeat(item, input, into, scope, paths, repeated);
      case "ifLayer":
        return this.branch(item, input, into, scope, paths, repeated);
      case "residualLayer":
        return this.residual(item, input, into, scope, paths, repeated);
      case "parallelLayer":
        return this.parallel(item, input, into, scope, paths, repeated);
      default:
        return item satisfies never;
    }
  }

  /** The path of a layer: its own name (numbered inside a `repeat`), or its kind and number. */
  private path(
    label: ast.Name | undefined,
    kind: string,
    scope: Scope,
    paths: Paths,
    repeated: boolean,
  ): string | undefined {
    if (label === undefined) return paths.numbered(kind);
    if (repeated) return paths.numbered(label.text);
    const path = paths.labelled(label.text);
    if (path === undefined) scope.checker.report("FSL4006", label.span, { name: label.text, what: "a layer" });
    return path;
  }

  private call(
    item: ast.CallLayer,
    input: readonly Axis[],
    into: Layer[],
    scope: Scope,
    paths: Paths,
    repeated: boolean,
  ): readonly Axis[] | undefined {
    const name = item.callee.text;
    const { checker } = scope;
    const declared = scope.lookup(name);
    if (declared?.kind === "block") return this.block(item, declared, input, into, scope, paths, repeated);
    const kind = Object.hasOwn(layerKinds, name) ? layerKinds[name] : undefined;
    if (kind === undefined) {
      if (declared?.kind !== "anything") {
        const blocks = scope.names().filter((each) => scope.lookup(each)?.kind === "block");
        checker.report(
          "FSL4001",
          item.callee.span,
          { name },
          { help: suggest(name, [...Object.keys(layerKinds), ...blocks]) },
        );
      }
      return undefined;
    }
    const args = new LayerArguments(name, kind.params, item.args, item.span, scope);
    if (!args.sound) return undefined;
    if (!this.takes(kind, item, args, input, scope)) return undefined;
    const made = kind.make(args, input, this.request.axes);
    const output = this.fits(made, item, input, scope);
    if (output === undefined || !this.holdable(made, item, scope)) return undefined;
    const path = this.path(item.label, name, scope, paths, repeated);
    if (path === undefined) return undefined;
    for (const weight of made.weights) this.weights.push({ ...weight, path: `${path}.${weight.path}` });
    into.push({ path, op: made.op, input, output, span: item.span });
    this.trail.push({ item, output });
    return output;
  }

  /** Whether the value has the axes that the layer works on, and the axes that its arguments name exist. */
  private takes(
    kind: LayerKind,
    item: ast.CallLayer,
    args: LayerArguments,
    input: readonly Axis[],
    scope: Scope,
  ): boolean {
    const { checker } = scope;
    const layer = item.callee.text;
    const has = (name: string): boolean => input.some((axis) => axis.name === name);
    const image = has("channel") && has("height") && has("width");
    const vector = has("feature");
    const fits =
      kind.takes === "any" ||
      (kind.takes === "image" && image) ||
      (kind.takes === "vector" && vector) ||
      (kind.takes === "image or vector" && (image || vector));
    if (!fits) {
      const needed =
        kind.takes === "image"
          ? "a map [channel, height, width]"
          : kind.takes === "vector"
            ? "a vector [feature]"
            : "a map [channel, height, width] or a vector [feature]";
      checker.report(
        "FSL4002",
        item.span,
        { layer, needed, found: printAxes(input, !this.request.generic) },
        {
          help:
            kind.takes === "vector" && image
              ? ["turn the map into a vector first: `flatten` or `global_avg_pool`"]
              : [],
        },
      );
      return false;
    }
    const named = args.axis("out")?.name ?? args.axis("axis")?.name;
    if (named === undefined || has(named) || (args.given("out") && this.request.axes.has(named))) return true;
    const known = [...input.map((axis) => axis.name), ...(args.given("out") ? this.request.axes.keys() : [])];
    checker.report(
      "FSL4005",
      item.args[0]?.value.span ?? item.span,
      {
        name: args.given("out") ? "out" : "axis",
        layer,
        expected: "an axis that is known here",
        found: `\`${named}\``,
      },
      { help: [...suggest(named, known), `known here: ${known.map((name) => `\`${name}\``).join(", ")}`] },
    );
    return false;
  }

  /** The output axes; where sizes only stand for unknown ones, no map is too small. */
  private fits(
    made: BuiltLayer,
    item: ast.CallLayer,
    input: readonly Axis[],
    scope: Scope,
  ): readonly Axis[] | undefined {
    if (made.output.every((axis) => axis.size >= 1)) return made.output;
    if (this.request.generic) return made.output.map((axis) => ({ ...axis, size: Math.max(1, axis.size) }));
    const side = (name: string): number => input.find((axis) => axis.name === name)?.size ?? 0;
    const line = (what: string, axes: readonly Axis[]): string => `\n  ${what.padEnd(24)} ${shape(axes)}`;
    const trail = this.trail.map(({ item, output }) => line(written(item), output)).join("");
    const help = [`sizes so far (channels×height×width):${line("image", this.request.input)}${trail}`];
    scope.checker.report(
      "FSL4003",
      item.span,
      { layer: written(item), needed: made.least, height: side("height"), width: side("width") },
      { help },
    );
    return undefined;
  }

  /** Whether each weight is an array that a machine can address; sizes that only stand for unknown ones say nothing of it. */
  private holdable(made: BuiltLayer, item: ast.CallLayer, scope: Scope): boolean {
    const largest = Math.max(0, ...made.weights.map(({ shape }) => shape.reduce((n, size) => n * size, 1)));
    if (largest <= mostNumbers || this.request.generic) return true;
    const what = `the largest weight of \`${written(item)}\``;
    scope.checker.report("FSL5008", item.span, { what, range: `at most ${mostNumbers} numbers`, found: largest });
    return false;
  }

  private block(
    item: ast.CallLayer,
    block: BlockValue,
    input: readonly Axis[],
    into: Layer[],
    scope: Scope,
    paths: Paths,
    repeated: boolean,
  ): readonly Axis[] | undefined {
    const { decl } = block;
    if (this.open.includes(decl)) {
      scope.checker.report(
        "FSL4009",
        item.span,
        { name: decl.name.text },
        { labels: [{ span: decl.name.span, text: "declared here" }] },
      );
      return undefined;
    }
    const path = this.path(item.label, item.callee.text, scope, paths, repeated);
    if (path === undefined) return undefined;
    const inner = block.scope.child();
    bindArguments(decl.params, item.args, inner, scope, {
      callee: `\`${decl.name.text}\``,
      span: item.span,
      typed: true,
    });
    this.open.push(decl);
    try {
      return this.sequence(decl.layers, input, into, inner, new Paths(`${path}.`));
    } finally {
      this.open.pop();
    }
  }

  private repeat(
    item: ast.RepeatLayer,
    input: readonly Axis[],
    into: Layer[],
    scope: Scope,
    paths: Paths,
    repeated: boolean,
  ): readonly Axis[] | undefined {
    const count = evaluate(item.count, scope);
    if (count.kind !== "int" || count.value < 0) {
      refuse(count, "how often layers repeat", "a whole number, 0 or more", item.count.span, scope);
      return undefined;
    }
    // `stage: repeat 4 { … }` makes stage.0 … stage.3; the layers of an unnamed one are numbered on in their block.
    const path = item.label === undefined ? undefined : this.path(item.label, "repeat", scope, paths, repeated);
    if (item.label !== undefined && path === undefined) return undefined;
    let axes: readonly Axis[] | undefined = input;
    for (let i = 0; i < count.value && axes !== undefined; i++) {
      if (++this.unfolded > mostUnfolded) {
        scope.checker.report("FSL4010", item.count.span, { network: this.request.name, most: mostUnfolded });
        return undefined;
      }
      const inner = scope.child();
      if (item.index !== undefined) inner.define(item.index.text, int(i, item.index.span));
      const round = path === undefined ? paths : new Paths(`${path}.${i}.`);
      axes = this.sequence(item.body, axes, into, inner, round, path === undefined);
    }
    return axes;
  }

  private branch(
    item: ast.IfLayer,
    input: readonly Axis[],
    into: Layer[],
    scope: Scope,
    paths: Paths,
    repeated: boolean,
  ): readonly Axis[] | undefined {
    const condition = evaluate(item.condition, scope);
    if (condition.kind !== "bool") {
      const expected = "true or false, known before anything runs";
      refuse(condition, "the condition of `if`", expected, item.condition.span, scope);
      return undefined;
    }
    const taken = condition.value ? item.then : (item.otherwise ?? []);
    if (item.label === undefined) return this.sequence(taken, input, into, scope, paths, repeated);
    const path = this.path(item.label, "if", scope, paths, repeated);
    return path === undefined ? undefined : this.sequence(taken, input, into, scope, new Paths(`${path}.`));
  }

  private residual(
    item: ast.ResidualLayer,
    input: readonly Axis[],
    into: Layer[],
    scope: Scope,
    paths: Paths,
    repeated: boolean,
  ): readonly Axis[] | undefined {
    const path = this.path(item.label, "residual", scope, paths, repeated);
    if (path === undefined) return undefined;
    const body: Layer[] = [];
    const shortcut: Layer[] = [];
    const inner = new Paths(`${path}.`);
    const out = this.sequence(item.body, input, body, scope, inner);
    const other =
      item.shortcut === undefined
        ? input
        : this.sequence(item.shortcut, input, shortcut, scope, new Paths(`${path}.shortcut.`));
    if (out === undefined || other === undefined) return undefined;
    if (!sameAxes(out, other)) {
      const help =
        item.shortcut === undefined
          ? ["write a shortcut that makes the same shape: `residual { … } shortcut { conv(1, …), batch_norm }`"]
          : [];
      scope.checker.report("FSL4004", item.span, { body: shape(out), shortcut: shape(other) }, { help });
      return undefined;
    }
    into.push({ path, op: { kind: "residual", body, shortcut }, input, output: out, span: item.span });
    return out;
  }

  private parallel(
    item: ast.ParallelLayer,
    input: readonly Axis[],
    into: Layer[],
    scope: Scope,
    paths: Paths,
    repeated: boolean,
  ): readonly Axis[] | undefined {
    const path = this.path(item.label, "parallel", scope, paths, repeated);
    if (path === undefined) return undefined;
    const along = item.along.text;
    const branches: Layer[][] = [];
    let joined: readonly Axis[] | undefined;
    for (const [index, layers] of item.branches.entries()) {
      const branch: Layer[] = [];
      const out = this.sequence(layers, input, branch, scope, new Paths(`${path}.${index}.`));
      if (out === undefined) return undefined;
      const size = out.find((axis) => axis.name === along)?.size;
      const first = joined ?? out;
      if (size === undefined || !sameAxes(without(out, along), without(first, along))) {
        scope.checker.report("FSL4007", item.span, {
          index: index + 1,
          found: printAxes(out, !this.request.generic),
          first: printAxes(first, !this.request.generic),
          axis: along,
        });
        return undefined;
      }
      joined =
        joined === undefined
          ? out
          : joined.map((axis) => (axis.name === along ? { name: along, size: axis.size + size } : axis));
      branches.push(branch);
    }
    if (joined === undefined) return undefined;
    into.push({ path, op: { kind: "parallel", branches, along }, input, output: joined, span: item.span });
    return joined;
  }
}

/** A value that decides which layers there are, and is of another kind. */
function refuse(value: Value, what: string, expected: string, span: ast.Span, scope: Scope): void {
  if (value.kind !== "anything") scope.checker.report("FSL4008", span, { what, expected, found: describe(value) });
}
function without(axes: readonly Axis[], name: string): Axis[] {
  return axes.filter((axis) => axis.name !== name);
}
function sameAxes(a: readonly Axis[], b: readonly Axis[]): boolean {
  return (
    a.length === b.length && a.every((axis) => b.some((other) => other.name === axis.name && other.size === axis.size))
  );
}
function shape(axes: readonly Axis[]): string {
  return axes.map((axis) => axis.size).join("×");
}
/** A layer as its plain arguments were written: `conv(3, 64)`. */
function written(item: ast.CallLayer): string {
  const args = item.args.map(({ name, value }) => {
    const text =
      value.kind === "number" || value.kind === "bool" ? String(value.value) : value.kind === "ref" ? value.text : "…";
    return name === undefined ? text : `${name.text}: ${text}`;
  });
  return args.length === 0 ? item.callee.text : `${item.callee.text}(${args.join(", ")})`;
}
