/** Draws the screen that `layout` returns with Ink. It only decides on colors. */
import { Box, Text, useInput, useStdin } from "ink";
import type { JSX } from "react";
import type { Screen } from "./layout.js";
import { screenLines } from "./layout.js";
import type { Line, Tone } from "./line.js";

const style: Readonly<Record<Tone, { color?: string; dimColor?: boolean; bold?: boolean }>> = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  good: { color: "green" },
  bad: { color: "red", bold: true },
  active: { color: "cyan" },
  accent: { color: "yellow" },
};

function Row({ line }: { readonly line: Line }): JSX.Element {
  if (line.length === 0) return <Text> </Text>;
  return (
    <Text wrap="truncate">
      {line.map((segment, i) => (
        <Text key={i} {...style[segment.tone]}>
          {segment.text}
        </Text>
      ))}
    </Text>
  );
}

export interface AppProps {
  readonly screen: Screen;
  readonly onInterrupt: () => void;
}

export function App({ screen, onInterrupt }: AppProps): JSX.Element {
  const { isRawModeSupported } = useStdin();
  useInput(
    (input, key) => {
      // Presses that are read together in a busy moment arrive as one text.
      const presses = key.ctrl && input === "c" ? 1 : input.split("\x03").length - 1;
      for (let press = 0; press < presses; press++) onInterrupt();
    },
    { isActive: isRawModeSupported },
  );
  return (
    <Box flexDirection="column" paddingX={1}>
      {screenLines(screen).map((line, i) => (
        <Row key={i} line={line} />
      ))}
    </Box>
  );
}
