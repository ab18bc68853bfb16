/** Runs one program: binds arguments and results to the memory of the program, and runs its steps. */
import type { Program, ProgramInput } from "../../../compiler/tensor/ir.js";
import { type RunArguments, readArguments, type StatePair, statePairs } from "../arguments.js";
import {
  EngineError,
  type Executable,
  type Handle,
  type HostTensor,
  type KernelListener,
  type RunResult,
} from "../engine.js";
import { type Handles, OnednnHandle } from "./handles.js";
import { Block, Memory, planArena, type Slot } from "./memory.js";
import type { Lowered } from "./program.js";
import type { Step } from "./steps.js";

export class OnednnExecutable implements Executable {
  private readonly arguments: readonly ProgramInput[];
  private readonly states: readonly StatePair[];
  private readonly memory: Memory;
  private readonly steps: readonly (() => void)[];
  /** The memory of the inputs that were last given as host tensors. */
  private readonly feeds = new Map<string, Block>();
  private disposed = false;
  /** The number of runs that have begun, and when the last one did, by `performance.now()`. */
  private runs = 0;
  private started = 0;

  constructor(
    private readonly handles: Handles,
    private readonly program: Program,
    private readonly lowered: Lowered,
    onKernel?: KernelListener,
  ) {
    const { builder, inputs, outputs } = lowered;
    this.arguments = program.inputs.filter(({ name }) => inputs.has(name));
    this.states = statePairs(program, this.arguments);
    const plan = planArena(builder.steps, [...outputs.values()]);
    this.memory = new Memory(handles.library, builder.slots, plan.offsets, handles.arena(plan.bytes));
    for (const [slot, data] of builder.contents) this.memory.view(slot).set(data);
    for (const step of builder.setup) step.link(this.memory)();
    this.steps = builder.steps.map((step) => {
      const run = step.link(this.memory);
      return onKernel === undefined ? run : () => this.measure(step, run, onKernel);
    });
  }

  async run(args: Readonly<Record<string, Handle | HostTensor>>): Promise<RunResult> {
    const { name } = this.program;
    if (this.disposed) throw new EngineError("internal", `run of ${name}: disposed`);
    const given = readArguments(name, this.arguments, args, (handle, where) => this.handles.live(handle, where));
    this.runs++;
    this.started = performance.now();
    this.bindInputs(given);
    const results = this.bindResults();
    for (const step of this.steps) step();
    return this.collect(given, results);
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.memory.dispose(this.handles.library);
    this.lowered.builder.dispose();
  }

  private measure({ kernel, node }: Step, run: () => void, onKernel: KernelListener): void {
    const start = performance.now();
    run();
    const duration = performance.now() - start;
    onKernel({ kernel, node, run: this.runs - 1, start: start - this.started, duration });
  }

  private bindInputs({ inputs }: RunArguments<OnednnHandle>): void {
    for (const [{ name }, arg] of inputs) {
      const slot = this.lowered.inputs.get(name) as Slot;
      if (arg instanceof OnednnHandle) {
        this.memory.bind(slot, arg.block);
        continue;
      }
      const block = this.feeds.get(name) ?? new Block(this.handles.library, slot.bytes);
      this.feeds.set(name, block);
      block.view(slot.dtype).set((arg as HostTensor).data);
      this.memory.bind(slot, block);
    }
  }

  /** Gives each result that stays on the device memory of its own. */
  private bindResults(): ReadonlyMap<string, Block> {
    const blocks = new Map<string, Block>();
    for (const { name, role } of this.program.outputs) {
      if (role === "host") continue;
      const slot = this.lowered.outputs.get(name) as Slot;
      const block = this.handles.takeBlock(slot.bytes);
      this.memory.bind(slot, block);
      blocks.set(name, block);
    }
    return blocks;
  }

  private collect({ states }: RunArguments<OnednnHandle>, results: ReadonlyMap<string, Block>): RunResult {
    const host: Record<string, HostTensor> = {};
    const device: Record<string, Handle> = {};
    for (const { name, node, role } of this.program.outputs) {
      const { shape, dtype } = node;
      if (role === "host") {
        const slot = this.lowered.outputs.get(name) as Slot;
        host[name] = { shape, dtype, data: this.memory.view(slot).slice() };
      } else if (role === "device") {
        device[name] = this.handles.make(shape, dtype, results.get(name) as Block);
      }
    }
    for (const { input, output } of this.states) {
      const { shape, dtype } = input.node;
      device[input.name] = this.handles.make(shape, dtype, results.get(output.name) as Block);
    }
    for (const state of states.values()) this.handles.release(state);
    return { device, host };
  }
}
