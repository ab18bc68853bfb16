/** Notes about stages whose estimated memory is more than the machine has. */
import type { PlanReport, StagePlan } from "../../../compiler/stages/index.js";
import { bytes } from "../../view/format.js";

/** The most stages that a note names. */
const mostNamed = 6;

/** Returns at most four notes: stages for which the memory does not suffice, may not suffice, or is not free now. Stored stages need none. */
export function memoryNotes({ stages, memory, jobs = 1 }: Pick<PlanReport, "stages" | "memory" | "jobs">): string[] {
  if (memory === undefined) return [];
  const { total, free } = memory;
  const needs = stages.flatMap((stage) => {
    const peak = stage.status.cached ? undefined : peakOf(stage);
    return peak === undefined ? [] : [{ name: stage.name, low: peak[0], high: peak[1] }];
  });
  const tooLarge = needs.filter(({ low }) => low > total);
  const maybe = needs.filter(({ low, high }) => low <= total && high > total);
  const notNow = needs.filter(({ low, high }) => low > free && high <= total);
  const together = [...needs].sort((a, b) => b.low - a.low).slice(0, jobs);
  const sum = together.reduce((total, { low }) => total + low, 0);
  const most = (of: readonly { readonly low: number }[]): string => bytes(Math.max(...of.map(({ low }) => low)));
  return [
    ...(tooLarge.length === 0
      ? []
      : [
          `more memory is needed than this machine has (${bytes(total)}): ${most(tooLarge)} or more for ${names(tooLarge)}. ${advice}`,
        ]),
    ...(maybe.length === 0
      ? []
      : [`the ${bytes(total)} of memory that this machine has may not suffice for ${names(maybe)}. ${advice}`]),
    ...(notNow.length === 0
      ? []
      : [`${bytes(free)} of memory are free now, and ${most(notNow)} or more are needed for ${names(notNow)}`]),
    ...(together.length < 2 || sum <= total || tooLarge.length > 0
      ? []
      : [
          `stages that run at the same time may need ${bytes(sum)} or more together: ${names(together)}. A smaller --jobs needs less`,
        ]),
  ];
}

const advice = "Smaller images, fewer of them per step, or a step in parts need less";

/** Returns the lowest and the highest estimate in bytes, or undefined for a stage that nobody has estimated. */
function peakOf(stage: StagePlan): readonly [number, number] | undefined {
  if (stage.kind === "ingest" || stage.cost === undefined) return undefined;
  const { cost } = stage;
  if (!("episode" in cost)) return cost.peakBytes;
  const side = (i: 0 | 1): number => Math.max(cost.image.peakBytes[i], cost.episode.peakBytes[i]);
  return [side(0), side(1)];
}

function names(of: readonly { readonly name: string }[]): string {
  const rest = of.length - mostNamed;
  const named = of.slice(0, mostNamed).map(({ name }) => name);
  return rest > 0 ? `${named.join(", ")} and ${rest} more` : named.join(", ");
}
