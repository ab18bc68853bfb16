/** Which engine and device a run computes with: what was asked for, or the best that is here. Never another instead. */

import { suggest } from "../../common/did-you-mean.js";
import { type Diagnostic, DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { Adapter, Availability } from "./engine.js";
import {
  type EngineName,
  type EngineReport,
  engineNames,
  gpuEngines,
  isEngineName,
  missingEngine,
  probeEngine,
  probeEngines,
} from "./index.js";

/** `--engine` and `--device` as they were given. */
export interface Asked {
  readonly engine?: string;
  readonly device?: string;
}

export interface Choice {
  readonly name: EngineName;
  /** `cpu` or `gpu:N`. */
  readonly device: string;
  /** The name of the card. */
  readonly adapter?: string;
  /** Why this one, where it was fslc's to choose. */
  readonly why?: string;
}

/** Where nothing is said: it runs everywhere, and numbers of one machine are those of the next. */
const defaultChoice: Choice = { name: "onnx", device: "cpu" };
export const auto = "auto";

/** What can be said against the options without looking at the machine. */
export function askedProblem({ engine = defaultChoice.name, device }: Asked): Diagnostic | undefined {
  if (engine !== auto && !isEngineName(engine)) {
    return diagnostic("FSL7002", undefined, { engine }, { help: suggest(engine, [auto, ...engineNames]) });
  }
  const devices = engine === auto || gpuEngines.has(engine) ? ["cpu", "gpu", "gpu:1"] : ["cpu"];
  if (device === undefined || devices.includes(kindOf(device))) return undefined;
  const help = kindOf(device) === "gpu" ? [`${engine} computes on \`cpu\` only`] : suggest(device, devices);
  return diagnostic("FSL7008", undefined, { engine, device }, { help });
}

/** `gpu:3` is like `gpu`. */
const kindOf = (device: string): string => (/^gpu:\d+$/.test(device) ? "gpu" : device);

/**
 * The engine and device of a run. A processor that was asked for is taken as it is: only a GPU, or `auto`, is looked for.
 * @throws DiagnosticError FSL7001, FSL7002 or FSL7008 where what was asked for is not here.
 */
export async function chooseEngine(asked: Asked, projectDir: string): Promise<Choice> {
  const problem = askedProblem(asked);
  if (problem !== undefined) throw new DiagnosticError(problem);
  const { engine = defaultChoice.name, device } = asked;
  // A run that the store serves needs no engine, and the command line fetches this one: if it fails, the first stage will tell.
  if (engine === defaultChoice.name && (device ?? defaultChoice.device) === defaultChoice.device) return defaultChoice;
  if (!isEngineName(engine)) return best(await probeEngines(projectDir), device);
  const missing = await missingEngine(engine, projectDir);
  if (missing !== undefined) throw unusable(engine, missing);
  if (device === "cpu" || (device === undefined && !(await isForGpu(engine, projectDir)))) {
    return { name: engine, device: "cpu" };
  }
  const availability = await probeEngine(engine, projectDir);
  if (!availability.available) throw unusable(engine, availability);
  if (device !== undefined) return deviceOf(engine, availability, device);
  const [gpu] = gpusOf(availability);
  if (gpu === undefined) {
    const why = `it is installed for a GPU and finds none: ${noGpu(availability)}`;
    return { name: engine, device: "cpu", why };
  }
  return { name: engine, ...gpu, why: "it is installed for a GPU and finds one" };
}

/** Whether an engine was installed for the sake of a GPU: it then takes one without being told. */
async function isForGpu(engine: EngineName, projectDir: string): Promise<boolean> {
  if (engine !== "tensorflow") return false;
  return (await import("./tensorflow/locate.js")).findTensorflow(projectDir)?.gpu === true;
}

type Available = Extract<Availability, { available: true }>;
type Unavailable = Extract<Availability, { available: false }>;
type Gpu = Pick<Choice, "device" | "adapter"> & { readonly kind: Adapter["kind"] };

function gpusOf({ devices, adapters = {} }: Available): Gpu[] {
  return devices
    .filter((device) => kindOf(device) === "gpu")
    .map((device) => {
      const { name, kind } = adapters[device] ?? { kind: "unknown" as const };
      return { device: device === "gpu" ? "gpu:0" : device, kind, ...(name === undefined ? {} : { adapter: name }) };
    });
}

/** `gpu` is the first one that there is. */
function deviceOf(engine: EngineName, availability: Available, device: string): Choice {
  const found = gpusOf(availability).find((gpu) => device === "gpu" || gpu.device === device);
  if (found === undefined) throw noDevice(engine, device, [{ name: engine, availability }]);
  return choice(engine, found);
}

function choice(name: EngineName, { device, adapter }: Pick<Choice, "device" | "adapter">, why?: string): Choice {
  return { name, device, ...(adapter === undefined ? {} : { adapter }), ...(why === undefined ? {} : { why }) };
}

/** FSL7001 */
export function unusable(engine: string, { why, fix }: Pick<Unavailable, "why" | "fix">): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7001", undefined, { engine, why }, { help: [fix] }));
}

/** FSL7008, with what the engines have instead. */
export function noDevice(engine: string, device: string, reports: readonly EngineReport[]): DiagnosticError {
  const help = reports.flatMap(({ name, availability }) => {
    if (!availability.available) return [`${name}: ${availability.why}; fix: ${availability.fix}`];
    const { devices, notes = [] } = availability;
    return [`${name} has ${devices.map((one) => `\`${one}\``).join(", ")} here`, ...notes];
  });
  return new DiagnosticError(diagnostic("FSL7008", undefined, { engine, device }, { help }));
}

/** What the notes say about a GPU that is not there, without the fix: `fslc engines` has that. */
function noGpu({ notes = [] }: Available): string {
  const note = notes.map((one) => /^no GPU: (.*?)(?:; fix: .*)?$/s.exec(one)?.[1]).find((why) => why !== undefined);
  return note === undefined ? "none is here" : note;
}

/** What `auto` takes of these; undefined where there is nothing. */
export function bestOf(reports: readonly EngineReport[]): Choice | undefined {
  try {
    return best(reports);
  } catch (error) {
    if (error instanceof DiagnosticError) return undefined;
    throw error;
  }
}

interface Candidate extends Choice {
  /** Lower is better; undefined where it is taken only if its device is asked for. */
  readonly rank: number | undefined;
}

/**
 * `--engine auto`: a card before the processor, CUDA's own kernels before WebGPU's. Graphics that share the processor's
 * memory are passed over, save Apple's: nobody has shown that they are faster than the processor beside them. The interpreter is
 * never chosen.
 * @throws DiagnosticError FSL7001 where no engine is here, FSL7008 where none has the device asked for.
 */
export function best(reports: readonly EngineReport[], device?: string, platform: string = process.platform): Choice {
  const candidates = reports.flatMap((report) => candidatesOf(report, platform));
  const eligible = candidates
    .filter((one) => (device === undefined ? one.rank !== undefined : isCalled(one, device)))
    .sort((a, b) => (a.rank ?? 9) - (b.rank ?? 9));
  const [first] = eligible;
  if (first === undefined) {
    const others = reports.filter(({ name }) => name !== "reference");
    if (device !== undefined && candidates.length > 0) throw noDevice(auto, device, others);
    const missing = others.flatMap(({ name, availability }) =>
      availability.available ? [] : [{ name, ...availability }],
    );
    throw unusable(auto, {
      why: missing.map(({ name, why }) => `${name}: ${why}`).join("; "),
      fix: missing.map(({ fix }) => fix).join(", or "),
    });
  }
  const passed = device === undefined && first.device === "cpu" ? reports.flatMap(whyNoGpu) : [];
  return choice(first.name, first, [first.why, ...passed].join("; "));
}

const isCalled = (candidate: Choice, device: string): boolean =>
  candidate.device === device || (device === "gpu" && kindOf(candidate.device) === "gpu");

function candidatesOf({ name, availability }: EngineReport, platform: string): Candidate[] {
  if (!availability.available || name === "reference") return [];
  const gpus = gpusOf(availability).map((gpu): Candidate => {
    const card = gpu.adapter ?? "a GPU";
    if (name === "tensorflow") return { name, ...gpu, rank: 0, why: `CUDA on ${card}` };
    const usable =
      gpu.kind === "discrete" || gpu.kind === "unknown" || (gpu.kind === "integrated" && platform === "darwin");
    return { name, ...gpu, rank: usable ? 1 : undefined, why: `WebGPU on ${card}` };
  });
  if (!availability.devices.includes("cpu")) return gpus;
  const cpu: Candidate =
    name === "onnx"
      ? { name, device: "cpu", rank: 2, why: "the default on a processor" }
      : { name, device: "cpu", rank: 3, why: "the only engine here" };
  return [...gpus, cpu];
}

/** Why `auto` computes on the processor although this engine could have a GPU. */
function whyNoGpu({ name, availability }: EngineReport): string[] {
  if (!gpuEngines.has(name)) return [];
  if (!availability.available) return [`no GPU by ${name}: ${availability.why}`];
  const [gpu] = gpusOf(availability);
  if (gpu === undefined) return [`no GPU by ${name}: ${noGpu(availability)}`];
  const card = gpu.adapter ?? gpu.device;
  return gpu.kind === "software"
    ? [`${card} computes on the processor`]
    : [`${card} shares the processor's memory and need not be faster: \`--device gpu\` takes it`];
}
