/**
 * Chooses the engine and device of a run: those that were requested, or with `auto` the best of this machine. A request that
 * cannot be met is an error; nothing else is taken instead.
 */

import { suggest } from "../../common/did-you-mean.js";
import { type Diagnostic, DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { instructionSets } from "../system/instructions.js";
import { availableThreads } from "../system/threads.js";
import type { Adapter, Availability, EngineNote, Unavailability } from "./engine.js";
import {
  type EngineName,
  type EngineReport,
  engineNames,
  gpuEngines,
  isEngineName,
  missingEngine,
  probeEngine,
  probeEngines,
  roundingEngine,
} from "./index.js";
import { formatNote, whyNoGpu } from "./notes.js";
import { cpuSpeeds, type Speeds } from "./speeds/speeds.js";

/** The options `--engine`, `--device` and `--precision`, as they were given. */
export interface EngineRequest {
  readonly engine?: string;
  readonly device?: string;
  readonly precision?: string;
  /** True if the run has batch norms over so many pixels that `onednn` computes them by slow loops, so that `auto` does not choose it. */
  readonly longNorms?: boolean;
}

export interface EngineChoice {
  readonly name: EngineName;
  /** `cpu` or `gpu:N`. */
  readonly device: string;
  /** The name of the GPU. */
  readonly adapter?: string;
  /** `bf16` if it was requested. */
  readonly precision?: "bf16";
  /** The reason, if fslc chose the engine or the device. */
  readonly why?: string;
}

/** The choice without options. It runs on every machine, and its numbers are those of the other machines. */
const defaultChoice: EngineChoice = { name: "onnx", device: "cpu" };
export const auto = "auto";

/** Returns the error in the options that can be found without probing the machine, if there is one. */
export function requestProblem({
  engine = defaultChoice.name,
  device,
  precision,
}: EngineRequest): Diagnostic | undefined {
  if (engine !== auto && !isEngineName(engine)) {
    return diagnostic("FSL7002", undefined, { engine }, { help: suggest(engine, [auto, ...engineNames]) });
  }
  const devices = engine === auto || gpuEngines.has(engine) ? ["cpu", "gpu", "gpu:1"] : ["cpu"];
  if (device === undefined || devices.includes(kindOf(device))) return precisionProblem(engine, precision);
  const wantsGpu = kindOf(device) === "gpu" || /^(cuda|mps|rocm|vulkan)(:\d+)?$/.test(device);
  const gpuHelp = devices.includes("gpu")
    ? "a GPU is called `gpu`, and a second one `gpu:1`"
    : `${engine} computes on \`cpu\` only`;
  const help = wantsGpu ? [gpuHelp] : suggest(device, devices);
  return diagnostic("FSL7008", undefined, { engine, device }, { help });
}

function precisionProblem(engine: string, precision: string | undefined): Diagnostic | undefined {
  if (precision === undefined || precision === "f32") return undefined;
  if (precision !== "bf16")
    return diagnostic("FSL7042", undefined, { option: "--precision", value: precision, why: "it is `f32` or `bf16`" });
  if (engine === auto || engine === roundingEngine) return undefined;
  const why = `the engine \`${engine}\` computes in ${engine === "reference" ? "64-bit numbers" : "f32"} only`;
  return diagnostic("FSL7010", undefined, { why }, { help: [`\`--engine ${roundingEngine} --precision bf16\``] });
}

/** Makes the error FSL7010: this processor has no instructions for bf16. */
function noRounding(): DiagnosticError {
  const found = instructionSets();
  const why = `this processor has neither AVX512-BF16 nor AMX${found.length === 0 ? ", or the system does not tell" : ""}`;
  return new DiagnosticError(diagnostic("FSL7010", undefined, { why }, { help: ["leave out `--precision`"] }));
}

/** Returns the kind of a device: `gpu` for `gpu:3`. */
const kindOf = (device: string): string => (/^gpu:\d+$/.test(device) ? "gpu" : device);

/**
 * Returns the engine and device of a run. The machine is probed only for a GPU or for `auto`, not for `cpu`.
 * @throws DiagnosticError FSL7001, FSL7002 or FSL7008 if this machine does not have what was requested.
 */
export async function chooseEngine(asked: EngineRequest): Promise<EngineChoice> {
  const problem = requestProblem(asked);
  if (problem !== undefined) throw new DiagnosticError(problem);
  if (asked.precision === "bf16") return { ...(await chooseRounding(asked)), precision: "bf16" };
  const { engine = defaultChoice.name, device } = asked;
  // A run whose stages are all in the store needs no engine, and the command line fetches this one. If that failed, the first
  // stage reports it.
  if (engine === defaultChoice.name && (device ?? defaultChoice.device) === defaultChoice.device) return defaultChoice;
  if (!isEngineName(engine)) {
    const reports = await probeEngines();
    return chooseBest(reports, { ...asked, speeds: await speedsFor(reports, device) });
  }
  const missing = await missingEngine(engine);
  if (missing !== undefined) throw engineUnavailable(engine, missing);
  if (device === "cpu" || (device === undefined && !(await isInstalledForGpu(engine)))) {
    return { name: engine, device: "cpu" };
  }
  const availability = await probeEngine(engine);
  if (!availability.available) throw engineUnavailable(engine, availability);
  if (device !== undefined) return choiceOfDevice(engine, availability, device);
  const [gpu] = listGpus(availability);
  if (gpu === undefined) {
    const why = `it is installed for GPUs, but finds none: ${noGpuReason(availability)}`;
    return { name: engine, device: "cpu", why };
  }
  return { name: engine, ...gpu, why: "it is installed for GPUs and finds one" };
}

/** Returns the choice for bf16. @throws DiagnosticError FSL7010 if the processor does not have it. */
async function chooseRounding({ precision: _, ...asked }: EngineRequest): Promise<EngineChoice> {
  // Every processor with AMX has these instructions too.
  if (!instructionSets().includes("avx512_bf16")) throw noRounding();
  if (asked.engine !== auto) return await chooseEngine(asked);
  const why = "the only engine that computes with bf16";
  return { ...(await chooseEngine({ ...asked, engine: roundingEngine })), why };
}

/** Returns the speeds on the CPU if the choice depends on them: no GPU comes first. */
export async function speedsFor(reports: readonly EngineReport[], device?: string): Promise<Speeds> {
  const first = autoChoice(reports, device);
  return first?.device === "cpu" ? await cpuSpeeds(reports, availableThreads()) : new Map();
}

/** Tells whether the engine was installed with `--gpu`. If so, it uses a GPU without `--device`. */
async function isInstalledForGpu(engine: EngineName): Promise<boolean> {
  if (engine !== "tensorflow") return false;
  return (await import("./tensorflow/locate.js")).findTensorflow()?.gpu === true;
}

type Available = Extract<Availability, { available: true }>;
type Gpu = Pick<EngineChoice, "device" | "adapter"> & { readonly kind: Adapter["kind"] };

function listGpus({ devices, adapters = {} }: Available): Gpu[] {
  return devices
    .filter((device) => kindOf(device) === "gpu")
    .map((device) => {
      const { name, kind } = adapters[device] ?? { kind: "unknown" as const };
      return { device: device === "gpu" ? "gpu:0" : device, kind, ...(name === undefined ? {} : { adapter: name }) };
    });
}

/** Returns the choice of a device of the machine; `gpu` means its first GPU. @throws DiagnosticError FSL7008 if there is none. */
function choiceOfDevice(engine: EngineName, availability: Available, device: string): EngineChoice {
  const found = listGpus(availability).find((gpu) => device === "gpu" || gpu.device === device);
  if (found === undefined) throw deviceUnavailable(engine, device, [{ name: engine, availability }]);
  return toChoice(engine, found);
}

function toChoice(
  name: EngineName,
  { device, adapter }: Pick<EngineChoice, "device" | "adapter">,
  why?: string,
): EngineChoice {
  return { name, device, ...(adapter === undefined ? {} : { adapter }), ...(why === undefined ? {} : { why }) };
}

/** Makes the error FSL7001: the engine cannot be used on this machine. */
export function engineUnavailable(engine: string, { why, fix }: Unavailability): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7001", undefined, { engine, why }, { help: [fix] }));
}

/** Makes the error FSL7008: the engine has no such device. Its help lists the devices that the engines do have. */
export function deviceUnavailable(engine: string, device: string, reports: readonly EngineReport[]): DiagnosticError {
  const help = reports.flatMap(({ name, availability }) => {
    if (!availability.available) return [`${name}: ${availability.why}; to fix it: ${availability.fix}`];
    const { devices, notes = [] } = availability;
    const has = devices.map((one) => `\`${one}\``).join(", ");
    return [`${name} has ${has} on this machine`, ...notes.map(noteSentence)];
  });
  return new DiagnosticError(diagnostic("FSL7008", undefined, { engine, device }, { help }));
}

function noteSentence(note: EngineNote): string {
  const { text, help } = formatNote(note);
  return help === undefined ? text : `${text}; to fix it: ${help}`;
}

/** Returns why there is no GPU, without the fix, which `fslc engines` prints. */
const noGpuReason = ({ notes = [] }: Available): string => whyNoGpu(notes) ?? "this machine has none";

/** Returns the choice of `--engine auto`, or undefined if no engine is available or none has the device. */
export function autoChoice(
  reports: readonly EngineReport[],
  device?: string,
  speeds?: Speeds,
): EngineChoice | undefined {
  const asked = { ...(device === undefined ? {} : { device }), ...(speeds === undefined ? {} : { speeds }) };
  try {
    return chooseBest(reports, asked);
  } catch (error) {
    if (error instanceof DiagnosticError) return undefined;
    throw error;
  }
}

/** A request without an engine, and what was measured of the engines. */
export interface ChoiceOptions extends Omit<EngineRequest, "engine"> {
  readonly speeds?: Speeds;
}

interface Candidate extends EngineChoice {
  /** Lower is better. A candidate without a rank is taken only if its device is requested. */
  readonly rank: number | undefined;
}

/**
 * Returns the choice of `--engine auto`: a GPU before the CPU, and CUDA's kernels before WebGPU's. Integrated GPUs, except
 * Apple's, are not taken, because nobody has shown that they are faster than their CPU. On the CPU it takes the engine whose trial step
 * was the fastest; an engine without a trial comes after those that have one, in a fixed order. The interpreter is never taken.
 * @throws DiagnosticError FSL7001 if no engine is available, FSL7008 if none has the requested device.
 */
export function chooseBest(
  reports: readonly EngineReport[],
  { device, longNorms = false, speeds = new Map() }: ChoiceOptions = {},
  platform: string = process.platform,
): EngineChoice {
  const candidates = reports
    .flatMap((report) => listCandidates(report, platform))
    .map((one) => (one.device === "cpu" ? onThisCpu(one, speeds, longNorms) : one));
  const eligible = candidates
    .filter((one) => (device === undefined ? one.rank !== undefined : hasDevice(one, device)))
    .sort((a, b) => (a.rank ?? 9) - (b.rank ?? 9));
  const [first] = eligible;
  if (first === undefined) {
    const others = reports.filter(({ name }) => name !== "reference");
    if (device !== undefined && candidates.length > 0) throw deviceUnavailable(auto, device, others);
    const missing = others.flatMap(({ name, availability }) =>
      availability.available ? [] : [{ name, ...availability }],
    );
    throw engineUnavailable(auto, {
      why: missing.map(({ name, why }) => `${name}: ${why}`).join("; "),
      fix: missing.map(({ fix }) => fix).join(", or "),
    });
  }
  const rejected = device === undefined && first.device === "cpu" ? reports.flatMap(reasonsAgainstGpu) : [];
  return toChoice(first.name, first, [first.why, ...rejected].join("; "));
}

/** Returns a candidate for the CPU with its place among the others: between the ranks 2 and 3 by its speed, if that is known. */
function onThisCpu(candidate: Candidate, speeds: Speeds, longNorms: boolean): Candidate {
  const others = [...speeds].filter(([name]) => name !== candidate.name && !(longNorms && name === "onednn"));
  if (longNorms && candidate.name === "onednn")
    return { ...candidate, rank: 6, why: "it is slow at batch norms over as many pixels as this run has" };
  const seconds = speeds.get(candidate.name);
  if (seconds === undefined) return { ...candidate, rank: (candidate.rank ?? 0) + 1 };
  const ratios = others
    .sort(([, a], [, b]) => a - b)
    .map(([name, other]) => `${(other / seconds).toFixed(1)} times as fast as \`${name}\``);
  const beside = ratios.length === 0 ? "" : `, ${ratios.join(" and ")}`;
  const why = `a trial step took ${(1000 * seconds).toFixed(0)} ms on this machine${beside}`;
  return { ...candidate, rank: 2 + seconds / (1 + seconds), why };
}

/** The order of engines on the CPU without a trial, by what was measured elsewhere: docs/decisions/0015 and 0016. */
const onCpu: Readonly<Record<Exclude<EngineName, "reference">, { readonly rank: number; readonly why: string }>> = {
  onednn: {
    rank: 2,
    why: "on another machine, where it was measured, it took 0.5 to 0.6 of the processor time of `onnx` in training",
  },
  onnx: { rank: 3, why: "the default on a CPU" },
  tensorflow: { rank: 4, why: "the only engine on this machine" },
};

const hasDevice = (candidate: EngineChoice, device: string): boolean =>
  candidate.device === device || (device === "gpu" && kindOf(candidate.device) === "gpu");

function listCandidates({ name, availability }: EngineReport, platform: string): Candidate[] {
  if (!availability.available || name === "reference") return [];
  const gpus = listGpus(availability).map((gpu): Candidate => {
    const gpuName = gpu.adapter ?? "a GPU";
    if (name === "tensorflow") return { name, ...gpu, rank: 0, why: `CUDA on ${gpuName}` };
    const usable =
      gpu.kind === "discrete" || gpu.kind === "unknown" || (gpu.kind === "integrated" && platform === "darwin");
    return { name, ...gpu, rank: usable ? 1 : undefined, why: `WebGPU on ${gpuName}` };
  });
  if (!availability.devices.includes("cpu")) return gpus;
  return [...gpus, { name, device: "cpu", ...onCpu[name] }];
}

/** Returns why `auto` computes on the CPU, for an engine that supports GPUs. */
function reasonsAgainstGpu({ name, availability }: EngineReport): string[] {
  if (!gpuEngines.has(name)) return [];
  if (!availability.available) return [`no GPU for ${name}: ${availability.why}`];
  const [gpu] = listGpus(availability);
  if (gpu === undefined) return [`no GPU for ${name}: ${noGpuReason(availability)}`];
  const gpuName = gpu.adapter ?? gpu.device;
  return gpu.kind === "software"
    ? [`${gpuName} computes on the CPU`]
    : [`${gpuName} shares the CPU's memory and may not be faster (to use it: \`--device gpu\`)`];
}
