/** Reads NABirds (Van Horn et al. 2015): photos of 555 kinds of North American birds, with a hierarchy and boxes. */
import { boxOfText } from "./boxes.js";
import { byGroup, byHash } from "./divisions.js";
import { publishedSource } from "./published-set.js";

export const nabirds = publishedSource({
  description: {
    kind: "nabirds",
    summary: "NABirds: 555 kinds of North American birds, 48,562 photos with boxes",
    obtain:
      "nabirds.tar.gz from the Cornell Lab of Ornithology, which sends a link for a form (search for “NABirds dataset”); unpack it",
    license: "Cornell's terms: for non-commercial research and education",
    download: "9 GB",
    folder: "data/nabirds",
    needs: ["images/", "images.txt", "image_class_labels.txt", "classes.txt", "hierarchy.txt", "bounding_boxes.txt"],
    boxes: true,
  },
  root: "the folder nabirds of the archive",
  divisions: {
    hash: byHash,
    families: byGroup("a hash of the families, so that all birds of a family are in one split (about 64/16/20 %)"),
  },
  counts: () => ({ classes: 555, images: 48_562 }),
  read(files) {
    const names = new Map(files.pairs("classes.txt"));
    const parents = new Map(files.pairs("hierarchy.txt"));
    const labels = new Map(files.pairs("image_class_labels.txt"));
    const boxes = new Map(files.has("bounding_boxes.txt") ? files.pairs("bounding_boxes.txt") : []);
    // Names of different nodes may be equal, so the number of the node is part of the name of a class.
    const className = (id: string): string => `${id.padStart(4, "0")}.${names.get(id) ?? ""}`;
    const images = files.pairs("images.txt").map(([uuid, path]) => {
      const box = boxOfText(boxes.get(uuid) ?? "");
      return {
        label: className(labels.get(uuid) ?? ""),
        path: `images/${path}`,
        ...(box === undefined ? {} : { box }),
      };
    });
    const ids = [...new Set(labels.values())].sort((a, b) => Number(a) - Number(b));
    return { classes: ids.map((id) => ({ name: className(id), group: familyOf(id, parents) })), images };
  },
});

/** Returns the node of the second level below the root of the hierarchy that a class belongs to, or the class itself above that level. */
function familyOf(id: string, parents: ReadonlyMap<string, string>): string {
  const path: string[] = [];
  for (let at: string | undefined = id; at !== undefined && !path.includes(at); at = parents.get(at)) path.unshift(at);
  return path[2] ?? id;
}
