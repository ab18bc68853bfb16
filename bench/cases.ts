/** The cases of the benchmark. */
import type { Engine } from "../src/runtime/engines/engine.js";
import { embedding, evaluation, heads, type Timed, trainingStep } from "./ours.js";
import { type Mode, modes } from "./sides.js";

export interface Case {
  readonly name: string;
  readonly what: string;
  readonly rounds: number;
  /** The number of rounds that are run and not counted. */
  readonly warm: number;
  readonly ours: (engine: Engine) => Promise<Timed>;
  /** The modes of PyTorch to compare with; empty if it has no such case. */
  readonly modes: readonly Mode[];
  /** The number of PyTorch's runs that equal one of ours. */
  readonly peerRuns: number;
  /** Whether the case is compared in bf16 too. */
  readonly inBf16?: true;
  /** Whether PyTorch's side needs easyfsl. */
  readonly easyfsl?: true;
  /** Whether the case exists as a graph of TensorFlow's Python. */
  readonly graph?: true;
}

const episodes = 600;
/** MAML builds its graph anew in each step, which PyTorch does not compile. */
const uncompiled = ["eager", "eager, channels last"] as const;
export const cases: readonly Case[] = [
  {
    name: "conv64",
    what: "training step, Conv64F 84 px, 5-way 5-shot 15-query, Adam",
    rounds: 7,
    warm: 2,
    ours: (engine) => trainingStep(engine, "conv64"),
    modes,
    inBf16: true,
    peerRuns: 1,
    graph: true,
  },
  {
    name: "embed",
    what: "embedding of 100 images, Conv64F 84 px",
    rounds: 9,
    warm: 2,
    ours: (engine) => embedding(engine, "conv64", 100),
    modes,
    inBf16: true,
    peerRuns: 1,
  },
  {
    name: "omniglot",
    what: "training step, Conv64F 28 px, 20-way 1-shot 5-query, Adam",
    rounds: 15,
    warm: 3,
    ours: (engine) => trainingStep(engine, "omniglot"),
    modes,
    inBf16: true,
    peerRuns: 1,
    graph: true,
  },
  {
    name: "small",
    what: "training step, Conv64F 28 px, 5-way 1-shot 5-query, Adam",
    rounds: 15,
    warm: 3,
    ours: (engine) => trainingStep(engine, "small"),
    modes,
    inBf16: true,
    peerRuns: 1,
    graph: true,
  },
  {
    name: "small32",
    what: "training step, Conv32F 28 px, 5-way 1-shot 5-query, Adam",
    rounds: 15,
    warm: 3,
    ours: (engine) => trainingStep(engine, "small32"),
    modes,
    peerRuns: 1,
  },
  {
    name: "maml",
    what: "MAML step, 5 inner steps second order, Conv32F 28 px, 4 episodes of 5-way 1-shot 15-query, Adam",
    rounds: 9,
    warm: 2,
    ours: (engine) => trainingStep(engine, "maml"),
    modes: uncompiled,
    peerRuns: 1,
  },
  {
    name: "maml84",
    what: "MAML step, 5 inner steps second order, Conv32F 84 px, 4 episodes of 5-way 1-shot 15-query, Adam",
    rounds: 3,
    warm: 1,
    ours: (engine) => trainingStep(engine, "maml84"),
    modes: uncompiled,
    peerRuns: 1,
  },
  {
    name: "resnet12",
    what: "training step, ResNet12 84 px, 5-way 5-shot 15-query, Adam",
    rounds: 3,
    warm: 1,
    ours: (engine) => trainingStep(engine, "resnet12"),
    modes,
    inBf16: true,
    peerRuns: 1,
  },
  {
    name: "evaluate",
    what: `evaluation of ${episodes} episodes 5-way 1-shot 15-query on 20 × 600 images, Conv64F 84 px`,
    rounds: 1,
    warm: 0,
    ours: (engine) => evaluation(engine, "conv64", episodes),
    modes: ["eager"],
    peerRuns: episodes,
  },
  {
    name: "tim",
    what: `TIM, 50 steps, on ${episodes} episodes 5-way 1-shot 15-query of 640 cached features; easyfsl on PyTorch`,
    rounds: 3,
    warm: 1,
    ours: (engine) => heads(engine, "transductive", "by_tim"),
    modes: ["eager"],
    easyfsl: true,
    peerRuns: episodes,
  },
  {
    name: "pt-map",
    what: `PT-MAP, 20 rounds, on ${episodes} episodes 5-way 1-shot 15-query of 640 cached features; easyfsl on PyTorch`,
    rounds: 3,
    warm: 1,
    ours: (engine) => heads(engine, "transductive", "by_transport"),
    modes: ["eager"],
    easyfsl: true,
    peerRuns: episodes,
  },
  {
    name: "rfs",
    what: "logistic regressions of 600 episodes 5-way 5-shot 15-query, 640 cached features",
    rounds: 1,
    warm: 0,
    ours: (engine) => heads(engine, "rfs", "narrow"),
    modes: [],
    peerRuns: 1,
  },
  {
    name: "rfs-wide",
    what: "logistic regressions of 600 episodes 5-way 5-shot 15-query, 1600 cached features",
    rounds: 1,
    warm: 0,
    ours: (engine) => heads(engine, "rfs", "wide"),
    modes: [],
    peerRuns: 1,
  },
];
