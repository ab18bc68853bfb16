/** Passes Ctrl-C and the signals that end a program on to the part of a command that goes on. */

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Decides from now on what an interrupt does. */
export type ReactTo = (interrupt: () => void) => void;

/** The reaction of the part that goes on. Parts are nested: the inner one alone reacts, until it ends. */
let reaction: (() => void) | undefined;
const onSignal = (): void => reaction?.();

/** Runs `act`. An interrupt calls `first`, until `act` names another reaction. */
export async function withInterrupts<T>(first: () => void, act: (react: ReactTo) => Promise<T>): Promise<T> {
  const outer = reaction;
  reaction = first;
  if (outer === undefined) for (const signal of signals) process.on(signal, onSignal);
  try {
    return await act((next) => {
      reaction = next;
    });
  } finally {
    reaction = outer;
    if (outer === undefined) for (const signal of signals) process.off(signal, onSignal);
  }
}
