/** The page of `fslc serve`. The server keeps everything; the page shows it and asks for changes. */
import type { View } from "../../cli/serve/view.js";
import { element, replaceContent } from "../elements.js";
import type { Actions } from "./actions.js";
import { ask, pathOf, Refusal } from "./api.js";
import { examples } from "./examples.js";
import { queries } from "./queries.js";

const main = document.getElementById("main") as HTMLElement;
const news = document.getElementById("news") as HTMLElement;

const actions: Actions = {
  change: (text, method, path, body) => {
    if (method === undefined || path === undefined) return say(text, true);
    main.setAttribute("aria-busy", "true");
    ask(method, path, body)
      .then((view) => {
        show(view);
        say(text, false);
      })
      .catch((error: unknown) => say(error instanceof Refusal ? error.message : `${error}`, true))
      .finally(() => main.removeAttribute("aria-busy"));
  },
};

/** Tells the news to everyone: it stands below the page, and a screen reader reads it. */
function say(text: string, isProblem: boolean): void {
  news.textContent = text;
  news.classList.toggle("problem", isProblem);
}

function show(view: View): void {
  const { experiment, stage, metric, width, height } = view.model;
  replaceContent(
    main,
    element("h1", {}, "Name images"),
    element(
      "p",
      { class: "soft" },
      `${experiment} · ${stage} · ${metric} · the model sees ${width} × ${height} pixels`,
    ),
    toolbar(view),
    queries(view, actions),
    examples(view, actions),
  );
}

function toolbar({ canUndo, sets, classes }: View): HTMLElement {
  const name = element("input", { id: "set-name", type: "text", maxlength: 64, autocomplete: "off", list: "sets" });
  const named = (then: (set: string) => void) => () => {
    const set = name.value.trim();
    if (set !== "") return then(set);
    name.focus();
    actions.change("Type the name of the set first");
  };
  return element(
    "div",
    { class: "row toolbar" },
    element(
      "button",
      {
        id: "undo",
        disabled: !canUndo,
        click: () => actions.change("Took the last change back", "POST", pathOf("undo")),
      },
      "Undo",
    ),
    element("label", { for: "set-name" }, "Kept set"),
    name,
    element(
      "datalist",
      { id: "sets" },
      sets.map((set) => element("option", { value: set })),
    ),
    element(
      "button",
      {
        id: "save",
        disabled: classes.length === 0,
        click: named((set) => actions.change(`Kept the examples as ${set}`, "PUT", pathOf("sets", set))),
      },
      "Save examples",
    ),
    element(
      "button",
      {
        id: "load",
        disabled: sets.length === 0,
        click: named((set) => actions.change(`Took the examples of ${set}`, "POST", pathOf("sets", set, "load"))),
      },
      "Load examples",
    ),
  );
}

ask("GET", pathOf("view")).then(show, (error: unknown) => say(`${error}`, true));
