/** FSL6001–FSL6999: reading data, at run time. */
import { codes } from "../code.js";

export const dataCodes = codes({
  // ---------------------------------------------------------------- finding the data
  FSL6001: {
    severity: "error",
    title: "the data is not there",
    message: "the data of `{dataset}` is not there: {path} does not exist",
    explanation:
      "A dataset that fslc does not fetch by itself is read from a folder of yours, its `root`. A relative root starts at the folder of the project.",
    example: 'dataset birds = cub(root: "data/CUB_200_2011") { … }     # before the archive was unpacked there',
    fix: "Put the data there, or say where it is: `--set`, or the `root` of the dataset. `fslc data list` says for each source what it reads and where it is to be had.",
  },
  FSL6002: {
    severity: "error",
    title: "the data is not laid out as expected",
    message: "{path} is not laid out as `{source}` expects: {problem}",
    explanation:
      "Each source reads one layout, that of the data's own archive. A part of it is missing here or looks different, often because the archive was unpacked one folder deeper or only in part.",
    example: 'dataset mini = csv(root: "data/mini") { … }     # data/mini has train.csv but no images/',
    fix: "Compare with the layout in docs/datasets.md, and let `root` name the folder that holds those files.",
  },
  FSL6003: {
    severity: "error",
    title: "images cannot be read",
    message: "{count} of {total} images cannot be read; the first is {first}: {reason}",
    explanation:
      "A file that is cut off, empty or not an image would silently change the dataset, and with it every number, if it were left out. So it stops the run.",
    example: "a download that broke off in the middle of `images/n0153282900000005.jpg`",
    fix: "Replace the named files, or write `unreadable skip` into the dataset: they are then left out, counted and named by `fslc data inspect`.",
  },
  FSL6004: {
    severity: "error",
    title: "a line of a list cannot be read",
    message: "{file}, line {line}: {problem}",
    explanation:
      "The lists of a dataset (CSV files, `images.txt`, split lists) say which image has which class; a line of one does not.",
    example: "train.csv:\nfilename,label\nn0153282900000005.jpg",
    fix: "Fix that line, or take the file from the original archive again.",
  },
  FSL6005: {
    severity: "error",
    title: "a source was given what it cannot use",
    message: "`{source}` cannot use `{name}: {value}`: {problem}",
    explanation:
      "The arguments of a source choose what it reads and how it divides the classes; this value is none that it knows.",
    example: 'dataset letters = omniglot(root: "data/omniglot", split: "lake") { … }',
    fix: "`fslc data list` gives the arguments of each source and what each may be.",
  },
  FSL6006: {
    severity: "error",
    title: "unknown source",
    message: "there is no data source called `{source}`",
    explanation: "A dataset is read by one of the sources that fslc was built with.",
    example: "dataset d = tarball() { … }",
    fix: "`fslc data list` names them. Other data fits `folder` (a folder of class folders) or `csv`.",
  },
  FSL6007: {
    severity: "error",
    title: "one class in two splits",
    message: "the class `{class}` is in both `{first}` and `{second}`",
    explanation:
      "Few-shot numbers are about classes that were not trained on: the splits divide the classes, so a class may stand in only one of them. A class in two makes the test a memory test.",
    example: "root/train/sparrow/…  and  root/test/sparrow/…",
    fix: "Move all images of the class into one split.",
  },
  FSL6008: {
    severity: "error",
    title: "an empty split",
    message: "the split `{split}` of `{dataset}` has no images",
    explanation:
      "A stage reads this split, and nothing is in it: the dataset has no such split, or its folder or list is empty.",
    example: 'dataset d = omniglot(root: "data/omniglot", split: "background") { … }     # has train and test, no val',
    fix: "`fslc data inspect FILE` shows what each split holds; use another one, or divide the classes otherwise.",
  },
  FSL6014: {
    severity: "error",
    title: "one image listed twice",
    message: "{image} is listed twice: in the class `{first}` and in the class `{second}`",
    explanation:
      "An image that stands twice in the lists could be support and query of one episode, or have two labels: the number of the run would be about memory.",
    example: "train.csv with two lines for n0153282900000005.jpg",
    fix: "Leave one of the two lines.",
  },
  // ---------------------------------------------------------------- preparing images
  FSL6009: {
    severity: "error",
    title: "an image is smaller than its crop",
    message: "{image} is {height} × {width} pixels where `{transform}` takes {size} × {size}",
    explanation:
      "A crop cannot take more pixels than there are, and fslc does not pad or enlarge where the chain does not say so.",
    example: "dataset d = … { train random_crop(84), normalize … }     # one image is 60 pixels wide",
    fix: "Put `resize(…)` before the crop.",
  },
  FSL6010: {
    severity: "error",
    title: "images of another size than the experiment counts on",
    message: "{image} is {got} after `{chain}`, where {want} is needed (channels × height × width)",
    explanation:
      "Programs have fixed sizes: after the chain of a dataset each of its images must have one size. `resize` keeps proportions, so images that are not square need a crop after it.",
    example: "dataset d = … { train resize(84), normalize … }     # 100 × 150 pixels become 84 × 126",
    fix: "End the chain with `center_crop(…)`, `random_crop(…)` or `random_resized_crop(…)`.",
  },
  // ---------------------------------------------------------------- episodes
  FSL6011: {
    severity: "error",
    title: "more ways than classes",
    message: "an episode of {way} ways cannot be drawn from `{split}`, which has {classes} classes",
    explanation: "The classes of an episode are distinct, so the split needs at least as many.",
    example: "episode task = 30 way, 1 shot, 15 query     # from the 20 test classes of miniImageNet",
    fix: "Take fewer ways, or another split.",
  },
  FSL6012: {
    severity: "error",
    title: "more images than a class has",
    message: "{shot} shot, {query} query needs {images} images a class; class `{class}` of `{split}` has {has}",
    explanation:
      "Supports and queries of a class are distinct images. A class with fewer could only be drawn by showing an image twice, once as support and once as query.",
    example: "episode task = 5 way, 5 shot, 15 query     # from classes of 8 images",
    fix: "Take fewer shots or queries, or leave small classes out of the data.",
  },
  FSL6013: {
    severity: "error",
    title: "not a task",
    message: "an episode of {way} way, {shot} shot, {query} query is no task",
    explanation: "Ways and shots are whole numbers of at least 1, queries of at least 0.",
    example: "episode task = 0 way, 1 shot, 15 query",
    fix: "Give the episode at least one way and one shot.",
  },
  // ---------------------------------------------------------------- fetching
  FSL6016: {
    severity: "error",
    title: "fewer images than a step takes",
    message: "a step takes {images} images, and `{split}` has {count} that can be read",
    explanation:
      "`unreadable skip` leaves out images that cannot be decoded. What is left must fill at least one step.",
    example: "images/train: 60 of 100 pictures are damaged; for 10 epochs, 64 images per step, drop last",
    fix: "Replace the damaged images, or take fewer images per step.",
  },
  FSL6020: {
    severity: "error",
    title: "a package cannot be fetched",
    message: "the package `{package}` cannot be fetched: {reason}",
    explanation:
      "Images of some sources and parts of some engines come from npm packages, fetched once with the registry, proxy and authentication of your npm configuration, and kept.",
    example: "fslc run examples/emoji.fsl     # for the first time, without a network",
    fix: "Check the network with `npm ping`, and `npm config list` for the registry in use; or run `fslc data fetch` where there is a network and copy the cache folder.",
  },
  FSL6021: {
    severity: "error",
    title: "a package is not what it should be",
    message: "the package `{package}` has other bytes than it was pinned to: {reason}",
    explanation:
      "Version and SHA-512 of each data package are part of fslc, so that everyone trains on the same images. What came is something else: a broken download, or a registry that serves altered packages.",
    example: "fslc data fetch     # through a proxy that rewrites packages",
    fix: "Clean npm's cache (`npm cache clean --force`) and try again; if it stays, ask who runs the registry.",
  },
  // ---------------------------------------------------------------- the pack
  FSL6030: {
    severity: "error",
    title: "a pack is damaged",
    message: "the packed images in {dir} are damaged: {problem}",
    explanation: "The folder holds images that were decoded before. A file of it is missing, cut off or altered.",
    example: "a `.fslc/data` that was copied in part",
    fix: "Delete that folder: the next run packs the images anew.",
  },
  FSL6031: {
    severity: "error",
    title: "the cache cannot be written",
    message: "{path} cannot be written: {reason}",
    explanation:
      "Decoded images and fetched packages are kept in a folder, so that the next run need not make them again.",
    example: "fslc run examples/emoji.fsl     # on a full disk",
    fix: "Make room, or give the folder write permission.",
  },
  FSL6050: {
    severity: "error",
    title: "a listed episode that the data do not have",
    message: "`{path}` cannot be used with these data: {why}",
    explanation:
      "A list of episodes names classes of the split and images of these classes: by path, by the end of one where one image of the class has it, or by number from 0 in the order of `report episodes`. An episode has each class and each image once; a query is never among its supports.",
    example: '{"class": "cat", "support": ["dog/3.png"], "query": ["cat/4.png"]}',
    fix: "Correct the list; `report episodes` writes one that fits.",
  },
  FSL6051: {
    severity: "error",
    title: "a file of weights that is not the one checked",
    message: "the weights of `{path}` cannot be read: {why}",
    explanation:
      "A stage that starts from a file is known by the file's content: the one that was checked is the one that must be read when the stage runs.",
    example: "fslc run experiment.fsl      # while another program writes weights.safetensors",
    fix: "Run the same command again once the file is whole.",
  },
  FSL6032: {
    severity: "error",
    title: "a loader thread ended",
    message: "a thread that prepares images ended: {reason}",
    explanation:
      "Images are decoded and augmented on threads of their own; one ended before its work was done, mostly for want of memory.",
    example: "a machine whose memory is full",
    fix: "Free memory or lower `--threads`, and run again; finished stages are kept.",
  },
});
