/** The content of the page as plain data that never changes: every action makes a new state, so that undoing one is going back. */

export interface ShownClass {
  readonly name: string;
  /** The ids of its supports. */
  readonly images: readonly string[];
}

export interface ShownQuery {
  readonly image: string;
  /** The class that a person has said it is of. The image is a support of this class too. */
  readonly said?: string;
}

export interface State {
  readonly classes: readonly ShownClass[];
  readonly queries: readonly ShownQuery[];
}

export const emptyState: State = { classes: [], queries: [] };

/** The class of the images that are none of the others. Its images are supports like any others, so images like them are found too. */
export const noneOfThese = "none of these";

/** Adds supports to a class, which is made if there is none of this name. */
export function withSupports(state: State, name: string, images: readonly string[]): State {
  const known = state.classes.some((one) => one.name === name);
  const classes = known ? state.classes : [...state.classes, { name, images: [] }];
  return {
    ...state,
    classes: classes.map((one) =>
      one.name === name ? { name, images: [...new Set([...one.images, ...images])] } : one,
    ),
  };
}

/** Adds images to be classified, the newest first. */
export function withQueries(state: State, images: readonly string[]): State {
  const fresh = [...new Set(images)].filter((image) => !state.queries.some((query) => query.image === image));
  return { ...state, queries: [...fresh.map((image) => ({ image })), ...state.queries] };
}

/** Removes a class with its supports. */
export function withoutClass(state: State, name: string): State {
  return {
    classes: state.classes.filter((one) => one.name !== name),
    queries: state.queries.map((query) => (query.said === name ? { image: query.image } : query)),
  };
}

/** Removes an image wherever it is. A class without supports goes too. */
export function withoutImage(state: State, image: string): State {
  return { ...withoutSupport(state, image), queries: state.queries.filter((query) => query.image !== image) };
}

/** Records the class of a query: the image becomes a support of this class, and of no other. */
export function withAnswer(state: State, image: string, name: string): State {
  const cleared = withoutSupport(state, image);
  const queries = cleared.queries.map((query) => (query.image === image ? { image, said: name } : query));
  return withSupports({ ...cleared, queries }, name, [image]);
}

function withoutSupport({ classes, queries }: State, image: string): State {
  const kept = classes.map((one) => ({ ...one, images: one.images.filter((id) => id !== image) }));
  return { classes: kept.filter(({ images }) => images.length > 0), queries };
}

/** Returns the ids of all images of a state. */
export function imagesOf({ classes, queries }: State): Set<string> {
  return new Set([...classes.flatMap(({ images }) => images), ...queries.map(({ image }) => image)]);
}
