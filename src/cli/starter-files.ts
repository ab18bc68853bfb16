/** Contains the files that `fslc init` writes. A test in `tests/cli/commands.test.ts` compiles the experiment. */

export const starterGitignore = "# trained weights, packed images and run folders of fslc\n.fslc/\n";

export const starterExperiment = `// A few-shot experiment. The model learns from some classes how to tell apart new classes, given one image of each.
//   fslc check experiment.fsl    find mistakes in under a second
//   fslc plan experiment.fsl     show what a run would do: the shape of each layer, memory, stored results
//   fslc run experiment.fsl      train and evaluate; a second run takes its results from the store

fsl 1

import { conv32 } from "fsl:backbones"
import { prototypes } from "fsl:metrics"
import { emoji } from "fsl:datasets"

// To change a parameter without editing the file: fslc run experiment.fsl --set shots=5
param shots = 1 shot

// The data are 878 emoji with eight drawings of each (27 MB from the npm registry on first use). To use your own images,
// make folders train/, val/ and test/ with one folder per class in each, and import \`folder\` from "fsl:datasets":
// \`folder(root: "path")\`.
dataset drawings = emoji() {
  train resize(28), normalize
  eval resize(28), normalize
}

// One episode has 5 classes. Each class has \`shots\` labeled images and 3 more images to classify.
episode task(k = shots) = 5 way, k, 3 query

// Meta-learning trains on episodes. Each episode is a small classification problem with classes of the train split.
meta learner {
  encoder conv32
  metric prototypes
  episodes task from drawings.train
  optimizer adam(lr: 1e-3)
  for 5 epochs of 100 episodes, 4 episodes per step
  validate task from drawings.val, 200 episodes, every epoch, keep best
}

// The test uses classes that no stage has seen. The result is a mean with its 95% interval.
evaluate test {
  of learner
  episodes task from drawings.test, 1000 episodes
  report accuracy
}
`;
