// What entries say of each other: the history of each entity without a gap, payloads and their erasures, digests.

import { decodeEntry, isObject, isPosition, isText } from "./entry.js";
import { Fault, within } from "./fault.js";

const MOST_LISTED = 1000;

/** Every entry names the entry of its entity before it. */
export class Entities {
  #ends = new Map();

  get count() {
    return this.#ends.size;
  }

  see(first, links) {
    for (const [offset, { entity, eseq, eprev }] of links.entries()) {
      const name = JSON.stringify(entity);
      const end = this.#ends.get(name);
      if (end ? end.position !== eprev || end.count !== eseq : eseq !== 0 || eprev !== null) {
        const before = end ? `${end.count} came before it, the last of them entry ${end.position}` : "it is the first";
        const problem = `says otherwise of the history of its entity: ${before}`;
        throw new Fault("entities", "entity_link", `entry ${first + offset}`, problem);
      }
      this.#ends.set(name, { position: first + offset, count: eseq + 1 });
    }
  }
}

/** Which entries commit to a payload outside the log, and which of those were erased. */
export class Payloads {
  committed = 0;
  erased = 0;
  listed = [];
  #present = new Set();

  async see(first, links, entries) {
    for (const [offset, link] of links.entries()) {
      if (link.commit !== undefined) {
        this.committed += 1;
        this.#present.add(first + offset);
      } else if (link.type === "payload.erased") {
        await this.#erase(first + offset, entries[offset]);
      }
    }
  }

  async #erase(position, raw) {
    const wrong = (problem) => new Fault("payloads", "erasure_malformed", `entry ${position}`, problem);
    const { data = {} } = await within("payloads", `entry ${position}`, () => decodeEntry(raw));
    if (!isPosition(data.seq) || !isText(data.reason)) {
      throw wrong("does not say which payload was erased, and why");
    }
    if (!this.#present.delete(data.seq)) {
      throw wrong(`erases a payload of entry ${data.seq}, which has none, or no longer`);
    }
    this.erased += 1;
    if (this.listed.length < MOST_LISTED) {
      this.listed.push(data.seq);
    }
  }
}

/** What the log says its read models come to. Counted here; whether they do, only a replay shows. */
export class Digests {
  count = 0;

  async see(first, links, entries) {
    for (const [offset, link] of links.entries()) {
      if (link.type === "projection.digested") {
        await this.#see(first + offset, entries[offset]);
      }
    }
  }

  async #see(position, raw) {
    const wrong = (problem) => new Fault("digests", "digest_malformed", `entry ${position}`, problem);
    const { data = {} } = await within("digests", `entry ${position}`, () => decodeEntry(raw));
    if (!isPosition(data.size) || !Array.isArray(data.tables) || !data.tables.every(isDigest)) {
      throw wrong("does not say of how much it is, and what");
    }
    if (data.size > position) {
      throw wrong(`is of the first ${data.size} entries, which end behind it`);
    }
    this.count += 1;
  }
}

function isDigest(value) {
  return isObject(value) && isText(value.table) && Array.isArray(value.columns) && value.columns.length > 0 &&
    value.columns.every(isText) && Number.isInteger(value.rows) && value.rows >= 0 &&
    typeof value.digest === "string" && /^[0-9a-f]{64}$/.test(value.digest);
}
