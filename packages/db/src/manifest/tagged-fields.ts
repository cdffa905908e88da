import { ByteReader, ByteWriter } from "../format/coding.ts";
import { writtenByNewerVersion } from "../format/corruption.ts";

/**
 * Fields are (tag, length, bytes), so that a reader can pass over what it does not know. It does so for odd tags; even
 * ones are those without which the rest would be misunderstood, and it refuses them.
 */
export class FieldWriter {
  readonly #out: ByteWriter = new ByteWriter();
  readonly #payload: ByteWriter = new ByteWriter();

  field(tag: number, write: (payload: ByteWriter) => void): void {
    this.#payload.clear();
    write(this.#payload);
    this.bytes(tag, this.#payload.view());
  }

  bytes(tag: number, bytes: Uint8Array): void {
    this.#out.varint(tag);
    this.#out.blob(bytes);
  }

  /** Leaves out what is undefined. */
  number(tag: number, value: number | undefined): void {
    if (value !== undefined) this.field(tag, (payload) => payload.varint(value));
  }

  /** All fields, owned by the caller. */
  finish(): Uint8Array {
    return new Uint8Array(this.#out.view());
  }
}

/**
 * Hands each field to `take`, which answers whether it knows the tag, and checks that it has read the field's end.
 * @param file named in errors, with `base`, where in it the bytes begin; `at` is where the field's bytes do.
 * @throws CORRUPTION
 */
export function readFields(
  bytes: Uint8Array,
  file: string,
  base: number,
  take: (tag: number, field: ByteReader, at: number) => boolean,
): void {
  const reader = new ByteReader(bytes, file, base);
  while (reader.remaining > 0) {
    const tag = reader.varint();
    const length = reader.varint();
    const at = base + reader.position;
    const field = new ByteReader(reader.bytes(length), file, at);
    if (take(tag, field, at)) field.end();
    else if (tag % 2 === 0) throw writtenByNewerVersion(file, at, `a field with tag ${tag}`);
  }
}
