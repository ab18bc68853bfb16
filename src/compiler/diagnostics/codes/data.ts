/** Codes FSL6001–FSL6999: reading data at run time. */
import { codes } from "../code.js";

export const dataCodes = codes({
  // ---------------------------------------------------------------- finding the data
  FSL6001: {
    severity: "error",
    title: "data that are missing",
    message: "the data of `{dataset}` are missing: {path} does not exist",
    explanation:
      "Some data sets are not fetched by fslc. It reads them from a folder of yours, which `root` names. A relative root starts at the folder of the project.",
    example: 'dataset birds = cub(root: "data/CUB_200_2011") { … }     // before the archive was unpacked there',
    fix: "Put the data there, or name the right folder: with `--set`, or in the `root` of the dataset. `fslc data list` says for each source what it reads and where you can get it.",
  },
  FSL6002: {
    severity: "error",
    title: "data with another layout",
    message: "{path} does not have the layout that `{source}` expects: {problem}",
    explanation:
      "Each source reads one layout, the layout of the data's own archive. Here a part of it is missing or different. Often the archive was unpacked one folder deeper, or only in part.",
    example: 'dataset mini = csv(root: "data/mini") { … }     // data/mini has train.csv but no images/',
    fix: "Compare the folder with the layout in docs/datasets.md, and let `root` name the folder that holds those files.",
  },
  FSL6003: {
    severity: "error",
    title: "images that cannot be read",
    message: "{count} of {total} images cannot be read; the first is {first}: {reason}",
    explanation:
      "If a file that is cut off, empty or not an image were left out silently, the dataset would change, and every number with it. So it stops the run.",
    example: "a download that broke off in the middle of `images/n0153282900000005.jpg`",
    fix: "Replace these files, or write `unreadable skip` into the dataset. They are then left out and counted, and `fslc data inspect` names them.",
  },
  FSL6004: {
    severity: "error",
    title: "a line of a list that cannot be read",
    message: "{file}, line {line}: {problem}",
    explanation:
      "The lists of a dataset (CSV files, `images.txt`, split lists) say which class an image has. One line of such a list does not.",
    example: "train.csv:\nfilename,label\nn0153282900000005.jpg",
    fix: "Correct that line, or take the file from the original archive again.",
  },
  FSL6005: {
    severity: "error",
    title: "a wrong argument of a source",
    message: "`{source}` cannot use `{name}: {value}`: {problem}",
    explanation:
      "The arguments of a source choose what it reads and how it divides the classes. It does not know this value.",
    example: 'dataset letters = omniglot(root: "data/omniglot", split: "lake") { … }',
    fix: "`fslc data list` shows the arguments of each source and their values.",
  },
  FSL6006: {
    severity: "error",
    title: "an unknown source",
    message: "there is no data source called `{source}`",
    explanation: "A dataset is read by one of the sources that are built into fslc.",
    example: "dataset d = tarball() { … }",
    fix: "`fslc data list` names them. For other data, use `folder` (a folder of class folders) or `csv`.",
  },
  FSL6007: {
    severity: "error",
    title: "a class in two splits",
    message: "the class `{class}` is in both `{first}` and `{second}`",
    explanation:
      "Few-shot accuracy is about classes that were not trained on. The splits divide the classes, so a class may be in one split only. Otherwise the test would measure memory.",
    example: "root/train/sparrow/…  and  root/test/sparrow/…",
    fix: "Move all images of the class into one split. If all splits have the same classes by intention (new images of known classes), make two datasets with two roots, one to train and one to test, or write `classes shared` into the dataset.",
  },
  FSL6008: {
    severity: "error",
    title: "an empty split",
    message: "the split `{split}` of `{dataset}` has no images",
    explanation:
      "A stage reads this split, but the split is empty: the dataset does not have it, or its folder or list is empty.",
    example: 'dataset d = omniglot(root: "data/omniglot", split: "background") { … }     // has train and test, no val',
    fix: "`fslc data inspect FILE` shows what each split holds. Use another split, or divide the classes in another way.",
  },
  FSL6014: {
    severity: "error",
    title: "an image that is listed twice",
    message: "{image} is listed twice: in the class `{first}` and in the class `{second}`",
    explanation:
      "An image that is listed twice could be both support and query of one episode, or have two labels. The accuracy would then measure memory.",
    example: "train.csv with two lines for n0153282900000005.jpg",
    fix: "Remove one of the two lines.",
  },
  FSL6015: {
    severity: "warning",
    title: "data that are read in part",
    message: "{what}",
    explanation:
      "The data can be used, but a part of what lies there is left out, or is read in a way that may not be meant. An accuracy would then be about other data than you think.",
    example: "root/test/cat/1.png  and  root/test/cat/2.heic     // fslc does not read HEIC",
    fix: "Do what the help line says, or leave it as it is if this is what you want. `fslc data inspect FILE` shows what is read.",
  },
  // ---------------------------------------------------------------- preparing images
  FSL6009: {
    severity: "error",
    title: "an image that is smaller than its crop",
    message: "{image} has {height} × {width} pixels, but `{transform}` takes {size} × {size}",
    explanation:
      "A crop cannot take more pixels than the image has. fslc pads or enlarges an image only if the chain says so.",
    example: "dataset d = … { train random_crop(84), normalize … }     // one image is 60 pixels wide",
    fix: "Put `resize(…)` before the crop.",
  },
  FSL6010: {
    severity: "error",
    title: "images of an unexpected size",
    message: "{image} is {got} after `{chain}`, but {want} is needed (channels × height × width)",
    explanation:
      "Programs have fixed sizes, so all images of a dataset must have the same size after its chain. `resize` keeps proportions. Images that are not square need a crop after it.",
    example: "dataset d = … { train resize(84), normalize … }     // 100 × 150 pixels become 84 × 126",
    fix: "End the chain with `center_crop(…)`, `random_crop(…)` or `random_resized_crop(…)`.",
  },
  // ---------------------------------------------------------------- episodes
  FSL6011: {
    severity: "error",
    title: "more ways than classes",
    message: "an episode of {way} ways cannot be drawn from `{split}`, which has only {classes} classes",
    explanation: "The classes of an episode are different, so the split needs at least that many.",
    example: "episode task = 30 way, 1 shot, 15 query     // from the 20 test classes of miniImageNet",
    fix: "Use fewer ways, or another split.",
  },
  FSL6012: {
    severity: "error",
    title: "more images than a class has",
    message:
      "{shot} shot, {query} query needs {images} images in each class, but class `{class}` of `{split}` has only {has}",
    explanation:
      "The supports and queries of a class are different images. In a smaller class an image would have to be used twice, as support and as query.",
    example: "episode task = 5 way, 5 shot, 15 query     // from classes of 8 images",
    fix: "Use fewer shots or queries, or leave small classes out of the data.",
  },
  FSL6013: {
    severity: "error",
    title: "an impossible task",
    message: "an episode of {way} way, {shot} shot, {query} query is not possible",
    explanation: "Ways and shots are whole numbers of at least 1. Queries are whole numbers of at least 0.",
    example: "episode task = 0 way, 1 shot, 15 query",
    fix: "Give the episode at least one way and one shot.",
  },
  // ---------------------------------------------------------------- fetching
  FSL6016: {
    severity: "error",
    title: "fewer images than a step needs",
    message: "a step needs {images} images, but only {count} images of `{split}` can be read",
    explanation: "`unreadable skip` leaves out images that cannot be decoded. The rest must fill at least one step.",
    example: "images/train: 60 of 100 pictures are damaged; for 10 epochs, 64 images per step, drop last",
    fix: "Replace the damaged images, or use fewer images per step.",
  },
  FSL6020: {
    severity: "error",
    title: "a package that cannot be fetched",
    message: "the package `{package}` cannot be fetched: {reason}",
    explanation:
      "The images of some sources and parts of some engines come from npm packages. They are fetched once, with the registry, proxy and authentication of your npm configuration, and then kept.",
    example: "fslc run examples/emoji.fsl     # for the first time, without a network",
    fix: "Check the network with `npm ping`, and look up the registry with `npm config list`. Or run `fslc data fetch` on a machine that has a network and copy the cache folder.",
  },
  FSL6021: {
    severity: "error",
    title: "an altered package",
    message: "the package `{package}` does not have the expected content: {reason}",
    explanation:
      "The version and the SHA-512 of each data package are fixed in fslc, so that everyone trains on the same images. The content that came is different: the download is broken, or the registry serves altered packages.",
    example: "fslc data fetch     # through a proxy that rewrites packages",
    fix: "Clear npm's cache (`npm cache clean --force`) and try again. If the error stays, ask the operators of the registry.",
  },
  // ---------------------------------------------------------------- the pack
  FSL6030: {
    severity: "error",
    title: "a damaged pack",
    message: "the packed images in {dir} are damaged: {problem}",
    explanation:
      "The folder holds images that were decoded before. One of its files is missing, cut off or altered. Every image is compared with a checksum when it is read, so nothing was computed from damaged images. fslc packs the images again from their source.",
    example: "a `.fslc/data` that was copied in part, or a disk that lost a block",
    fix: "Run the same command again: it packs the images again. If the damage comes back, check the disk and the memory of the machine.",
  },
  FSL6040: {
    severity: "warning",
    title: "equal images in several places",
    message: "`{dataset}` has the same image twice {place}: {first} and {second} ({copies} in all)",
    explanation:
      "Files of the same content under two names are the same image. In two splits, the test contains images that were trained on. In two classes, no method can tell them apart. In one class, an image may be its own support. The accuracy then measures memory or chance.",
    example: "train/sparrow/07.jpg  and  test/finch/31.jpg, copies of one photo",
    fix: "Remove one of the two files. `fslc data inspect FILE` repeats this warning until the files are different.",
  },
  FSL6041: {
    severity: "warning",
    title: "images of one value",
    message:
      "{count} of {total} images of `{dataset}` show nothing, because (nearly) all pixels have one value after decoding: {first}",
    explanation:
      "Such an image shows nothing. Often its content was lost in decoding: a white icon on a transparent background becomes white on white, and values of a small range become black.",
    example: "icons/heart.png: white strokes on a transparent background",
    fix: "Look at these images. Give them a background or a range that shows their content, or remove them. In a chain, `resize` before a crop keeps the whole image.",
  },
  FSL6042: {
    severity: "warning",
    title: "a split whose images are all equal",
    message:
      "ALL {images} images of the split `{split}` of `{dataset}` are equal after decoding; results on it mean nothing",
    explanation:
      "Every image of the split has the same pixels, so no method can do better than chance. The content was lost in decoding, or the files are copies of one file.",
    example: "a folder of white icons on a transparent background",
    fix: "Look at the files, give them a background or a range that shows their content, and run again.",
  },
  FSL6031: {
    severity: "error",
    title: "a cache that cannot be written",
    message: "{path} cannot be written: {reason}",
    explanation:
      "fslc keeps decoded images and fetched packages in a folder, so that the next run does not have to make them again.",
    example: "fslc run examples/emoji.fsl     # on a full disk",
    fix: "Free some disk space, or give yourself write permission for the folder.",
  },
  FSL6050: {
    severity: "error",
    title: "a listed episode that the data cannot give",
    message: "`{path}` cannot be used with these data: {why}",
    explanation:
      "A list of episodes names classes of the split and images of these classes: by path, by the end of a path if only one image of the class has it, or by number from 0 in the order of `report episodes`. In an episode each class and each image occurs once, and a query is never one of its supports.",
    example: '{"class": "cat", "support": ["dog/3.png"], "query": ["cat/4.png"]}',
    fix: "Correct the list. `report episodes` writes a list that fits.",
  },
  FSL6052: {
    severity: "error",
    title: "a description that the data do not match",
    message: "the description `{name}` of `{dataset}` cannot be used: {why}",
    explanation:
      "A description has a row for each class of the splits that a stage reads. The table that is read when the stage runs must be the one that was checked.",
    example: "fslc run experiment.fsl      # with a table that lacks a class of the test split",
    fix: "Add the missing row, or run the same command again if the table has changed.",
  },
  FSL6051: {
    severity: "error",
    title: "a file of weights that has changed",
    message: "the weights of `{path}` cannot be read: {why}",
    explanation:
      "A stage that starts from a file depends on the content of the file. The file that is read when the stage runs must be the one that was checked.",
    example: "fslc run experiment.fsl      # while another program writes weights.safetensors",
    fix: "Run the same command again when the file is complete.",
  },
  FSL6032: {
    severity: "error",
    title: "a loader thread that ended early",
    message: "a thread that prepares images ended: {reason}",
    explanation:
      "Threads decode and augment the images. One of them ended before its work was done, usually because of missing memory.",
    example: "a machine whose memory is full",
    fix: "Free some memory or use fewer `--threads`, and run again. Finished stages are kept.",
  },
});
