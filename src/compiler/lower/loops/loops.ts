/**
 * `repeat` and `minimize` (rules 17 and 18) as loops over carried values, and the driver that writes one out, round
 * after round: written out, a loop is differentiated through like anything else.
 */
import { CompilerBug } from "../../../common/bug.js";
import { vectorJacobian } from "../../tensor/derivative.js";
import type { Node } from "../../tensor/ir.js";
import { rebuild } from "../../tensor/walk.js";
import type { Callable, Expr, MinimizeChange, Statement } from "../../typed/tree.js";
import { minimizerOf } from "../minimizers/by-name.js";
import type { Loop, LoopDriver, Objective, Round } from "../minimizers/minimizer.js";
import { axesOf, isLaneAxis, lanesOf, type NamedOps, type NamedTensor } from "../named-tensor.js";
import { mapStatistics } from "../networks/batch-statistics.js";
import type { Adapted, Calls } from "../networks/calls.js";

type StatementOf<K extends Statement["kind"]> = Extract<Statement, { kind: K }>;

/** The statements of a loop's body with bindings of their own. */
export interface LoweringScope {
  bind(local: number, value: NamedTensor): void;
  bindNetwork(local: number, of: Callable, adapted: Adapted): void;
  run(statements: readonly Statement[]): void;
  real(e: Expr): NamedTensor;
}

/** What a loop needs of the body that it stands in. */
export interface LoopContext {
  readonly ops: NamedOps;
  readonly newScope: () => LoweringScope;
  /** Trainable weights of what can be called, by their path in its network. */
  readonly weights: (target: Callable) => ReadonlyMap<string, NamedTensor>;
  /** A setting of the method, for a weight of a network or (undefined) for a tensor. */
  readonly setting: (e: Expr, weight: WeightPlace | undefined) => NamedTensor;
  /** Runs what is only looked at: it leaves no call, draw or statistic behind. */
  readonly dryRun: <T>(run: () => T) => T;
  readonly captureStatistics: Calls["captureStatistics"];
  readonly recordStatistics: Calls["recordStatistics"];
  /** The most rounds: those of the phase, training or test. */
  readonly bound: number;
  readonly driver: LoopDriver;
}
export interface WeightPlace {
  readonly of: Callable;
  readonly path: string;
}

/**
 * Writes every round out. A lane that has finished goes through the rest of them from the start again, where a round is
 * known to have a value: past its end it may have none, whose derivative would be no number even where nothing takes it.
 */
export function unrolledDriver(ops: NamedOps): LoopDriver {
  return (loop) => {
    let carried = loop.start;
    let finished: NamedTensor | undefined;
    for (let index = 0; index < loop.bound; index++) {
      const next = loop.round(keepFinished(ops, finished, loop.start, carried), ops.scalar(index, "i32"));
      carried = keepFinished(ops, finished, carried, next.carried);
      if (next.done !== undefined)
        finished = finished !== undefined ? ops.binary("or", finished, next.done) : next.done;
    }
    return carried;
  };
}

/** `after`, but what it was `before` in the lanes that have finished. */
export function keepFinished(
  ops: NamedOps,
  finished: NamedTensor | undefined,
  before: readonly NamedTensor[],
  after: readonly NamedTensor[],
): readonly NamedTensor[] {
  if (finished === undefined) return after;
  return after.map((value, i) => ops.expand(ops.select(finished, before[i] ?? value, value), axesOf(value)));
}

/** Binds the values that are carried out of the loop. */
export function lowerRepeat(context: LoopContext, outside: LoweringScope, statement: StatementOf<"repeat">): void {
  const { ops } = context;
  const { locals, before, until } = statement;
  const round = (carried: readonly NamedTensor[]): Round => {
    const inside = context.newScope();
    bindAll(inside, locals, carried);
    bindAll(inside, before, carried);
    inside.run(statement.body);
    const next = statement.next.map((e) => inside.real(e));
    bindAll(inside, locals, next);
    return { carried: next, done: until && ops.cast(inside.real(until), "bool") };
  };
  const start = statement.from.map((e) => outside.real(e));
  const loop = widenToLanes(context, { bound: context.bound, start, round });
  bindAll(outside, locals, context.driver(loop));
}

function bindAll(inside: LoweringScope, locals: readonly number[], values: readonly NamedTensor[]): void {
  locals.forEach((local, i) => {
    const value = values[i];
    if (value === undefined) throw new CompilerBug(`local ${local} has no value`);
    inside.bind(local, value);
  });
}

/** The loop whose carried values have, from the start, the lanes that its rounds give them. */
function widenToLanes({ ops, dryRun }: LoopContext, loop: Loop): Loop {
  let { start } = loop;
  for (;;) {
    const { carried, done } = dryRun(() => loop.round(start, ops.scalar(0, "i32")));
    const wider = start.map((value, i) => {
      const next = carried[i] ?? value;
      return inLanes(ops, value, lanesOf(done !== undefined ? [value, next, done] : [value, next]));
    });
    if (wider.every((value, i) => value.axes.length === start[i]?.axes.length)) break;
    start = wider;
  }
  return {
    ...loop,
    start,
    round: (carried, index) => {
      const next = loop.round(carried, index);
      return {
        done: next.done,
        carried: next.carried.map((value, i) => ops.expand(value, axesOf(carried[i] ?? value))),
      };
    },
  };
}

/** The value with these lanes in front, repeated over those that it lacks. */
function inLanes(ops: NamedOps, value: NamedTensor, lanes: readonly { name: string; size: number }[]): NamedTensor {
  return ops.expand(value, [...lanes, ...axesOf(value).filter((axis) => !isLaneAxis(axis.name))]);
}

/** One tensor that a `minimize` moves: all of a target, or one weight of a network. */
interface MovedTensor {
  readonly local: number;
  readonly start: NamedTensor;
  readonly weight: WeightPlace | undefined;
  readonly change: MinimizeChange | undefined;
}

/** Binds the targets to where the minimisation leaves them. */
export function lowerMinimize(context: LoopContext, outside: LoweringScope, statement: StatementOf<"minimize">): void {
  const { ops } = context;
  const moved = statement.targets.flatMap((target): MovedTensor[] => {
    const { local } = target;
    if (target.kind === "tensor") {
      const { change } = target;
      return change?.frozen ? [] : [{ local, start: outside.real(target.from), weight: undefined, change }];
    }
    // What a group freezes is the network's own: every episode shares it.
    return [...context.weights(target.from)].flatMap(([path, start]) => {
      const change = target.changes?.[path];
      return change?.frozen ? [] : [{ local, start, weight: { of: target.from, path }, change }];
    });
  });
  const bindMoved = (inside: LoweringScope, values: readonly NamedTensor[]): void => {
    for (const target of statement.targets) {
      const own = moved.flatMap((one, i) => {
        const value = values[i];
        return one.local === target.local && value !== undefined ? [{ one, value }] : [];
      });
      const { local } = target;
      if (target.kind === "tensor") inside.bind(local, own[0]?.value ?? outside.real(target.from));
      else
        inside.bindNetwork(local, target.from, new Map(own.map(({ one, value }) => [one.weight?.path ?? "", value])));
    }
  };
  const lossAt = (targets: readonly NamedTensor[]): NamedTensor => {
    const inside = context.newScope();
    bindMoved(inside, targets);
    inside.run(statement.body);
    return inside.real(statement.loss);
  };
  const objective = differentiate(context, lossAt, statement.firstOrder);
  const settings = settingsOf(context, statement, moved);
  const minimizer = minimizerOf(ops, statement.by.method, (name) => settings.get(name));
  const starts = moved.map((one) => one.start);
  // A lane's targets are its own where its loss or a setting is; which lanes there are shows at the start.
  const lanes = lanesOf([...starts, context.dryRun(() => lossAt(starts)), ...[...settings.values()].flat()]);
  const targets = starts.map((value) => inLanes(ops, value, lanes));
  const loop: Loop = {
    bound: context.bound,
    start: [...targets, ...minimizer.initialState(targets)],
    round: (carried, index) => {
      const next = minimizer.step({
        targets: carried.slice(0, moved.length),
        state: carried.slice(moved.length),
        objective,
        index,
      });
      const values = [...next.targets, ...next.state];
      return { carried: values.map((value, i) => ops.expand(value, axesOf(carried[i] ?? value))), done: next.done };
    },
  };
  const found = context.driver(loop).slice(0, moved.length);
  // Where a method ends is a constant to it, not a function of where it began.
  const ends = statement.by.method === "lbfgs" ? found.map((value) => ops.unary("stop_gradient", value)) : found;
  bindMoved(outside, ends);
}

/** The settings that the method or a group gives, by name: one for each tensor that is moved. */
function settingsOf(
  { ops, setting }: LoopContext,
  { by }: StatementOf<"minimize">,
  moved: readonly MovedTensor[],
): ReadonlyMap<string, readonly NamedTensor[]> {
  const given = [by.args, ...moved.map(({ change }) => change?.args ?? {})];
  const names = new Set(given.flatMap((args) => Object.keys(args)));
  return new Map(
    [...names].map((name) => {
      const each = moved.map(({ change, weight }) => {
        const e = change?.args[name] ?? by.args[name];
        const value = e !== undefined ? setting(e, weight) : ops.scalar(0);
        return name === "lr" && change !== undefined ? ops.scale(value, change.share) : value;
      });
      return [name, each];
    }),
  );
}

/** The loss and its derivatives at given targets. They are stand-ins while the derivative is taken: a target may start as a value that the loss reads besides, or two as the same one. */
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
