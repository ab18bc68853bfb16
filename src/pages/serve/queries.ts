/** The part of the page with the images to name, their classes, and the corrections. */
import { noneOfThese } from "../../cli/serve/state.js";
import type { Scored, View } from "../../cli/serve/view.js";
import { element } from "../elements.js";
import type { Actions } from "./actions.js";
import { formOf, pathOf } from "./api.js";
import { dropZone } from "./drop-zone.js";
import { thumbnail } from "./examples.js";

/** The most classes of an image that are shown. */
const mostClasses = 5;

export function queries(view: View, { change }: Actions): HTMLElement {
  return element(
    "section",
    { "aria-labelledby": "queries" },
    element("h2", { id: "queries" }, "Images to name"),
    dropZone({
      id: "add-queries",
      label: "Add images to name",
      onFiles: (files) => change("Added images", "POST", pathOf("queries"), formOf(files)),
    }),
    view.problem === undefined ? undefined : element("p", { class: "alert", role: "alert" }, view.problem),
    element(
      "div",
      { class: "cards" },
      view.queries.map((query, q) => card(query, q, view, change)),
    ),
  );
}

type Query = View["queries"][number];

function card({ id, name, said, result }: Query, place: number, view: View, change: Actions["change"]): HTMLElement {
  const best = said ?? result?.classes[0]?.name ?? "not named yet";
  const heading = `query-${id}`;
  const file = name === "" ? `image ${place + 1}` : name;
  return element(
    "article",
    { class: "card query", "aria-labelledby": heading },
    thumbnail(id, file),
    element("h3", { id: heading }, best),
    element("p", { class: "soft" }, said === undefined ? file : `${file} · you said so`),
    result === undefined ? undefined : ranking(result),
    result === undefined ? undefined : nearest(result),
    answers({ id, file, best, said }, view, change),
  );
}

function ranking({ classes }: Scored): HTMLElement {
  return element(
    "ol",
    { class: "ranking" },
    classes.slice(0, mostClasses).map(({ name, probability }) => {
      const percent = `${(100 * probability).toFixed(1)} %`;
      return element(
        "li",
        {},
        element("span", { class: "name" }, name),
        element("meter", { min: 0, max: 1, value: probability, "aria-label": `probability of ${name}` }, percent),
        element("span", { class: "number" }, percent),
      );
    }),
  );
}

function nearest({ nearest: supports }: Scored): HTMLElement {
  return element(
    "details",
    {},
    element("summary", {}, "Nearest examples"),
    element(
      "ul",
      { class: "thumbs" },
      supports.map(({ id, class: name, distance }) =>
        element(
          "li",
          {},
          thumbnail(id, `example of ${name}`),
          element("span", {}, `${name}, ${distance.toPrecision(3)} away`),
        ),
      ),
    ),
  );
}

interface Answered {
  readonly id: string;
  readonly file: string;
  readonly best: string;
  readonly said: string | undefined;
}

/** The buttons that correct the classifier: the image becomes an example of the class that a person names. */
function answers({ id, file, best, said }: Answered, { classes }: View, change: Actions["change"]): HTMLElement {
  const say = (name: string | null): void =>
    change(`${file} is now an example of ${name ?? noneOfThese}`, "PUT", pathOf("queries", id, "class"), {
      class: name,
    });
  const choice = element(
    "select",
    {
      id: `choice-${id}`,
      "aria-label": `The class of ${file}`,
      change: () => choice.value !== "" && say(choice.value),
    },
    element("option", { value: "" }, "It is …"),
    classes.map(({ name }) => element("option", { value: name }, name)),
  );
  const isNamed = classes.some(({ name }) => name === best);
  return element(
    "div",
    { class: "row" },
    isNamed && said === undefined
      ? element("button", { id: `yes-${id}`, click: () => say(best) }, `Yes, ${best}`)
      : undefined,
    classes.length === 0 ? undefined : choice,
    classes.length === 0 ? undefined : element("button", { id: `none-${id}`, click: () => say(null) }, "None of these"),
    element(
      "button",
      {
        id: `remove-${id}`,
        "aria-label": `Remove ${file}`,
        click: () => change(`Removed ${file}`, "DELETE", pathOf("images", id)),
      },
      "Remove",
    ),
  );
}
