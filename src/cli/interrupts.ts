/** Passes Ctrl-C and the signals that end a program on to the part of a command that goes on. */

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Decides from now on what an interrupt does. */
export type ReactTo = (interrupt: () => void) => void;

/** Runs `act`. An interrupt calls `first`, until `act` names another reaction. */
export async function withInterrupts<T>(first: () => void, act: (react: ReactTo) => Promise<T>): Promise<T> {
  let reaction = first;
  const onSignal = (): void => reaction();
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await act((next) => {
      reaction = next;
    });
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
