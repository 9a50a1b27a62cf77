// A bundle as a stream: one file after the other, each where it has to come. What is missing, unexpected, twice or out
// of order is a fault as soon as it shows.

import { Fault } from "./fault.js";
import { groupOfHead, isBefore, order, parsePath, path, TILE_WIDTH } from "./names.js";

export class Members {
  #members;
  #order = [-2, 0, 0];
  #data;

  /** What comes next; null at the end. */
  ahead = null;

  constructor(members) {
    this.#members = members;
  }

  async begin() {
    await this.#advance();
    return this;
  }

  async take(expected) {
    if (!this.isAhead(expected)) {
      throw this.#insteadOf(expected);
    }
    const data = this.#data;
    await this.#advance();
    return data;
  }

  isAhead(name) {
    return this.ahead !== null && path(this.ahead) === path(name);
  }

  /** The signed heads, `[size, bytes]`, that come before the entries of this group; not the empty one. */
  async heads(group) {
    const found = [];
    while (this.ahead?.kind === "head" && this.ahead.size && groupOfHead(this.ahead.size) === group) {
      found.push([this.ahead.size, await this.take(this.ahead)]);
    }
    return found;
  }

  /** As wide as their file says; the newest head tells whether that is all. */
  async entries(group) {
    const isNext = this.ahead?.kind === "entries" && this.ahead.index === group;
    const expected = isNext ? this.ahead : { kind: "entries", level: 0, index: group, width: TILE_WIDTH };
    return [expected, await this.take(expected)];
  }

  end() {
    if (this.ahead !== null) {
      throw unexpected(this.ahead);
    }
  }

  async #advance() {
    const { value, done } = await this.#members.next();
    if (done) {
      this.ahead = null;
      return;
    }
    this.ahead = parsePath(value[0]);
    this.#data = value[1];
    if (!isBefore(this.#order, order(this.ahead))) {
      throw new Fault("bundle", "member_order", path(this.ahead), "there twice, or not in the order of a bundle");
    }
    this.#order = order(this.ahead);
  }

  #insteadOf(expected) {
    if (this.ahead !== null && isBefore(order(this.ahead), order(expected))) {
      return unexpected(this.ahead);
    }
    if (expected.kind === "entries") {
      const problem = `${path(expected)} is missing, and this with it`;
      return new Fault("entries", "member_missing", `entry ${expected.index * TILE_WIDTH}`, problem);
    }
    return new Fault("bundle", "member_missing", path(expected), "is missing");
  }
}

function unexpected(name) {
  return new Fault("bundle", "member_unexpected", path(name), "does not belong into a bundle of this size");
}
