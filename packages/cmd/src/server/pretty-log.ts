/** Where a logger writes its lines, one JSON object each. */
export interface LogDestination {
  write(line: string): void;
}

/** Colours of a terminal, by the level's number: up to 20 is debug, 30 info, 40 a warning, 50 and more an error. */
const levels: readonly { readonly most: number; readonly name: string; readonly colour: number }[] = [
  { most: 20, name: "debug", colour: 90 },
  { most: 30, name: "info", colour: 32 },
  { most: 40, name: "warn", colour: 33 },
  { most: Number.POSITIVE_INFINITY, name: "error", colour: 31 },
];

/** Turns the lines of a logger into lines for people. */
export function prettyLog(write: (text: string) => void, colours: boolean): LogDestination {
  return { write: (line) => write(`${prettyLine(line, colours)}\n`) };
}

/** `12:00:01.123 info  serving grpcUrl=http://127.0.0.1:50051`. What is no JSON object stays as it is. */
export function prettyLine(line: string, colours: boolean): string {
  const fields = parse(line);
  if (fields === undefined) return line.trimEnd();
  const { level, time, msg, ...others } = fields;
  const { name, colour } = levels.find(({ most }) => Number(level) <= most) ?? levels.at(-1)!;
  const shownLevel = colours ? `\x1b[${colour}m${name.padEnd(5)}\x1b[0m` : name.padEnd(5);
  const facts = Object.entries(others).map(([key, value]) => ` ${key}=${shown(value)}`);
  return `${String(time).slice(11, 23)} ${shownLevel} ${String(msg ?? "")}${facts.join("")}`;
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(line);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** As JSON, so that nothing in it can control a terminal; plain words without their quotes. */
function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? "undefined";
  return /^"[!#-[\]-~]+"$/.test(json) ? json.slice(1, -1) : json;
}
