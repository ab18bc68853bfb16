/** The keys of configuration files, each with the FSL that says the same. */

const episode = "the counts stand in an episode: `episode task = 5 way, 1 shot, 15 query`";
const duration = "a stage says how long it trains: `for 8 epochs of 200 episodes, 4 episodes per step`";
const optimizer = "the rate stands in the optimizer of a stage: `optimizer adam(lr: 1e-3)`";
const folder = 'a dataset says where its images are: `dataset mine = folder(root: "data/mine")`';
const command = "this is an option of `fslc run`, see `fslc run --help`";

const advice: readonly { readonly key: RegExp; readonly help: string }[] = [
  { key: /^(n|k|num|train|test|val|eval)?_?(n_?|k_?)?(ways?|shots?|query|queries)$/, help: episode },
  { key: /^(n_|num_|max_)?(epochs?|episodes?|steps?|iterations?|batch_size)$/, help: duration },
  { key: /^(lr|learning_rate|weight_decay|momentum)$/, help: optimizer },
  { key: /^(data|dataset|root|data_root|path)$/, help: folder },
  { key: /^(seed|device|gpu|gpus|num_workers)$/, help: command },
  {
    key: /^(encoder|backbone|metric|head|optimizer|schedule|loss)$/,
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
