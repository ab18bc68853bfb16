/** FSL7001–FSL7999: engines, store, workers and the command line. */
import { codes } from "../code.js";

export const runCodes = codes({
  // ---------------------------------------------------------------- engines
  FSL7001: {
    severity: "error",
    title: "the engine cannot be used on this machine",
    message: "the engine `{engine}` cannot be used here: {why}",
    explanation:
      "Each engine needs a native library or a device. The one asked for was looked for and is not usable. Nothing was run with another engine in its place: numbers of two engines differ, so fslc never switches silently.",
    example: "fslc run examples/emoji.fsl --engine tensorflow      # where it is not installed",
    fix: "Run `fslc engines`: it lists what is available and, for what is not, the command that fixes it.",
  },
  FSL7002: {
    severity: "error",
    title: "unknown engine",
    message: "there is no engine called `{engine}`",
    explanation: "`--engine` takes the name of one of the engines that fslc was built with.",
    example: "fslc run examples/emoji.fsl --engine onx",
    fix: "Run `fslc engines` for the names, or leave `--engine` out: the default runs everywhere.",
  },
  FSL7003: {
    severity: "error",
    title: "the engine cannot run an operation of this stage",
    message: "the engine `{engine}` cannot run the stage `{stage}`: {detail}",
    explanation:
      "The stage was lowered to a tensor program that holds an operation, a type or a size which this engine has no kernel for. It is refused before the first step rather than run in another way.",
    example: "fslc run experiment.fsl --engine onnx      # a stage with an op that onnx has no lowering for",
    fix: "Run it on another engine (`fslc engines`), and report the operation that is missing.",
  },
  FSL7004: {
    severity: "error",
    title: "out of memory",
    message: "the stage `{stage}` ran out of memory on the engine `{engine}`: {detail}",
    explanation:
      "A step's activations, gradients and weights did not fit into the memory of the device, or other processes took it. Finished stages are kept: the next run goes on with this one.",
    example: "meta proto {\n  …\n  for 10 epochs of 1000 episodes, 64 episodes per step\n}",
    fix: "Take fewer episodes or images per step; a `pretrain` may split its step (`64 images per step, 4 parts per step`). `fslc plan` prints what a step needs. Or end what else uses the memory.",
  },
  FSL7005: {
    severity: "error",
    title: "the device was lost",
    message: "the device of the engine `{engine}` went away in the stage `{stage}`: {detail}",
    explanation: "The driver reset the device or it was unplugged. Finished stages are kept in the store.",
    example: "fslc run experiment.fsl --device gpu      # the driver restarts in the middle",
    fix: "Run the same command again: only the stage that was cut off is run anew.",
  },
  FSL7006: {
    severity: "error",
    title: "the loss is not a finite number",
    message:
      "the loss or a gradient of the stage `{stage}` is not finite at step {step} (epoch {epoch}); the learning rate there is {lr}",
    explanation:
      "A step produced NaN or an infinity, so every weight after it would be worthless. The stage stops at that step; what earlier stages stored is intact, and this stage stores nothing.",
    example: "meta proto {\n  …\n  optimizer sgd(lr: 1e9)\n}",
    fix: "Lower the learning rate, add a `warmup` to the schedule or a `clip` to the optimizer, and look at the loss of the steps before it in events.ndjson.",
  },
  FSL7007: {
    severity: "error",
    title: "the engine failed",
    message: "the engine `{engine}` failed in the stage `{stage}`: {detail}",
    explanation: "The native library reported an error that fslc knows no cause for. Finished stages are kept.",
    example: "fslc run experiment.fsl      # a native library that is damaged",
    fix: "Run the same command again; if it comes back, try `--engine reference` on a small case and report both.",
  },
  FSL7008: {
    severity: "error",
    title: "unknown device",
    message: "the engine `{engine}` has no device `{device}` here",
    explanation:
      "`--device` names where the engine puts its tensors: `cpu`, `gpu` (its first) or `gpu:N`. The engine does not offer that one on this machine. Nothing was run on another in its place.",
    example: "fslc run examples/emoji.fsl --engine reference --device gpu",
    fix: "Run `fslc engines` for the devices of each engine, or leave `--device` out.",
  },
  // ---------------------------------------------------------------- workers
  FSL7020: {
    severity: "error",
    title: "a worker process died",
    message: "the worker process of the stage `{stage}` ended before it was done ({how})",
    explanation:
      "A stage runs in a process of its own, because native libraries can crash. That process was killed (often by the system for want of memory) or crashed. Stages that had finished are in the store.",
    example: "kill -9 PID      # of the worker, in the middle of a run",
    fix: "Run the same command again: finished stages are kept. Where memory ran short, take fewer episodes or images per step; where it dies at the same place again, try another engine (`fslc engines`).",
  },
  FSL7021: {
    severity: "error",
    title: "a stage makes no progress",
    message: "the stage `{stage}` made no progress for {seconds} s and was stopped",
    explanation:
      "No step, validation batch or image was finished for the longer of one minute and twenty times a measured step. A native library may hang, or the machine is overloaded or was asleep.",
    example: "fslc run experiment.fsl      # on a machine whose GPU driver hangs",
    fix: "Run the same command again; what had finished is kept. `--threads` lowers the load.",
  },
  // ---------------------------------------------------------------- store and disk
  FSL7030: {
    severity: "error",
    title: "a damaged store entry",
    message: "the stored stage in `{path}` cannot be read: {detail}",
    explanation:
      "Each finished stage is kept with a manifest and, where it has weights, a safetensors file whose digest the manifest holds. What lies there does not agree with that, so it is not used.",
    example: "truncate -s 100 .fslc/store/KEY/NUMERICS/weights.safetensors",
    fix: "Delete that folder and run again: the stage is then run anew.",
  },
  FSL7031: {
    severity: "error",
    title: "a file or folder cannot be written",
    message: "`{path}` cannot be written: {why}",
    explanation: "fslc keeps runs, packed images and trained weights in `.fslc/` of the project.",
    example: "chmod a-w .fslc; fslc run examples/emoji.fsl",
    fix: "Make room on the disk or make the folder writable, then run the same command again: finished stages are kept.",
  },
  // ---------------------------------------------------------------- what was asked for
  FSL7040: {
    severity: "error",
    title: "no such experiment file",
    message: "`{path}` cannot be read: {why}",
    explanation: "The command needs the `.fsl` file of an experiment.",
    example: "fslc run exmaples/emoji.fsl",
    fix: "Check the path; `fslc init` writes a starter experiment.",
  },
  FSL7041: {
    severity: "error",
    title: "an option names no stage",
    message: "`{option}` names `{stage}`, which is not a stage of {file}",
    explanation: "The option takes the name of a stage that this experiment declares.",
    example: "fslc run examples/emoji.fsl --force protp",
    fix: "Name one of the stages that `fslc plan` lists.",
  },
  FSL7042: {
    severity: "error",
    title: "an option has a value that it cannot have",
    message: "`{option}` cannot be `{value}`: {why}",
    explanation: "The value of a command-line option or of an option of the API is outside what it may be.",
    example: "fslc run examples/emoji.fsl --threads 0",
    fix: "`fslc run --help` says what each option takes.",
  },
  FSL7043: {
    severity: "error",
    title: "a parameter file cannot be used",
    message: "the parameter file `{path}` cannot be used: {why}",
    explanation: "`--params` takes a JSON file with one object: the names of parameters and their values.",
    example: "fslc run examples/emoji.fsl --params params.json      # where params.json holds [1, 2]",
    fix: 'Write an object such as {"shots": 5, "lr": 0.001}.',
  },
  // ---------------------------------------------------------------- runs looked back at
  FSL7044: {
    severity: "error",
    title: "nothing to run",
    message: "`{file}` has no stages",
    explanation:
      "A run carries out the stages of one file. A file without any is a library, or an experiment that is not finished: it checks, and there is nothing to do.",
    example: "$ fslc run metrics.fsl",
    fix: "Add a `pretrain`, `meta` or `evaluate` stage, or run the file that imports this one.",
  },
  FSL7050: {
    severity: "error",
    title: "two evaluations cannot be paired",
    message: "`{a}` and `{b}` cannot be paired: {why}",
    explanation:
      "A paired comparison subtracts two methods' accuracies episode by episode, so both must have been scored on the same episodes: the same task, the same images and classes of the split, and the same seed and number of episodes (or the same list of them).",
    example: "fslc runs compare 4fd1a2 9be003      # of seeds 0 and 1",
    fix: "Run both with the same `--seed`, task and number of episodes. What an older version stored without scores of single episodes is run anew with `--force STAGE`.",
  },
  FSL7051: {
    severity: "error",
    title: "no such run",
    message: "`{run}` names no run of this project: {why}",
    explanation: "A run is named by its id, the beginning or the end of one, the path of its folder, or `last`.",
    example: "fslc runs show 20261301",
    fix: "`fslc runs list` lists them.",
  },
  FSL7052: {
    severity: "error",
    title: "a run without that evaluation",
    message: "the run `{run}` has no evaluation `{stage}`",
    explanation: "After the colon stands an `evaluate` stage which that run finished.",
    example: "fslc runs compare last:tst last:pixels",
    fix: "`fslc runs show RUN` lists what the run evaluated.",
  },
  // ---------------------------------------------------------------- installing an engine
  FSL7070: {
    severity: "error",
    title: "no TensorFlow for this machine",
    message: "fslc knows no TensorFlow{kind} to install on {machine}",
    explanation:
      "TensorFlow publishes its library for Linux with GNU's C library 2.27 or newer (x64 and arm64; for CUDA x64 alone), and older ones for macOS and for Windows on x64. Nothing was downloaded.",
    example: "fslc engines install tensorflow --gpu      # on a Mac",
    fix: "Leave `--gpu` out, or use the engine that runs everywhere: `--engine onnx`, with `--device gpu` on a GPU of any make.",
  },
  FSL7071: {
    severity: "error",
    title: "a tool that the installation needs is missing",
    message: "{tool} is needed to install TensorFlow, and is not here",
    explanation:
      "TensorFlow's library comes from the Python package index, through pip, whose configuration (index, proxy, certificates) then holds. The small addon between it and Node is compiled for it here. Nothing was downloaded.",
    example: "fslc engines install tensorflow      # on a machine without a compiler",
    fix: "Install it with the system's package manager, then run the same command again. Or `npm install @tensorflow/tfjs-node` in the project: fslc uses that package where it installs.",
  },
  FSL7072: {
    severity: "error",
    title: "too little room for an engine",
    message: "installing TensorFlow needs {needed}, and the disk of `{path}` has {free} free",
    explanation:
      "The downloads and what is unpacked from them lie on the disk together for a while; the downloads are removed in the end. Nothing was downloaded.",
    example: "fslc engines install tensorflow --gpu      # with 5 GB free",
    fix: "Make room, or name a folder on another disk in the environment variable `FSLC_ENGINES`, for this command and for every later one.",
  },
  FSL7073: {
    severity: "error",
    title: "a wheel cannot be had",
    message: "`{wheel}` cannot be had: {reason}",
    explanation:
      "The wheel is asked for through pip, by name, version and digest, from the index of the user's pip configuration. What had been downloaded before is kept.",
    example: "fslc engines install tensorflow      # without a network",
    fix: "See that pip reaches its index (`pip download --no-deps six`), then run the same command again: it goes on where it was. A folder that holds the wheel does as well: `PIP_FIND_LINKS=FOLDER`.",
  },
  FSL7074: {
    severity: "error",
    title: "a wheel is not the one that is known",
    message: "`{wheel}` is not the file that fslc knows: its SHA-256 is another",
    explanation:
      "Every file that an engine is made of is pinned by its digest. What came is damaged, or the index holds another file under that name. It was deleted and nothing of it was used.",
    example: "fslc engines install tensorflow      # with an index whose copy is damaged",
    fix: "Run the same command again; if it comes back, look at the index that pip is configured to use (`pip config list`).",
  },
  FSL7075: {
    severity: "error",
    title: "the addon of an engine does not build",
    message: "the addon between Node and TensorFlow does not build: {reason}",
    explanation:
      "Its sources are compiled against the headers of TensorFlow and Node. What had been downloaded is kept.",
    example: "CXX=g++-4.8 fslc engines install tensorflow      # a compiler from before C++17",
    fix: "Use a compiler that knows C++17 (GCC 8, Clang 7 or newer), named by `CXX` where it is not the usual one, and run the same command again.",
  },
  FSL7076: {
    severity: "error",
    title: "an engine was built, but does not work",
    message: "TensorFlow {version} does not work on this machine: {reason}",
    explanation:
      "Before it is put in its place, the engine is loaded in a process of its own and multiplies two matrices. That failed, so it was not installed; an installation from before is as it was. What had been downloaded is kept.",
    example: "fslc engines install tensorflow      # on a processor without AVX",
    fix: "TensorFlow's library needs a processor with AVX (x64) and the C++ library of GCC 8 or newer. Where those are there, run the same command again, and report what it says.",
  },
  FSL7077: {
    severity: "error",
    title: "a package of an engine does not install",
    message: "`{package}` does not install: {reason}",
    explanation:
      "For this machine TensorFlow comes from a download of that npm package's own script, which npm ran. Nothing was installed.",
    example: "fslc engines install tensorflow      # on a Mac behind a firewall",
    fix: "Where the download is blocked, name a mirror in `TFJS_NODE_BASE_URI` as the package's manual says, and run the same command again; or use `--engine onnx`.",
  },
  // ---------------------------------------------------------------- us
  FSL7053: {
    severity: "error",
    title: "values cannot be fitted from this split",
    message: "the values that the metric of `{stage}` fits from base data cannot be computed: {why}",
    explanation:
      "`fit` is computed over the embeddings of every image of the split at once, as many as the data had when the file was checked.",
    example: "fsl 1\n// fit from birds.train, where birds.train has millions of images",
    fix: "Fit from a smaller split. If the data have changed, check the file again; if images cannot be read, fix or remove them.",
  },
  FSL7099: {
    severity: "error",
    title: "a bug of fslc",
    message: "fslc has a bug: {what} (fslc {version}); the details are in `{path}`",
    explanation:
      "Something happened that the authors thought impossible. It is not your file's fault. Finished stages are kept in the store.",
    example: "fslc run experiment.fsl",
    fix: "Please report it with the file that the message names; it holds versions and where it happened, and none of your images.",
  },
});
