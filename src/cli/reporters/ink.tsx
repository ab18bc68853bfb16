/**
 * Implements `--reporter ink`: a live screen on stderr. Events only update the state. One timer draws it, at most ten times
 * a second and only if something changed, so watching a fast run costs no more than watching a slow one.
 */
import chalk from "chalk";
import { render, Text } from "ink";
import { colorLevel } from "../terminal.js";
import { App } from "../view/App.js";
import { layout } from "../view/layout.js";
import { initialState, interrupted, type RunState, reduce } from "../view/model.js";
import type { Reporter, Streams } from "./reporter.js";

const frameMs = 100;
/** The time after which the screen is drawn again without an event, so that clocks and estimates move on. */
const idleMs = 1000;

/**
 * Returns the stream that Ink gets. It reports no resize and an endless number of rows. Otherwise Ink would clear the
 * user's scrollback when the screen becomes too low. `inkReporter` handles resizes instead.
 */
function withoutResize(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const facade: NodeJS.WriteStream = Object.create(stream, {
    rows: { value: Number.MAX_SAFE_INTEGER },
    write: { value: stream.write.bind(stream) },
    on: { value: (): NodeJS.WriteStream => facade },
    off: { value: (): NodeJS.WriteStream => facade },
  });
  return facade;
}

/** Creates the live screen. It calls `onInterrupt` for each Ctrl-C, which a terminal in raw mode does not turn into a signal. */
export function inkReporter(
  streams: Streams,
  onInterrupt: () => void,
  { watched }: { readonly watched?: true } = {},
): Reporter {
  const { stderr, stdin } = streams;
  // Ink colors through chalk, which looks at stdout, but the screen is on stderr.
  chalk.level = colorLevel(stderr, process.env);

  let state: RunState = watched ? { ...initialState, watched } : initialState;
  let changed = true;
  let resized = false;
  let drawn = 0;

  const element = (): React.JSX.Element => {
    drawn = Date.now();
    changed = false;
    return <App screen={layout(state, stderr.columns ?? 80, stderr.rows ?? 24, drawn)} onInterrupt={onInterrupt} />;
  };
  const app = render(element(), {
    stdout: withoutResize(stderr),
    stdin,
    stderr,
    exitOnCtrlC: false,
    maxFps: 1000 / frameMs,
    patchConsole: true,
  });
  const draw = (): void => app.rerender(element());
  const timer = setInterval(() => {
    if (resized) {
      // A terminal reflows its content, so the place of the old frame is unknown. Clear the visible part and start at its top.
      resized = false;
      changed = true;
      stderr.write("\x1b[2J\x1b[H");
      app.rerender(<Text> </Text>);
    } else if (changed || Date.now() - drawn >= idleMs) draw();
  }, frameMs);
  const onResize = (): void => {
    resized = true;
  };
  stderr.on("resize", onResize);

  return {
    event(event) {
      state = reduce(state, event);
      changed = true;
    },
    interrupted() {
      state = interrupted(state);
      changed = true;
    },
    async close() {
      clearInterval(timer);
      stderr.off("resize", onResize);
      draw();
      app.unmount();
      await app.waitUntilExit();
    },
  };
}
