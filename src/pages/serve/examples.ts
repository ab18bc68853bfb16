/** The part of the page with the classes and their examples. */
import type { View } from "../../cli/serve/view.js";
import { element } from "../elements.js";
import type { Actions } from "./actions.js";
import { formOf, pathOf } from "./api.js";
import { dropZone } from "./drop-zone.js";

export function examples(view: View, { change }: Actions): HTMLElement {
  const cards = view.classes.map(({ name, images }, c) => {
    const heading = `class-${c}`;
    return element(
      "article",
      { class: "card", "aria-labelledby": heading },
      element("h3", { id: heading }, name),
      element(
        "ul",
        { class: "thumbs" },
        images.map((image, i) =>
          element(
            "li",
            {},
            thumbnail(image.id, `example ${i + 1} of ${name}: ${image.name}`),
            element(
              "button",
              {
                class: "small",
                id: `drop-${image.id}-${c}`,
                "aria-label": `Remove example ${i + 1} of ${name}`,
                click: () => change(`Removed an example of ${name}`, "DELETE", pathOf("images", image.id)),
              },
              "×",
            ),
          ),
        ),
      ),
      dropZone({
        id: `add-${c}`,
        label: `Add examples of ${name}`,
        onFiles: (files) =>
          change(`Added examples of ${name}`, "POST", pathOf("classes", name, "images"), formOf(files)),
      }),
      element(
        "button",
        {
          id: `remove-${c}`,
          click: () => change(`Removed the class ${name}`, "DELETE", pathOf("classes", name)),
        },
        `Remove ${name}`,
      ),
    );
  });
  return element(
    "section",
    { "aria-labelledby": "examples" },
    element("h2", { id: "examples" }, "Examples"),
    view.classes.length < 2
      ? element(
          "p",
          { class: "soft" },
          "Give a few images of at least two classes. One image of a class is enough to begin.",
        )
      : undefined,
    element("div", { class: "cards" }, cards, newClass(change)),
  );
}

function newClass(change: Actions["change"]): HTMLElement {
  const name = element("input", { id: "new-class", type: "text", maxlength: 64, autocomplete: "off" });
  const add = (files: readonly File[]): void => {
    const typed = name.value.trim();
    if (typed === "") {
      name.focus();
      change("Type the name of the class first");
      return;
    }
    change(`Added the class ${typed}`, "POST", pathOf("classes", typed, "images"), formOf(files));
  };
  return element(
    "article",
    { class: "card", "aria-labelledby": "new-class-title" },
    element("h3", { id: "new-class-title" }, "New class"),
    element("label", { for: "new-class" }, "Name"),
    name,
    dropZone({ id: "new-class-images", label: "Examples of the new class", onFiles: add }),
  );
}

/** Returns an image as the model sees it. */
export function thumbnail(id: string, text: string): HTMLImageElement {
  return element("img", { src: pathOf("images", id), alt: text, width: 84, height: 84, loading: "lazy" });
}
