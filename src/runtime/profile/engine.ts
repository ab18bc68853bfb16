/** An engine that records its work: every run of its programs, and the kernels of the first runs of each. */
import type { Program } from "../../compiler/tensor/ir.js";
import type { Engine, Executable, Handle, HostTensor, HostTensors, RunResult } from "../engines/engine.js";
import { ProgramRecord, type Recorder } from "./recorder.js";

/**
 * The runs of a program whose kernels are measured. The first run prepares memory and is left out of the sums. After these runs the
 * program is compiled again without measuring, because that costs time and, in ONNX Runtime, memory for every kernel.
 */
const measuredRuns = 21;
/** The time in ms after which no further run is measured, if there are two already. */
const longestMeasuring = 5000;

export class ProfiledEngine implements Engine {
  readonly name: string;
  readonly numerics: Engine["numerics"];

  constructor(
    private readonly engine: Engine,
    private readonly recorder: Recorder,
  ) {
    this.name = engine.name;
    this.numerics = engine.numerics;
  }

  async compile(program: Program, constants?: HostTensors): Promise<Executable> {
    const { engine, recorder } = this;
    const record = new ProgramRecord(program.name);
    recorder.programs.push(record);
    const measured = await recorder.time("compile", () =>
      engine.compile(program, constants, (kernel) => record.kernels.push(kernel)),
    );
    const again = () => engine.compile(program, constants);
    return new ProfiledExecutable(recorder, record, measured, again);
  }

  upload(tensor: HostTensor): Handle {
    return this.engine.upload(tensor);
  }

  download(handle: Handle): Promise<HostTensor> {
    return this.engine.download(handle);
  }

  free(handle: Handle): void {
    this.engine.free(handle);
  }

  dispose(): Promise<void> {
    return this.engine.dispose();
  }
}

class ProfiledExecutable implements Executable {
  private isMeasuring = true;

  constructor(
    private readonly recorder: Recorder,
    private readonly record: ProgramRecord,
    private executable: Executable,
    private readonly compileAgain: () => Promise<Executable>,
  ) {}

  async run(args: Readonly<Record<string, Handle | HostTensor>>): Promise<RunResult> {
    const { recorder, record } = this;
    const start = performance.now();
    const result = await recorder.time(`run ${record.name}`, () => this.executable.run(args));
    record.runs++;
    record.seconds += (performance.now() - start) / 1000;
    if (this.isMeasuring) {
      record.measuredStarts.push(start);
      const enough = record.runs >= measuredRuns || (record.runs >= 2 && record.seconds * 1000 >= longestMeasuring);
      if (enough) await recorder.time("profile", () => this.endMeasuring());
    }
    return result;
  }

  dispose(): Promise<void> {
    return this.executable.dispose();
  }

  private async endMeasuring(): Promise<void> {
    this.isMeasuring = false;
    await this.executable.dispose();
    this.executable = await this.compileAgain();
  }
}
