/** The keys of configuration files, each with the FSL that says the same. */

const episode = "the counts stand in an episode: `episode task = 5 way, 1 shot, 15 query`";
const duration = "a stage says how long it trains: `for 8 epochs of 200 episodes, 4 episodes per step`";
const optimizer = "the rate stands in the optimizer of a stage: `optimizer adam(lr: 1e-3)`";
const folder = 'a dataset says where its images are: `dataset mine = folder(root: "data/mine")`';
const command = "this is an option of `fslc run`, see `fslc run --help`";

/** `line` is the line of a stage that says the same. */
const advice: readonly { readonly key: RegExp; readonly help: string; readonly line?: string }[] = [
  { key: /^(n|k|num|train|test|val|eval)?_?(n_?|k_?)?(ways?|shots?|query|queries)$/, help: episode, line: "episodes" },
  { key: /^(n_|num_|max_)?(epochs?|episodes?|steps?|iterations?|batch(_size)?)$/, help: duration, line: "for" },
  { key: /^(lr|learning_rate|weight_decay|momentum)$/, help: optimizer, line: "optimizer" },
  { key: /^(data|dataset|root|data_root|path)$/, help: folder },
  { key: /^(seed|device|gpu|gpus|num_workers)$/, help: command },
  {
    key: /^(backbone|model|net|network)$/,
    help: "the network of a stage is its `encoder`: `meta proto { encoder conv64 … }`",
    line: "encoder",
  },
  {
    key: /^(method|algorithm|classifier)$/,
    help: "the method of a stage is its `metric`: `meta proto { metric prototypes … }`",
    line: "metric",
  },
  {
    key: /^(encoder|metric|head|optimizer|schedule|loss)$/,
    help: "it is a line of a stage, and without `:`: `meta proto { encoder conv64 … }`",
  },
];

/** Returns the help for a setting that was written as in a configuration file. */
export function adviceForKey(key: string): string {
  const known = advice.find((one) => one.key.test(key.toLowerCase()));
  return known?.help ?? `write \`param ${key} = …\` for a value that the file uses`;
}

/** Tells whether a key of a configuration file is known here. */
export function isKnownKey(key: string): boolean {
  return advice.some((one) => one.key.test(key.toLowerCase()));
}

/** Returns the line of a stage that says what the key of a configuration file says, or undefined if there is none. */
export function lineForKey(key: string): string | undefined {
  return advice.find((one) => one.key.test(key.toLowerCase()))?.line;
}
