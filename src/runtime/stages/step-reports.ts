/**
 * Makes the files about the steps of a training that its `report` line asks for, so that the steps can be compared with those of
 * another program.
 */
import type { StepReport, TrainingReport } from "../../compiler/typed/tree.js";
import { type EpisodeList, formatEpisodeList } from "../data/episode-list.js";
import type { HostTensors } from "../engines/engine.js";
import { encodeSafetensors } from "../store/safetensors.js";
import type { StoredFile } from "../store/store.js";
import type { StepOutcome, Stepper } from "./stepper.js";

/** The images of a step as a tensor of bytes, with their labels if they have any. */
export type StepImages = HostTensors;

export class StepReports {
  /** `files` are those that were made before a training was continued. */
  constructor(
    private readonly reports: readonly TrainingReport[],
    private readonly stepper: Stepper,
    readonly files: StoredFile[],
  ) {}

  /** Keeps the weights before the first step. */
  async start(): Promise<void> {
    if (this.find("weights") !== undefined) this.add("weights", 0, await this.stepper.downloadCurrent());
  }

  /** Returns whether the images of a step are reported. They must be kept before the step runs. */
  wantsImages(step: number): boolean {
    return isFirstOf(step, this.find("images"));
  }

  /** Keeps what is reported of a finished step. */
  async finish(step: number, { loss }: StepOutcome, images: StepImages | undefined): Promise<void> {
    if (images !== undefined) this.add("images", step, images);
    if (isFirstOf(step, this.find("gradients"))) {
      this.add("gradients", step, await this.stepper.downloadGradients(), { loss: String(loss) });
    }
    const every = this.find("weights")?.every;
    if (every !== undefined && step % every === 0) {
      this.add("weights", step, await this.stepper.downloadCurrent());
    }
  }

  /** Adds the list of the episodes of all steps, if it is reported. */
  end(list: () => EpisodeList): void {
    if (!this.reports.some(({ kind }) => kind === "episodes")) return;
    this.files.push({ name: "episodes.json", bytes: Buffer.from(formatEpisodeList(list())) });
  }

  private find(kind: StepReport): Extract<TrainingReport, { kind: StepReport }> | undefined {
    return this.reports.find((report): report is Extract<TrainingReport, { kind: StepReport }> => report.kind === kind);
  }

  private add(
    kind: StepReport,
    step: number,
    tensors: HostTensors,
    facts: Readonly<Record<string, string>> = {},
  ): void {
    const bytes = encodeSafetensors(tensors, { step: String(step), ...facts });
    this.files.push({ name: `${kind}-${step}.safetensors`, bytes });
  }
}

/** Returns whether a report of every n steps has this step, which is the first after n others. */
function isFirstOf(step: number, report: { readonly every?: number } | undefined): boolean {
  if (report === undefined) return false;
  return report.every === undefined ? step === 1 : (step - 1) % report.every === 0;
}
