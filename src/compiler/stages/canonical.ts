/**
 * The canonical form of a typed stage: everything that its numbers depend on, and nothing else. Spans, the names of
 * declarations, entries that it does not use and derived facts (types, shapes of layers) are left out. Locals, parameters
 * and the author's own axis names are renamed in order of appearance. Other stages and datasets stand as digests.
 * Two experiments whose stages have one canonical form compute the same thing.
 */
import type { Experiment, Stage } from "../typed/tree.js";
import { CanonicalForms, type Digests } from "./canonical/forms.js";
import type { Canonical } from "./canonical/value.js";
import { rulesOf } from "./kinds.js";

export function canonicalStage(stage: Stage, experiment: Experiment, digests: Digests): Canonical {
  const forms = new CanonicalForms(experiment, digests);
  return {
    kind: stage.kind,
    encoder: forms.networkSlot(stage.encoder),
    ...rulesOf(stage).canonical(stage, forms),
  };
}
