/** The words that other libraries use for what FSL names itself: transforms, schedules, methods and networks. Each has its help. */
import { own } from "../../../common/own.js";

const flip = "write `flip`";
const rotate = "write `rotate(10)`";
const step = "write `step(at: [60 epochs], factor: 0.1)`";
const noTensor = "leave it out: images become tensors by themselves";

/** Transforms and schedules, in small letters and without `_`. */
const settings: Readonly<Record<string, string>> = {
  randomhorizontalflip: flip,
  horizontalflip: flip,
  hflip: flip,
  randomflip: flip,
  randomrotation: rotate,
  rotation: rotate,
  randomrotate: rotate,
  totensor: noTensor,
  toimage: noTensor,
  randomgrayscale: "write `grayscale`, which removes the colors of every image",
  gaussiannoise: "write `noise(0.1)`",
  steplr: step,
  multisteplr: step,
  multistep: step,
  cosineannealinglr: "write `cosine`",
  cosineannealing: "write `cosine`",
};

const proto = "prototypical networks are `prototypes` of `fsl:metrics`";
const conv = "the four convolutions with 64 channels are `conv64` of `fsl:backbones`";

/** Methods and networks, in small letters and without `_`: several words for each. */
const declarations: Readonly<Record<string, string>> = byWord({
  "protonet proto protonets prototypical prototypicalnetwork prototypicalnetworks": proto,
  "matchingnet matchingnetwork": "matching networks are `matching` of `fsl:metrics`",
  "relationnet relationnetwork": "relation networks are `relation` of `fsl:metrics`",
  "conv4 convnet convnet4 conv64f": conv,
  imagefolder: "a folder of class folders is `folder` of `fsl:datasets`",
});

const evalLine = "the images of validation and test have one line: `eval resize(84), normalize`";
const datasetLines: Readonly<Record<string, string>> = {
  test: evalLine,
  val: evalLine,
  valid: evalLine,
  validation: evalLine,
  transform: "there are two chains of transforms: `train` and `eval`",
  transforms: "there are two chains of transforms: `train` and `eval`",
  root: 'the folder is an argument of the source: `dataset mine = folder(root: "data/mine")`',
};

/** Returns a table with an entry for each word of the keys. */
function byWord(entries: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([words, help]) => words.split(" ").map((word) => [word, help])),
  );
}

const helpOf = (table: Readonly<Record<string, string>>, name: string): string[] | undefined => {
  const help = own(table, name.toLowerCase().replaceAll("_", ""));
  return help === undefined ? undefined : [help];
};

/** Returns the help for a transform, optimizer or schedule by its name in another library, or undefined if it is none. */
export function foreignSetting(name: string): string[] | undefined {
  return helpOf(settings, name);
}

/** Returns the help for a method, network or dataset by its name in another library, or undefined if it is none. */
export function foreignDeclaration(name: string): string[] | undefined {
  return helpOf(declarations, name);
}

/** Returns the help for a line of a dataset that has another word in FSL, or undefined if it has none. */
export function foreignDatasetLine(word: string): string[] | undefined {
  return helpOf(datasetLines, word);
}
