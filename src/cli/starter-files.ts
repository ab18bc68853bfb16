/** What `fslc init` writes. `tests/cli/init.test.ts` compiles it. */

export const starterGitignore = "# trained weights, packed images and run folders of fslc\n.fslc/\n";

export const starterExperiment = `// A few-shot experiment: learn from some classes how to tell apart classes never seen, given one image of each.
//   fslc check experiment.fsl    find mistakes, in under a second
//   fslc plan experiment.fsl     what will run: shapes layer by layer, memory, what is in the store already
//   fslc run experiment.fsl      train and evaluate; a second run is served from the store

fsl 1

import { conv32 } from "fsl:backbones"
import { prototypes } from "fsl:metrics"
import { emoji } from "fsl:datasets"

// Change one without editing the file: fslc run experiment.fsl --set shots=5
param shots = 1 shot

// 878 emoji, eight drawings of each; a few MB from the npm registry on first use. Your own images: a folder with
// train/, val/ and test/ in it, and in those one folder per class, is \`folder(root: "path")\` from "fsl:datasets".
dataset drawings = emoji() {
  train resize(28), normalize
  eval resize(28), normalize
}

// One episode: 5 classes, \`shots\` labelled images of each, and 3 more to classify.
episode task(k = shots) = 5 way, k, 3 query

// Meta-learning: each episode is a small classification problem on other classes of the train split.
meta learner {
  encoder conv32
  metric prototypes
  episodes task from drawings.train
  optimizer adam(lr: 1e-3)
  for 5 epochs of 100 episodes, 4 episodes per step
  validate task from drawings.val, 200 episodes, every epoch, keep best
}

// Classes that no stage has seen; the result is a mean with its 95% interval.
evaluate test {
  of learner
  episodes task from drawings.test, 1000 episodes
  report accuracy
}
`;
