/** The feeds of a training step beside images, labels and orders: what its losses are told of classes. */
import type { TrainingStage } from "../../typed/tree.js";
import { describedFeeds } from "../described.js";

/** Returns the names of the feeds with what the losses of a stage are told of classes. */
export function stageFeeds(stage: TrainingStage): string[] {
  switch (stage.kind) {
    case "pretrain":
      return describedFeeds("class", stage.described ?? []);
    case "meta":
      return Object.values(stage.metric.value.entries).flatMap(({ params }) => describedFeeds("way", params));
  }
}
