/** Runs the validations of a training and remembers the best one. */
import type { Duration, Validation } from "../../compiler/typed/tree.js";
import type { HostTensors } from "../engines/engine.js";
import type { Validated } from "../store/manifest.js";
import type { StageContext } from "./context.js";
import type { Stepper } from "./stepper.js";
import type { Validator } from "./validate.js";

/** A position in a training after a step. Both numbers are 0 before the first step. */
export interface Position {
  readonly step: number;
  readonly epoch: number;
}

/** The validations that a training makes. */
export interface PlannedValidation {
  readonly plan: Validation;
  readonly validator: Validator;
}

/** The validations of a training so far. The best one is the first of equals. */
export class Validations {
  readonly history: Validated[];

  constructor(
    private readonly planned: PlannedValidation | undefined,
    private readonly duration: Pick<Duration, "epochs" | "stepsPerEpoch">,
    history: readonly Validated[],
    /** The weights of the best validation, if the stage keeps them. */
    public kept: HostTensors | undefined,
  ) {
    this.history = [...history];
  }

  get best(): Position & { readonly accuracy: number } {
    return this.history.findLast(({ best }) => best) ?? { step: 0, epoch: 0, accuracy: Number.NEGATIVE_INFINITY };
  }

  /** Validates the weights if a validation is due after this step and has not been made. Returns true if it was made. */
  async runIfDue(at: Position, stepper: Stepper, { emit }: StageContext): Promise<boolean> {
    if (this.planned === undefined || !this.isDue(at, this.planned) || this.isValidated(at)) return false;
    const { plan, validator } = this.planned;
    const { mean: accuracy, ci95 } = await validator.validate(stepper.weights);
    const best = accuracy > this.best.accuracy;
    const validated = { ...at, accuracy, ci95, episodes: plan.episodes, best };
    if (best && plan.keepBest) this.kept = await stepper.download();
    this.history.push(validated);
    emit({ type: "stage.validate", ...validated });
    return true;
  }

  /** Returns the number of epochs without a better validation if they end the training after this step. */
  patienceSpent(at: Position): number | undefined {
    const patience = this.planned?.plan.patience;
    const waited = at.epoch - this.best.epoch;
    return patience !== undefined && this.isValidated(at) && waited >= patience ? waited : undefined;
  }

  private isDue({ step, epoch }: Position, { plan }: PlannedValidation): boolean {
    const { epochs, stepsPerEpoch } = this.duration;
    if (step === 0 || step % stepsPerEpoch !== 0) return false;
    return epoch % plan.everyEpochs === 0 || epoch === epochs;
  }

  private isValidated({ step }: Position): boolean {
    return this.history.at(-1)?.step === step;
  }
}
