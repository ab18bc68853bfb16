/** The questions that a worker has not answered yet. */
import { diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { fromDiagnostic } from "../events/failure.js";
import type { Outcome } from "../stages/job.js";
import type { Answer, Question } from "../stages/question.js";
import type { Asked } from "./protocol.js";

export class Questions {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private count = 0;
  private ended: Answer | undefined;

  constructor(private readonly send: (message: Asked) => void) {}

  ask(question: Question): Promise<Answer> {
    if (this.ended !== undefined) return Promise.resolve(this.ended);
    const id = this.count++;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.send({ type: "question", id, question });
    });
  }

  settle(id: number, answer: Answer): void {
    this.waiting.get(id)?.(answer);
    this.waiting.delete(id);
  }

  /** Answers every question with the way in which the worker has ended. */
  end(outcome: Outcome): void {
    const stopped = (): Answer => {
      const holes = { stage: "the classifier", how: outcome.kind };
      return { kind: "failed", failure: fromDiagnostic(diagnostic("FSL7020", undefined, holes)) };
    };
    this.ended = outcome.kind === "failed" ? outcome : stopped();
    for (const id of [...this.waiting.keys()]) this.settle(id, this.ended);
  }
}
