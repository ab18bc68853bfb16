/** Codes FSL7001–FSL7999: engines, store, workers and the command line. */
import { codes } from "../code.js";

export const runCodes = codes({
  // ---------------------------------------------------------------- engines
  FSL7001: {
    severity: "error",
    title: "an engine that cannot be used on this machine",
    message: "the engine `{engine}` cannot be used here: {why}",
    explanation:
      "Each engine needs a native library or a device. fslc looked for the engine that you named and cannot use it. It ran nothing with another engine in its place: the numbers of two engines differ, so fslc never switches silently.",
    example: "fslc run examples/emoji.fsl --engine tensorflow      # where it is not installed",
    fix: "Run `fslc engines`. It lists the available engines and, for the others, the command that makes them available.",
  },
  FSL7002: {
    severity: "error",
    title: "an unknown engine",
    message: "there is no engine called `{engine}`",
    explanation: "`--engine` takes the name of one of the engines that are built into fslc.",
    example: "fslc run examples/emoji.fsl --engine onx",
    fix: "Run `fslc engines` for the names, or leave out `--engine`: the default engine runs everywhere.",
  },
  FSL7003: {
    severity: "error",
    title: "an operation that the engine cannot run",
    message: "the engine `{engine}` cannot run the stage `{stage}`: {detail}",
    explanation:
      "The stage was translated into a tensor program with an operation, a type or a size for which this engine has no kernel. The stage is refused before its first step. fslc never replaces the operation by another computation.",
    example: "fslc run experiment.fsl --engine onnx      # a stage with an op that onnx has no lowering for",
    fix: "Run the stage on another engine (`fslc engines`), and report the missing operation.",
  },
  FSL7004: {
    severity: "error",
    title: "out of memory",
    message: "the stage `{stage}` ran out of memory on the engine `{engine}`: {detail}",
    explanation:
      "The activations, gradients and weights of a step did not fit into the memory of the device, or other processes used that memory. Finished stages are kept, and a training continues at its last checkpoint in the next run.",
    example: "meta proto {\n  …\n  for 10 epochs of 1000 episodes, 64 episodes per step\n}",
    fix: "Use fewer episodes or images per step. A `pretrain` can divide its step (`64 images per step, 4 parts per step`). `fslc plan` prints how much memory a step needs. Or end other programs that use the memory.",
  },
  FSL7005: {
    severity: "error",
    title: "a lost device",
    message: "the device of the engine `{engine}` was lost in the stage `{stage}`: {detail}",
    explanation: "The driver reset the device, or the device was unplugged. Finished stages are kept in the store.",
    example: "fslc run experiment.fsl --device gpu      # the driver restarts in the middle",
    fix: "Run the same command again. Finished stages are taken from the store, and a training continues at its last checkpoint.",
  },
  FSL7006: {
    severity: "error",
    title: "a loss that is not a finite number",
    message:
      "the loss or a gradient of the stage `{stage}` is not finite at step {step} (epoch {epoch}), with learning rate {lr}",
    explanation:
      "A step gave NaN or infinity, so all weights after it would be worthless. The stage stops at that step and stores nothing. The results of earlier stages are intact.",
    example: "meta proto {\n  …\n  optimizer sgd(lr: 1e9)\n}",
    fix: "Lower the learning rate, add a `warmup` to the schedule, or add a `clip` to the optimizer. The file events.ndjson has the loss of the steps before.",
  },
  FSL7009: {
    severity: "error",
    title: "scores that are not numbers",
    message:
      "the stage `{stage}` gave {unscored} of {queries} queries scores that are not numbers; the first is query {query} of episode {episode}",
    explanation:
      "A score of NaN says nothing about the class of a query, so an accuracy that counts it would be wrong. Usually the weights contain NaN or infinity, or the metric divides by zero or takes the logarithm or the root of a negative number. Evaluations and the validations of a training are checked. Nothing is stored.",
    example: 'evaluate test {\n  encoder conv64\n  init encoder from "diverged.safetensors"\n  …\n}',
    fix: "Look at the weights of the encoder and at the formulas of the metric: a small number added below a division, a root or a logarithm often helps.",
  },
  FSL7007: {
    severity: "error",
    title: "a failed engine",
    message: "the engine `{engine}` failed in the stage `{stage}`: {detail}",
    explanation: "The native library reported an error whose cause fslc does not know. Finished stages are kept.",
    example: "fslc run experiment.fsl      # a native library that is damaged",
    fix: "Run the same command again. If the error comes back, try `--engine reference` on a small case and report both results.",
  },
  FSL7008: {
    severity: "error",
    title: "an unknown device",
    message: "the engine `{engine}` has no device `{device}` here",
    explanation:
      "`--device` names the device on which the engine computes: `cpu`, `gpu` (its first) or `gpu:N`. The engine does not have this device on this machine. fslc ran nothing on another device in its place.",
    example: "fslc run examples/emoji.fsl --engine reference --device gpu",
    fix: "Run `fslc engines` to see the devices of each engine, or leave out `--device`.",
  },
  FSL7010: {
    severity: "error",
    title: "a precision that cannot be used",
    message: "`--precision bf16` cannot be used: {why}",
    explanation:
      "With `--precision bf16`, convolutions and large matrix products read numbers of 8 bits of precision. Only the engine `onednn` has this, on processors with AVX512-BF16 or AMX. fslc ran nothing in f32 in its place: the numbers differ, so fslc never switches silently.",
    example: "fslc run examples/emoji.fsl --engine onnx --precision bf16",
    fix: "Name the engine `onednn` on a processor that has these instructions, or leave out `--precision`.",
  },
  // ---------------------------------------------------------------- workers
  FSL7020: {
    severity: "error",
    title: "a worker process that ended early",
    message: "the worker process of the stage `{stage}` ended before the stage was done ({how})",
    explanation:
      "A stage runs in a process of its own, because native libraries can crash. This process crashed or was killed, often by the system because memory ran out. The stages that had finished are in the store.",
    example: "kill -9 PID      # of the worker, in the middle of a run",
    fix: "Run the same command again: finished stages are kept, and a training continues at its last checkpoint. If memory ran out, use fewer episodes or images per step. If the process ends again at the same place, try another engine (`fslc engines`).",
  },
  FSL7021: {
    severity: "error",
    title: "a stage without progress",
    message: "the stage `{stage}` made no progress for {seconds} s and was stopped",
    explanation:
      "No step, validation batch or image was finished for one minute, or for twenty times a measured step if that is longer. A native library may hang, or the machine may be overloaded or may have been asleep.",
    example: "fslc run experiment.fsl      # on a machine whose GPU driver hangs",
    fix: "Run the same command again: finished stages are kept, and a training continues at its last checkpoint. `--threads` lowers the load.",
  },
  // ---------------------------------------------------------------- store and disk
  FSL7030: {
    severity: "error",
    title: "a damaged store entry",
    message: "the stored stage in `{path}` cannot be read: {detail}",
    explanation:
      "Each finished stage is kept with a manifest. If it has weights, they are in a safetensors file, and the manifest holds its digest. The files in this folder do not agree with each other, so fslc does not use them. They were in order when the run took the stage from the store, so something has changed them since.",
    example: "truncate -s 100 .fslc/store/KEY/NUMERICS/weights.safetensors",
    fix: "Run the same command again. The damaged folder is moved aside, its new place is printed, and the stage is computed again.",
  },
  FSL7032: {
    severity: "error",
    title: "a result that was replaced while a run used it",
    message: "the result of `{stage}` that this stage continues from is gone: {why}",
    explanation:
      "Another process computed the stage again with `--force`, or removed its result, after this run had taken it from the store. The new result has other numbers.",
    example: "fslc run birds.fsl --force base      # while another run trains from the result of base",
    fix: "Run the same command again. It takes the new result, and computes what depends on it.",
  },
  FSL7031: {
    severity: "error",
    title: "a file or folder that cannot be written",
    message: "`{path}` cannot be written: {why}",
    explanation: "fslc keeps runs, packed images and trained weights in the folder `.fslc/` of the project.",
    example: "chmod a-w .fslc; fslc run examples/emoji.fsl",
    fix: "Free some disk space or make the folder writable, then run the same command again. Finished stages are kept.",
  },
  // ---------------------------------------------------------------- what was asked for
  FSL7040: {
    severity: "error",
    title: "an experiment file that cannot be read",
    message: "`{path}` cannot be read: {why}",
    explanation: "The command needs the `.fsl` file of an experiment.",
    example: "fslc run exmaples/emoji.fsl",
    fix: "Check the path. `fslc init` writes an experiment to start from.",
  },
  FSL7041: {
    severity: "error",
    title: "an option that names no stage",
    message: "`{option}` names `{stage}`, but {file} has no such stage",
    explanation: "The option takes the name of a stage that this experiment declares.",
    example: "fslc run examples/emoji.fsl --force protp",
    fix: "Name one of the stages that `fslc plan` lists.",
  },
  FSL7042: {
    severity: "error",
    title: "an option with an invalid value",
    message: "`{option}` cannot be `{value}`: {why}",
    explanation: "The value of this option, of the command line or of the API, is not allowed.",
    example: "fslc run examples/emoji.fsl --threads 0",
    fix: "`fslc run --help` says which values each option takes.",
  },
  FSL7043: {
    severity: "error",
    title: "a parameter file that cannot be used",
    message: "the parameter file `{path}` cannot be used: {why}",
    explanation: "`--params` takes a JSON file with one object, which gives values to parameters by name.",
    example: "fslc run examples/emoji.fsl --params params.json      # where params.json holds [1, 2]",
    fix: 'Write an object such as {"shots": 5, "lr": 0.001}.',
  },
  // ---------------------------------------------------------------- runs looked back at
  FSL7044: {
    severity: "error",
    title: "nothing to run",
    message: "`{file}` has no stages",
    explanation:
      "A run carries out the stages of one file. A file without stages is a library, or an experiment that is not finished. fslc can check it, but there is nothing to run.",
    example: "$ fslc run metrics.fsl",
    fix: "Add a `pretrain`, `meta` or `evaluate` stage, or run the file that imports this one.",
  },
  FSL7050: {
    severity: "error",
    title: "two evaluations that cannot be paired",
    message: "`{a}` and `{b}` cannot be paired: {why}",
    explanation:
      "A paired comparison subtracts the accuracies of two methods episode by episode. Both must have been evaluated on the same episodes: the same task, the same images and classes of the split, and the same seed and number of episodes, or the same list of episodes.",
    example: "fslc runs compare 4fd1a2 9be003      # of seeds 0 and 1",
    fix: "Run both with the same `--seed`, task and number of episodes. Older versions of fslc did not store the scores of single episodes. Run such a stage again with `--force STAGE`.",
  },
  FSL7051: {
    severity: "error",
    title: "an unknown run",
    message: "there is no run `{run}` in this project: {why}",
    explanation:
      "A run is named by its id, by the beginning or the end of its id, by the path of its folder, or by `last`.",
    example: "fslc runs show 20261301",
    fix: "`fslc runs list` lists the runs.",
  },
  FSL7052: {
    severity: "error",
    title: "an evaluation that a run does not have",
    message: "the run `{run}` has no {evaluation}",
    explanation: "After the colon there must be the name of an `evaluate` stage that this run finished.",
    example: "fslc runs compare last:tst last:pixels",
    fix: "`fslc runs show RUN` lists the evaluations of a run.",
  },
  FSL7055: {
    severity: "error",
    title: "a run that is going on",
    message: "the run `{run}` is going on and cannot be removed",
    explanation:
      "A process writes into the folder of this run. A run of another machine counts as going on for a day after its last sign of life. Nothing was removed.",
    example: "fslc runs rm last      # while `fslc run` works in another terminal",
    fix: "Wait until the run ends, or stop it with Ctrl-C in its terminal.",
  },
  FSL7056: {
    severity: "error",
    title: "an unknown entry of the store",
    message: "nothing in this project has the key `{key}`: {why}",
    explanation:
      "A stage in the store is named by its key, or by the beginning of its key. So are the checkpoints of unfinished stages. Packed images are named by their digest.",
    example: "fslc store show 3f2a",
    fix: "`fslc store ls` lists the keys.",
  },
  FSL7057: {
    severity: "error",
    title: "a run whose uses cannot be read",
    message: "nobody knows what the runs in `{path}` use: {why}",
    explanation:
      "`fslc store` reads in the folder of each run which stages and data the run uses. One of these folders cannot be read. Nothing was removed, because the run might need it.",
    example: "chmod a-r .fslc/runs/20261124-075302-461062/events.ndjson; fslc store gc",
    fix: "Make the folder readable, or remove it if you do not need the run.",
  },
  FSL7058: {
    severity: "error",
    title: "damage in the files of a project",
    message: "`{path}` is damaged: {problem}",
    explanation:
      "`fslc store verify` compares stages, checkpoints, fits, packed images and the results of runs with the digests that were written with them. This one differs. It was changed by another program, or by a fault of the disk.",
    example: "truncate -s 100 .fslc/store/KEY/NUMERICS/weights.safetensors; fslc store verify",
    fix: "Run the experiment again. A damaged stage, fit or pack is computed again, a damaged checkpoint is not used, and the new run has whole results.",
  },
  // ---------------------------------------------------------------- predictions
  FSL7060: {
    severity: "error",
    title: "a stage that is not stored",
    message: "the stage `{stage}` cannot be used yet: {why}",
    explanation:
      "A prediction takes trained weights from the store of the project. It trains nothing. A stage is found in the store by everything that decides its numbers, so the file, the parameters and the seed must be those of the run.",
    example: "fslc predict experiment.fsl test --support photos new.jpg      # before fslc run experiment.fsl",
    fix: "Run the experiment first, with the same `--set`, `--params` and `--seed`: `fslc run FILE`.",
  },
  FSL7061: {
    severity: "error",
    title: "supports that cannot be used",
    message: "the supports in `{path}` cannot be used: {why}",
    explanation:
      "The folder of the supports has one folder for each class, whose name is the name of the class. Each has at least one image that can be read.",
    example: "fslc predict experiment.fsl test --support photos new.jpg      # where photos/ has no folders",
    fix: "Make a folder for each class (`photos/cat`, `photos/dog`), and put its images into it.",
  },
  FSL7062: {
    severity: "error",
    title: "a stage that cannot classify",
    message: "the stage `{stage}` cannot classify images: {why}",
    explanation:
      "To classify new images, a stage needs an encoder and a metric. `evaluate` and `meta` stages have both. A `pretrain` stage has an encoder and a head for the classes of its training.",
    example: "fslc predict experiment.fsl base --support photos new.jpg      # where base is a pretrain stage",
    fix: "Name an `evaluate` stage that uses this encoder with a metric.",
  },
  FSL7063: {
    severity: "error",
    title: "images that do not fit a metric",
    message: "`{metric}` cannot classify these images: {why}",
    explanation:
      "Most metrics summarize the supports of each class by themselves, so every class may have another number of them. A metric that compares all supports with each other, or adapts weights to all of them, needs the same number of each class. A transductive metric classifies all images together, as one episode with the same number of queries for each class.",
    example: "metric ridge { … solve(…) … }      # with 3 images of cats and 5 images of dogs",
    fix: "Give every class the same number of images, or use another metric, such as `prototypes`.",
  },
  FSL7064: {
    severity: "error",
    title: "a stage that cannot be exported in this form",
    message: "the stage `{stage}` cannot be written as {form}: {why}",
    explanation:
      "An ONNX model of a whole classifier is one program without loops that the runtime drives, and without values that are fitted from base data. The encoder of every stage can be exported.",
    example:
      "fslc export experiment.fsl test -o model.onnx --classifier      # with a metric that adapts for 100 steps",
    fix: "Export the encoder: leave `--classifier` out.",
  },
  // ---------------------------------------------------------------- installing an engine
  FSL7070: {
    severity: "error",
    title: "no such engine for this machine",
    message: "fslc cannot install {engine} on {machine}",
    explanation:
      "TensorFlow publishes its library for Linux with GNU's C library 2.27 or newer: on x64 and arm64, with CUDA on x64 only. Older versions exist for macOS and for Windows on x64. oneDNN's library is published for Linux on x64. Nothing was downloaded.",
    example: "fslc engines install tensorflow --gpu      # on a Mac",
    fix: "Leave out `--gpu`, or use the engine that runs everywhere: `--engine onnx`, with `--device gpu` on a GPU of any vendor. If the system has oneDNN 3 (`libdnnl.so.3`), name it in `FSLC_ONEDNN` and install `onednn` again: fslc then uses that library.",
  },
  FSL7071: {
    severity: "error",
    title: "a missing tool",
    message: "{tool} is needed to install {engine}, but it was not found",
    explanation:
      "The libraries of TensorFlow and of oneDNN come from the Python package index, through pip and its configuration (index, proxy, certificates). The small addon between TensorFlow's library and Node is compiled on this machine. Nothing was downloaded.",
    example: "fslc engines install tensorflow      # on a machine without a compiler",
    fix: "Install it with the package manager of the system, then run the same command again. For TensorFlow you can also install the npm package `@tensorflow/tfjs-node` in a folder of yours, and set the environment variable `FSLC_TENSORFLOW` to the absolute path of the package in it.",
  },
  FSL7072: {
    severity: "error",
    title: "too little disk space for an engine",
    message: "installing {engine} needs {needed}, but the disk of `{path}` has only {free} free",
    explanation:
      "For a while the disk holds both the downloads and the unpacked files. The downloads are removed at the end. Nothing was downloaded.",
    example: "fslc engines install tensorflow --gpu      # with 5 GB free",
    fix: "Free some disk space, or name a folder on another disk in the environment variable `FSLC_ENGINES`, for this command and for every later one.",
  },
  FSL7073: {
    severity: "error",
    title: "a wheel that cannot be downloaded",
    message: "`{wheel}` cannot be downloaded: {reason}",
    explanation:
      "pip downloads the wheel by name, version and digest, from the index of your pip configuration. Earlier downloads are kept.",
    example: "fslc engines install tensorflow      # without a network",
    fix: "Check that pip reaches its index (`pip download --no-deps six`), then run the same command again. It continues where it stopped. You can also give a folder that holds the wheel: `PIP_FIND_LINKS=FOLDER`.",
  },
  FSL7074: {
    severity: "error",
    title: "an altered wheel",
    message: "`{wheel}` does not have the SHA-256 that fslc expects",
    explanation:
      "The digest of every file of an engine is fixed in fslc. This file is damaged, or the index holds another file under this name. fslc deleted the file and used nothing of it.",
    example: "fslc engines install tensorflow      # with an index whose copy is damaged",
    fix: "Run the same command again. If the error comes back, check the index that pip uses (`pip config list`).",
  },
  FSL7075: {
    severity: "error",
    title: "an addon that cannot be built",
    message: "the addon between Node and TensorFlow cannot be built: {reason}",
    explanation: "Its sources are compiled against the headers of TensorFlow and Node. The downloads are kept.",
    example: "CXX=g++-4.8 fslc engines install tensorflow      # a compiler from before C++17",
    fix: "Use a compiler for C++17 (GCC 8, Clang 7 or newer). If it is not the usual compiler, name it in `CXX`. Then run the same command again.",
  },
  FSL7076: {
    severity: "error",
    title: "an engine that does not work",
    message: "{engine} {version} does not work on this machine: {reason}",
    explanation:
      "Before the engine is put in its place, a separate process loads it and multiplies two matrices. That failed, so the engine was not installed. An earlier installation is unchanged. The downloads are kept.",
    example: "fslc engines install tensorflow      # on a processor without AVX",
    fix: "TensorFlow's library needs a processor with AVX (on x64) and the C++ library of GCC 8 or newer. oneDNN's needs GNU's OpenMP library, `libgomp.so.1` (`apt-get install libgomp1`, `dnf install libgomp`). If they are available, run the same command again and report its output.",
  },
  FSL7077: {
    severity: "error",
    title: "a package that cannot be installed",
    message: "`{package}` cannot be installed: {reason}",
    explanation:
      "On this machine TensorFlow comes from a download by that npm package's own script, which npm ran. Nothing was installed.",
    example: "fslc engines install tensorflow      # on a Mac behind a firewall",
    fix: "If the download is blocked, name a mirror in `TFJS_NODE_BASE_URI`, as the manual of the package says, and run the same command again. Or use `--engine onnx`.",
  },
  // ---------------------------------------------------------------- clusters
  FSL7080: {
    severity: "error",
    title: "a cluster that cannot be used",
    message: "the cluster `{name}` in `{path}` cannot be used: {why}",
    explanation:
      "`--cluster` names an entry of `fslc.clusters.json` in the folder of the project. Each entry says how jobs are submitted; `schemas/clusters.schema.json` describes it.",
    example: 'fslc run birds.fsl --cluster lab      # {"lab": {"executor": "slurm", "partitions": "gpu"}}',
    fix: 'Correct the entry, for example {"lab": {"executor": "slurm", "partition": "gpu", "time": "4:00:00"}}.',
  },
  FSL7081: {
    severity: "error",
    title: "jobs that Slurm refuses",
    message: "Slurm does not take the job: {why}",
    explanation: "The command `sbatch` refused the job. The message is that of Slurm. What is finished is kept.",
    example: "fslc run birds.fsl --cluster lab      # with a partition that the cluster does not have",
    fix: "Correct the entry in `fslc.clusters.json`, and run the same command again.",
  },
  FSL7082: {
    severity: "error",
    title: "a job that ended without a result",
    message: "the Slurm job {job} of `{stage}` ended without a result: {how}; see {log}",
    explanation:
      "The worker of the job wrote no outcome before it ended, so it was killed, cancelled or lost with its node. A job that was lost is submitted again three times before this is reported.",
    example: "scancel 1234_0      # while a run waits for this job",
    fix: "Read the log. If the job had too little memory or time, raise `memory` or `time` in `fslc.clusters.json`. Then run the same command again: the stage continues at its last checkpoint.",
  },
  // ---------------------------------------------------------------- us
  FSL7054: {
    severity: "error",
    title: "damaged results of a run",
    message: "the results of `{stage}` in the run `{run}` are damaged: {why} (`{path}`)",
    explanation:
      "The folder of a run keeps the manifest and the scores of each evaluation with their digests. These files are not the ones that were written, so nothing is compared with them.",
    example: "fslc runs compare last:proto last:pixels      # after an editor changed results/proto/scores.json",
    fix: "Run the experiment again. Stages that are in the store are not computed again, and the new run has the results.",
  },
  FSL7053: {
    severity: "error",
    title: "a fit that cannot be computed",
    message: "the values that the metric of `{stage}` fits from base data cannot be computed: {why}",
    explanation:
      "A `fit` is computed from the embeddings of all images of the split at once. The number of images must be the same as when the file was checked.",
    example: "fsl 1\n// fit from birds.train, where birds.train has millions of images",
    fix: "Fit from a smaller split. If the data have changed, check the file again. If images cannot be read, repair or remove them.",
  },
  FSL7099: {
    severity: "error",
    title: "a bug in fslc",
    message: "fslc has a bug: {what} (fslc {version}); the details are in `{path}`",
    explanation:
      "Something happened that should be impossible. It is not the fault of your file. Finished stages are kept in the store.",
    example: "fslc run experiment.fsl",
    fix: "Please report it, and add the file that the message names. That file holds versions and the place of the bug, and none of your images.",
  },
});
