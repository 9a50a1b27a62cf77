// A bundle as one file: POSIX tar with every free choice made once, plain or in gzip, read once from front to back.

import { concat, equal, latin1, utf8 } from "./bytes.js";
import { Unreadable } from "./fault.js";
import { largest, parsePath, path } from "./names.js";

const BLOCK = 512;
const LONGEST_NAME = 100;
const OCTAL = /^[0-7]{1,11}$/;

/** The files of a bundle, each `[name, bytes]`, out of a file that somebody chose. */
export async function* membersOf(file, onBytes = () => {}) {
  const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const counted = file.stream().pipeThrough(counting(onBytes));
  const isPacked = equal(start, Uint8Array.of(0x1f, 0x8b));
  yield* readTar(isPacked ? counted.pipeThrough(new DecompressionStream("gzip")) : counted);
}

/** Exactly what an export is; another program's archive is refused, since it has bits that say nothing. */
export async function* readTar(stream) {
  const bytes = new Exactly(stream);
  for (let header = await bytes.take(BLOCK); header.some(Boolean); header = await bytes.take(BLOCK)) {
    const [name, size] = nameAndSize(header);
    if (!equal(tarHeader(name, size), header)) {
      throw new Unreadable(`the archive was not written by an export, or was damaged, at ${name}`);
    }
    const data = await bytes.take(size);
    if ((await bytes.take((BLOCK - (size % BLOCK)) % BLOCK)).some(Boolean)) {
      throw new Unreadable(`the archive is damaged after ${name}`);
    }
    yield [name, data];
  }
  if ((await bytes.take(BLOCK)).some(Boolean) || !(await bytes.isAtEnd())) {
    throw new Unreadable("the archive does not end where its last file ends");
  }
}

/** A regular file of mode 0644, owner 0, time 0. */
function tarHeader(name, size) {
  const header = new Uint8Array(BLOCK);
  const put = (text, offset) => header.set(utf8(text), offset);
  const octal = (number, digits) => number.toString(8).padStart(digits, "0");
  put(name, 0);
  put("0000644\x000000000\x000000000\0", 100);
  put(`${octal(size, 11)}\x0000000000000\0`, 124);
  put("        0", 148); // the checksum counts as blanks in itself
  put("ustar\x0000", 257);
  put("0000000\x000000000\0", 329);
  put(`${octal(header.reduce((sum, byte) => sum + byte, 0), 6)}\0 `, 148);
  return header;
}

/** Refuses names and sizes of no bundle before anything of that size is read. */
function nameAndSize(header) {
  const text = latin1(header.subarray(0, LONGEST_NAME)).replace(/\0+$/, "");
  const digits = latin1(header.subarray(124, 135));
  if (!/^[\x00-\x7f]*$/.test(text) || !OCTAL.test(digits)) {
    throw new Unreadable("the file is no tar archive, or damaged");
  }
  const name = parsePath(text), size = parseInt(digits, 8);
  if (size > largest(name)) {
    throw new Unreadable(`the archive is damaged, or ${path(name)} is too large to be what it is called`);
  }
  return [text, size];
}

function counting(onBytes) {
  return new TransformStream({
    transform(chunk, controller) {
      onBytes(chunk.length);
      controller.enqueue(chunk);
    },
  });
}

/** As many bytes of a stream as are asked for. */
class Exactly {
  #reader;
  #chunk = new Uint8Array();

  constructor(stream) {
    this.#reader = stream.getReader();
  }

  async take(size) {
    const parts = [];
    for (let missing = size; missing; missing = size - parts.reduce((sum, part) => sum + part.length, 0)) {
      if (!this.#chunk.length && !(await this.#next())) {
        throw new Unreadable("the archive is cut off");
      }
      parts.push(this.#chunk.subarray(0, missing));
      this.#chunk = this.#chunk.subarray(missing);
    }
    return parts.length === 1 ? parts[0] : concat(...parts);
  }

  async isAtEnd() {
    return !this.#chunk.length && !(await this.#next());
  }

  async #next() {
    let read;
    do {
      read = await this.#reader.read().catch(() => {
        throw new Unreadable("the file cannot be read, or its compression is damaged or cut off");
      });
    } while (!read.done && !read.value.length);
    this.#chunk = read.value ?? new Uint8Array();
    return !read.done;
  }
}
