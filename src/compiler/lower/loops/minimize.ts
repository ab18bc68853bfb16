/** Lowering of `minimize`: an inner optimizer moves targets down the gradient of a loss. */
import { vectorJacobian } from "../../tensor/derivative.js";
import type { Node } from "../../tensor/ir.js";
import { rebuild } from "../../tensor/walk.js";
import type { MinimizeChange, Statement } from "../../typed/tree.js";
import { minimizerOf } from "../minimizers/by-name.js";
import type { Minimizer, Objective } from "../minimizers/minimizer.js";
import { axesOf, lanesOf, type NamedTensor } from "../named-tensor.js";
import { mapStatistics } from "../networks/batch-statistics.js";
import { expandToLanes, type Loop } from "./loop.js";
import type { LoopContext, LoweringScope, WeightPlace } from "./scope.js";

type Minimize = Extract<Statement, { kind: "minimize" }>;

/** One tensor that a `minimize` moves: all of a target, or one weight of a network. */
interface MovedTensor {
  readonly local: number;
  readonly start: NamedTensor;
  readonly weight: WeightPlace | undefined;
  readonly change: MinimizeChange | undefined;
}

/** Lowers a `minimize` and binds its targets in `outside` to the values at its end. */
export function lowerMinimize(context: LoopContext, outside: LoweringScope, statement: Minimize): void {
  const { ops } = context;
  const moved = statement.targets.flatMap((target): MovedTensor[] => {
    const { local } = target;
    if (target.kind === "tensor") {
      const { change } = target;
      return change?.frozen ? [] : [{ local, start: outside.real(target.from), weight: undefined, change }];
    }
    // Weights that a group freezes are those of the network itself, which all episodes share.
    return [...context.weights(target.from)].flatMap(([path, start]) => {
      const change = target.changes?.[path];
      return change?.frozen ? [] : [{ local, start, weight: { of: target.from, path }, change }];
    });
  });
  const bindMoved = (scope: LoweringScope, values: readonly NamedTensor[]): void => {
    for (const target of statement.targets) {
      const own = moved.flatMap((one, i) => {
        const value = values[i];
        return one.local === target.local && value !== undefined ? [{ one, value }] : [];
      });
      const { local } = target;
      if (target.kind === "tensor") scope.bind(local, own[0]?.value ?? outside.real(target.from));
      else scope.bindNetwork(local, target.from, new Map(own.map(({ one, value }) => [one.weight?.path ?? "", value])));
    }
  };
  const { counter } = statement;
  const count = (scope: LoweringScope, round: NamedTensor): void => {
    if (counter !== undefined) scope.bind(counter.local, ops.cast(round, "f32"));
  };
  const lossAt = (targets: readonly NamedTensor[], round: NamedTensor): NamedTensor => {
    const scope = context.newScope(round);
    count(scope, round);
    bindMoved(scope, targets);
    scope.run(statement.body.slice(counter?.settings ?? 0));
    return scope.real(statement.loss);
  };
  const settingsAt = (round: NamedTensor): Settings =>
    settingsOf(context, statement, moved, (scope) => {
      count(scope, round);
      scope.run(statement.body.slice(0, counter?.settings ?? 0));
    });
  const minimizerWith = (settings: Settings): Minimizer =>
    minimizerOf(ops, statement.by.method, (name) => settings.get(name));
  const first = ops.scalar(0, "i32");
  const settings = settingsAt(first);
  const minimizer = minimizerWith(settings);
  const starts = moved.map((one) => one.start);
  // A target has a lane if the loss or a setting has it. A dry run at the start shows the lanes of the loss.
  const lanes = lanesOf([...starts, context.dryRun(() => lossAt(starts, first)), ...[...settings.values()].flat()]);
  const targets = starts.map((value) => expandToLanes(ops, value, lanes));
  const loop: Loop = {
    bound: context.bound,
    start: [...targets, ...minimizer.initialState(targets)],
    round: (carried, index) => {
      const own = counter === undefined ? minimizer : minimizerWith(settingsAt(index));
      const next = own.step({
        targets: carried.slice(0, moved.length),
        state: carried.slice(moved.length),
        objective: differentiate(context, (places) => lossAt(places, index), statement.firstOrder),
        index,
      });
      const values = [...next.targets, ...next.state];
      return { carried: values.map((value, i) => ops.expand(value, axesOf(carried[i] ?? value))), done: next.done };
    },
  };
  const found = context.driver(loop).slice(0, moved.length);
  // The end of L-BFGS does not depend on its start, so it is a constant to the derivative.
  const ends = statement.by.method === "lbfgs" ? found.map((value) => ops.unary("stop_gradient", value)) : found;
  bindMoved(outside, ends);
}

/** The settings of the method and its groups, by name: one value for each moved tensor. */
type Settings = ReadonlyMap<string, readonly NamedTensor[]>;

/** Returns the settings. `prepare` binds what they read of the step, in the scope of each. */
function settingsOf(
  { ops, setting }: LoopContext,
  { by }: Minimize,
  moved: readonly MovedTensor[],
  prepare: (scope: LoweringScope) => void,
): Settings {
  const given = [by.args, ...moved.map(({ change }) => change?.args ?? {})];
  const names = new Set(given.flatMap((args) => Object.keys(args)));
  return new Map(
    [...names].map((name) => {
      const each = moved.map(({ change, weight }) => {
        const e = change?.args[name] ?? by.args[name];
        const value = e !== undefined ? setting(e, weight, prepare) : ops.scalar(0);
        return name === "lr" && change !== undefined ? ops.scale(value, change.share) : value;
      });
      return [name, each];
    }),
  );
}

/**
 * Returns the objective of a loss. The derivative is taken in placeholders, which are replaced by the targets afterwards,
 * because the loss may also read the start value of a target, or two targets may start at the same value.
 */
function differentiate(
  { ops, captureStatistics, recordStatistics }: LoopContext,
  lossAt: (targets: readonly NamedTensor[]) => NamedTensor,
  firstOrder: boolean,
): Objective {
  return (targets) => {
    const places = targets.map((target) => ops.of(ops.placeholder(target.node.shape, target.node.dtype), target.axes));
    const { value, records } = captureStatistics(() => lossAt(places));
    const loss = ops.expand(value, lanesOf(targets));
    const one = ops.t.full(loss.node.shape, 1);
    const gradients = vectorJacobian(
      ops.graph,
      [{ of: loss.node, by: one }],
      places.map(({ node }) => node),
    );
    const actual = new Map(places.map(({ node }, i) => [node, targets[i]?.node]));
    const at = (nodes: readonly Node[]): Node[] => rebuild(ops.graph, nodes, (node) => actual.get(node));
    recordStatistics(mapStatistics(records, at));
    const [lossNode, ...slopes] = at([loss.node, ...gradients]);
    return {
      loss: ops.of(lossNode ?? loss.node, loss.axes),
      gradients: targets.map((target, i) => {
        const slope = ops.of(slopes[i] ?? target.node, target.axes);
        return firstOrder ? ops.unary("stop_gradient", slope) : slope;
      }),
    };
  };
}
