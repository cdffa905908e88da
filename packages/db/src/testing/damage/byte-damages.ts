import type { Random } from "../random.ts";

/** A file that is to be damaged, and where its bytes may be mistaken for others'. */
export interface DamageTarget {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Its structures (blocks, frames, records), as far as it has any: what disks and programs put in the wrong place. */
  readonly parts: readonly FilePart[];
  /** Files of the same kind and of others, of this store and of another one. */
  readonly others: readonly OtherFile[];
}

export interface FilePart {
  readonly offset: number;
  readonly length: number;
}

export interface OtherFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly parts: readonly FilePart[];
}

/** A damaged copy of a file. */
export interface DamagedCopy {
  /** What was done, and where: for the report of a failure. */
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** One way in which files go bad. */
export interface ByteDamage {
  readonly name: string;
  /** All damaged copies where there are `countMax` or fewer, else so many of them, chosen at random. */
  copies(target: DamageTarget, random: Random, countMax: number): Iterable<DamagedCopy>;
}

/** Bytes that a damaged stretch has at most, so that much of the file stays whole. */
const STRETCH_BYTES_MAX = 600;

/** Every way in which bytes go bad by themselves: whatever is said of the contents, no checksum was made anew. */
export const BYTE_DAMAGES: readonly ByteDamage[] = [
  {
    name: "one bit flipped",
    *copies({ bytes }, random, countMax) {
      for (const bit of chosen(bytes.length * 8, random, countMax)) {
        const copy = bytes.slice();
        copy[bit >> 3]! ^= 1 << (bit & 7);
        yield { what: `bit ${bit & 7} of byte ${bit >> 3}`, bytes: copy };
      }
    },
  },
  {
    name: "one byte replaced",
    *copies({ bytes }, random, countMax) {
      for (const at of chosen(bytes.length, random, countMax)) {
        const copy = bytes.slice();
        copy[at]! ^= random.between(1, 255);
        yield { what: `byte ${at} is ${copy[at]}`, bytes: copy };
      }
    },
  },
  {
    name: "cut off",
    *copies({ bytes }, random, countMax) {
      for (const length of chosen(bytes.length, random, countMax)) {
        yield { what: `after ${length} of ${bytes.length} bytes`, bytes: bytes.slice(0, length) };
      }
    },
  },
  {
    name: "extended",
    *copies({ bytes }, random, countMax) {
      for (const tail of tails(bytes, random).slice(0, countMax)) {
        yield { what: `by ${tail.length} bytes`, bytes: Buffer.concat([bytes, tail]) };
      }
    },
  },
  {
    name: "zeros in a stretch",
    *copies(target, random, countMax) {
      yield* stretches(target, random, countMax, (copy, from, to) => copy.fill(0, from, to));
    },
  },
  {
    name: "garbage in a stretch",
    *copies(target, random, countMax) {
      yield* stretches(target, random, countMax, (copy, from, to) => copy.set(random.bytes(to - from), from));
    },
  },
  {
    name: "a stretch copied over another",
    *copies(target, random, countMax) {
      yield* stretches(target, random, countMax, (copy, from, to) => {
        const source = random.below(copy.length - (to - from) + 1);
        copy.copyWithin(from, source, source + to - from);
      });
    },
  },
  {
    name: "a stretch left out",
    *copies({ bytes }, random, countMax) {
      for (let i = 0; i < Math.min(countMax, bytes.length); i++) {
        const [from, to] = stretch(bytes, random);
        const copy = Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
        yield { what: `${from} to ${to - 1}`, bytes: copy };
      }
    },
  },
  {
    name: "two of its parts swapped",
    *copies({ bytes, parts }, random, countMax) {
      for (const [a, b] of pairs(parts, parts, random, countMax)) {
        const copy = bytes.slice();
        copy.set(bytes.subarray(a.offset, a.offset + a.length), b.offset);
        copy.set(bytes.subarray(b.offset, b.offset + b.length), a.offset);
        yield { what: `those at ${a.offset} and ${b.offset}`, bytes: copy };
      }
    },
  },
  {
    name: "one of its parts in place of another",
    *copies({ bytes, parts }, random, countMax) {
      for (const [a, b] of pairs(parts, parts, random, countMax)) {
        const copy = bytes.slice();
        copy.copyWithin(b.offset, a.offset, a.offset + a.length);
        yield { what: `that at ${a.offset} at ${b.offset}`, bytes: copy };
      }
    },
  },
  {
    name: "a part of another file in place of one",
    *copies({ name, bytes, parts, others }, random, countMax) {
      for (const other of others) {
        for (const [theirs, ours] of pairs(other.parts, parts, random, countMax)) {
          // What stands at the same place of a file with the same number of another store is not told from its own.
          if (other.name.startsWith(name) && theirs.offset === ours.offset) continue;
          const copy = bytes.slice();
          copy.set(other.bytes.subarray(theirs.offset, theirs.offset + theirs.length), ours.offset);
          yield { what: `that at ${theirs.offset} of ${other.name} at ${ours.offset}`, bytes: copy };
        }
      }
    },
  },
  {
    name: "another file in its place",
    *copies({ others }) {
      for (const { name, bytes } of others) yield { what: name, bytes };
    },
  },
];

/** Numbers below `end`: all of them, or `countMax`, ascending. */
export function* chosen(end: number, random: Random, countMax: number): Iterable<number> {
  if (end <= countMax) {
    for (let at = 0; at < end; at++) yield at;
    return;
  }
  // One out of each of so many equal stretches, so that no part of the file is passed over.
  for (let i = 0; i < countMax; i++) {
    const first = Math.floor((i * end) / countMax);
    const next = Math.floor(((i + 1) * end) / countMax);
    yield first + random.below(next - first);
  }
}

function tails(bytes: Uint8Array, random: Random): Uint8Array[] {
  return [
    Uint8Array.of(0),
    Uint8Array.of(255),
    new Uint8Array(8),
    new Uint8Array(4096),
    random.bytes(1),
    random.bytes(40),
    random.bytes(4096),
    bytes,
    bytes.slice(random.below(bytes.length + 1)),
    new Uint8Array(4096).fill(255),
  ];
}

function* stretches(
  { bytes }: DamageTarget,
  random: Random,
  countMax: number,
  damage: (copy: Uint8Array, from: number, to: number) => void,
): Iterable<DamagedCopy> {
  for (let i = 0; i < Math.min(countMax, bytes.length); i++) {
    const [from, to] = stretch(bytes, random);
    const copy = bytes.slice();
    damage(copy, from, to);
    yield { what: `${from} to ${to - 1}`, bytes: copy };
  }
}

/** A stretch of any length, or a whole number of sectors, as disks lose them. */
function stretch(bytes: Uint8Array, random: Random): [number, number] {
  if (random.chance(0.3)) {
    const from = Math.floor(random.below(bytes.length) / 512) * 512;
    return [from, Math.min(bytes.length, from + 512)];
  }
  const from = random.below(bytes.length);
  const to = Math.min(bytes.length, from + random.between(1, STRETCH_BYTES_MAX));
  return [from, to];
}

/** Pairs of different parts of the same length, which take each other's place unnoticed but for what is in them. */
function* pairs(
  from: readonly FilePart[],
  to: readonly FilePart[],
  random: Random,
  countMax: number,
): Iterable<[FilePart, FilePart]> {
  const all = from.flatMap((a) =>
    to.filter((b) => b.length === a.length && b !== a).map((b): [FilePart, FilePart] => [a, b]),
  );
  for (const index of chosen(all.length, random, countMax)) yield all[index]!;
}
