/**
 * Programs with loops that the runtime drives. Lowering makes ONE graph, in which the carried values and the results of such
 * a loop are inputs. Here the graph is split into segments: the nodes before the first loop, one round of it, the nodes
 * before the second, and so on to the nodes after the last. Values that a later segment needs stay on the device.
 */
import { CompilerBug } from "../../../common/bug.js";
import type { Graph } from "../../tensor/graph.js";
import type { Node, Program, ProgramInput } from "../../tensor/ir.js";
import { reachable } from "../../tensor/walk.js";
import { assemble, type ProgramSpec, type StatePair } from "../program.js";

/** A loop of the graph that the runtime drives. */
export interface RuntimeLoop {
  /** The largest number of rounds. */
  readonly bound: number;
  readonly carried: readonly CarriedValue[];
  /** The number of lanes that go on after a round: an f32 scalar. It is undefined if no lane ends before the bound. */
  readonly active: Node | undefined;
}
export interface CarriedValue {
  /** The value that a round reads. */
  readonly input: Node<"input">;
  readonly start: Node;
  readonly next: Node;
  /** `next`, but `input` in the lanes that have finished. It is carried if the result of the loop is used. */
  readonly masked: Node;
  /** The value after the last round. */
  readonly result: Node<"input">;
}

/**
 * Programs that run one after another. A device output has the name of the input of a later program that takes it. As a
 * `Program`, it has the inputs and the host outputs of the whole.
 */
export interface SegmentedProgram extends Program {
  readonly segments: readonly Segment[];
}
export type Segment = { readonly kind: "run"; readonly program: Program } | LoopSegment;

/**
 * A loop, whose `program` is one round. The carried values are states or device outputs under their own names. Those of
 * `moves` take the value that another one had before the round.
 */
export interface LoopSegment {
  readonly kind: "loop";
  readonly program: Program;
  readonly bound: number;
  readonly moves: readonly { readonly to: string; readonly from: string }[];
  /** The carried values that are used after the loop, and their names there. */
  readonly results: readonly { readonly carried: string; readonly result: string }[];
  /** The name of the device output (f32 scalar) that counts the lanes which go on. */
  readonly active: string | undefined;
}

type SegmentedProgramSpec = Pick<ProgramSpec, "name" | "host" | "feeds">;

/** Returns the program of `spec`, split at `loops`. A later loop may use the results of an earlier one. */
export function splitAtLoops(
  graph: Graph,
  spec: SegmentedProgramSpec,
  loops: readonly RuntimeLoop[],
): SegmentedProgram {
  return new LoopSplitter(graph, spec, liveLoops(Object.values(spec.host), loops)).program();
}

/** A loop without the carried values that nothing uses. */
interface LiveLoop {
  readonly bound: number;
  readonly carried: readonly LiveValue[];
  readonly active: Node | undefined;
}
interface LiveValue {
  readonly input: Node<"input">;
  readonly start: Node;
  readonly next: Node;
  readonly result: Node<"input"> | undefined;
}

/** Returns the loops whose results are used, each with the carried values that the used results depend on. */
function liveLoops(outputs: readonly Node[], loops: readonly RuntimeLoop[]): LiveLoop[] {
  const roots = [...outputs];
  const live: LiveLoop[] = [];
  for (const loop of loops.toReversed()) {
    const below = new Set(reachable(roots));
    const wanted = new Set(loop.carried.filter(({ result }) => below.has(result)));
    if (wanted.size === 0) continue;
    const nextOf = (value: CarriedValue): Node => (wanted.has(value) ? value.masked : value.next);
    const kept = new Set(wanted);
    for (let before = -1; before !== kept.size; ) {
      before = kept.size;
      const round = new Set(reachable([...[...kept].map(nextOf), ...(loop.active !== undefined ? [loop.active] : [])]));
      for (const value of loop.carried) if (round.has(value.input)) kept.add(value);
    }
    const carried = loop.carried
      .filter((value) => kept.has(value))
      .map((value) => ({
        input: value.input,
        start: value.start,
        next: nextOf(value),
        result: wanted.has(value) ? value.result : undefined,
      }));
    live.unshift({ bound: loop.bound, carried, active: loop.active });
    roots.push(...carried.flatMap(({ start, next }) => [start, next]));
  }
  return live;
}

const rootsOfRound = ({ carried, active }: LiveLoop): Node[] => [
  ...carried.map(({ next }) => next),
  ...(active !== undefined ? [active] : []),
];

/** Ops that return a view of a value. Making it again is cheaper than keeping it. */
const views: ReadonlySet<string> = new Set(["reshape", "broadcast", "stop_gradient"]);

/** A part of the graph that becomes a program: its roots, and the nodes whose values other programs have computed. */
interface Subgraph {
  readonly roots: readonly Node[];
  readonly given: ReadonlySet<Node>;
}

/** Splits a graph into the segments between its loops and the rounds of the loops. */
class LoopSplitter {
  private readonly constants = new Set<Node>();
  /** The values that pass from program to program, with the name of the input that takes them. */
  private readonly names = new Map<Node, string>();
  /** The run segment that computes each node. */
  private readonly computedIn = new Map<Node, number>();
  /** The names of inputs that are no weights or feeds of the whole. */
  private readonly internalNames = new Set<string>();

  constructor(
    private readonly graph: Graph,
    private readonly spec: SegmentedProgramSpec,
    private readonly loops: readonly LiveLoop[],
  ) {
    for (const loop of loops)
      for (const { input, result } of loop.carried) {
        this.internalNames.add(input.attrs.name);
        if (result !== undefined) this.internalNames.add(result.attrs.name);
      }
    const roots = loops.flatMap((loop) => [...rootsOfRound(loop), ...loop.carried.map(({ start }) => start)]);
    for (const node of reachable([...Object.values(spec.host), ...roots]))
      if (node.op !== "input" && node.inputs.every((input) => this.constants.has(input))) this.constants.add(node);
  }

  program(): SegmentedProgram {
    const { host, name } = this.spec;
    const rounds = this.loops.map((loop) => this.roundSubgraph(loop));
    const runs = [...rounds.map(({ given }, index) => this.subgraphBefore(index, [...given])), this.subgraphAfter()];
    // The values that each run has to keep for later programs.
    const passed = runs.map((): Node[] => []);
    for (const node of new Set([...rounds, ...runs].flatMap(({ given }) => [...given]))) {
      this.internalNames.add(this.nameOf(node));
      passed[this.computedIn.get(node) ?? -1]?.push(node);
    }
    const segments: Segment[] = [];
    this.loops.forEach((loop, index) => {
      segments.push(
        this.runSegment(index, runs[index], passed[index] ?? []),
        this.loopSegment(index, loop, rounds[index]),
      );
    });
    const last = this.assembleSubgraph(name, runs.at(-1), { host });
    segments.push({ kind: "run", program: last });
    return { name, segments, inputs: this.inputs(segments), outputs: last.outputs };
  }

  /** Returns true if a value is made again in each program that needs it, because that costs nothing. */
  private isCheapToRemake(node: Node): boolean {
    return node.op === "input" || this.constants.has(node) || views.has(node.op);
  }

  /** Returns one round. The values that do not change from round to round are given. */
  private roundSubgraph(loop: LiveLoop): Subgraph {
    const roots = rootsOfRound(loop);
    const inside = new Set<Node>(loop.carried.map(({ input }) => input));
    for (const node of reachable(roots)) if (node.inputs.some((input) => inside.has(input))) inside.add(node);
    return this.subgraph(roots, (node) => !inside.has(node));
  }

  /** Returns the nodes before a loop: its start values, and the given values of its rounds that no earlier run has made. */
  private subgraphBefore(index: number, given: readonly Node[]): Subgraph {
    const starts = this.loops[index]?.carried.map(({ start }) => start) ?? [];
    return this.runSubgraph(index, [...starts, ...given]);
  }

  private subgraphAfter(): Subgraph {
    return this.runSubgraph(this.loops.length, Object.values(this.spec.host));
  }

  private runSubgraph(index: number, roots: readonly Node[]): Subgraph {
    const part = this.subgraph(roots, (node) => this.computedIn.has(node));
    for (const node of reachable(roots, part.given))
      if (!part.given.has(node) && !this.isCheapToRemake(node)) this.computedIn.set(node, index);
    return part;
  }

  private subgraph(roots: readonly Node[], elsewhere: (node: Node) => boolean): Subgraph {
    const given = new Set<Node>();
    reachable(roots, {
      has: (node) => {
        const ends = elsewhere(node) && !this.isCheapToRemake(node);
        if (ends) given.add(node);
        return ends;
      },
    });
    return { roots, given };
  }

  private nameOf(node: Node): string {
    const name = this.names.get(node) ?? `value ${this.names.size}`;
    this.names.set(node, name);
    return name;
  }

  // ------------------------------------------------------------ programs

  private runSegment(index: number, part: Subgraph | undefined, passed: readonly Node[]): Segment {
    const starts = this.loops[index]?.carried.map(({ input, start }) => [input.attrs.name, start] as const) ?? [];
    const device = Object.fromEntries([...starts, ...passed.map((node) => [this.nameOf(node), node] as const)]);
    const name = `${this.spec.name}, ${index === 0 ? "start" : `after loop ${index}`}`;
    return { kind: "run", program: this.assembleSubgraph(name, part, { device }) };
  }

  private loopSegment(index: number, { carried, active, bound }: LiveLoop, part: Subgraph | undefined): LoopSegment {
    const inputs = new Map<Node, string>(carried.map(({ input }) => [input, input.attrs.name]));
    const moves = carried.flatMap(({ input, next }) => {
      const from = inputs.get(next);
      return from === undefined ? [] : [{ to: input.attrs.name, from }];
    });
    const moved = new Set(moves.flatMap(({ to, from }) => [to, from]));
    const states: StatePair[] = [];
    const device: Record<string, Node> = {};
    for (const { input, next } of carried) {
      const { name } = input.attrs;
      if (inputs.has(next)) continue;
      if (moved.has(name)) device[name] = next;
      else states.push({ before: input, after: next });
    }
    const counter = `lanes of loop ${index + 1}`;
    if (active !== undefined) device[counter] = active;
    return {
      kind: "loop",
      program: this.assembleSubgraph(`${this.spec.name}, round of loop ${index + 1}`, part, { device, states }),
      bound,
      moves: moves.filter(({ to, from }) => to !== from),
      results: carried.flatMap(({ input, result }) =>
        result !== undefined ? [{ carried: input.attrs.name, result: result.attrs.name }] : [],
      ),
      active: active && counter,
    };
  }

  private assembleSubgraph(
    name: string,
    part: Subgraph | undefined,
    { host = {}, device = {}, states = [] }: Partial<Pick<ProgramSpec, "host" | "device" | "states">>,
  ): Program {
    const given = part?.given ?? new Set<Node>();
    const roots = [...Object.values(host), ...Object.values(device), ...states.map(({ after }) => after)];
    const built = this.extract(roots, given);
    const named = (nodes: Readonly<Record<string, Node>>): Record<string, Node> =>
      Object.fromEntries(Object.entries(nodes).map(([key, node]) => [key, built(node)]));
    return assemble({
      name,
      host: named(host),
      device: named(device),
      states: states.map(({ before, after }) => ({ before, after: built(after) })),
      feeds: this.spec.feeds,
    });
  }

  /** Copies the nodes that `roots` depend on, with inputs in index of the given nodes. */
  private extract(roots: readonly Node[], given: ReadonlySet<Node>): (node: Node) => Node {
    const { graph } = this;
    const built = new Map<Node, Node>();
    const of = (node: Node): Node => {
      const made = built.get(node);
      if (made === undefined) throw new CompilerBug(`${node.op} ${node.id} is in another segment`);
      return made;
    };
    for (const node of reachable(roots, given)) {
      const made = graph.at(node.span, () => {
        if (given.has(node)) return graph.input(this.nameOf(node), node.shape, node.dtype);
        const inputs = node.inputs.map(of);
        return inputs.every((input, index) => input === node.inputs[index])
          ? node
          : graph.op(node.op, inputs, node.attrs);
      });
      built.set(node, made);
    }
    return of;
  }

  /** Returns the weights and feeds of all segments, each once. */
  private inputs(segments: readonly Segment[]): ProgramInput[] {
    const inputs = new Map<string, ProgramInput>();
    for (const { program } of segments)
      for (const input of program.inputs)
        if (!this.internalNames.has(input.name) && !inputs.has(input.name)) inputs.set(input.name, input);
    return [...inputs.values()];
  }
}
