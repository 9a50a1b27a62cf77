// Checking proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2). Both checks throw FormatError or return nothing.

import { checkHashes, equal } from "./bytes.js";
import { FormatError } from "./fault.js";
import { nodeHash } from "./hashing.js";

const INCLUSION = "inclusion proof";
const CONSISTENCY = "consistency proof";

const half = (number) => Math.floor(number / 2); // shifts would cut numbers off at 32 bits
const isOdd = (number) => number % 2 === 1;

/** `leaf` is a leaf hash and lies at `index` of the tree with this size and root. */
export async function checkInclusion(leaf, index, size, proof, root) {
  const climb = await climbInclusion(leaf, index, size, proof);
  checkHashes(INCLUSION, root);
  if (!equal(climb.at(-1).hash, root)) {
    throw new FormatError("proof_invalid", INCLUSION, "leads to another root");
  }
}

/**
 * Every step from the leaf to the root that the proof leads to: the hash of each subtree, and the sibling, with its
 * side, that the next one is made with. What a person can be shown of a proof.
 */
export async function climbInclusion(leaf, index, size, proof) {
  // 1. Every hash has 32 bytes and the leaf can be in the tree.
  checkHashes(INCLUSION, leaf, ...proof);
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new FormatError("size_out_of_range", INCLUSION, `no leaf ${index} in a tree of size ${size}`);
  }
  // 2. Climb: `node` and `last` are the positions of the leaf's subtree and of the rightmost one on each level.
  let node = index, last = size - 1;
  const steps = [{ hash: leaf }];
  for (const sibling of proof) {
    if (last === 0) {
      throw new FormatError("proof_invalid", INCLUSION, "too long");
    }
    const here = steps.at(-1);
    here.sibling = sibling;
    here.side = isOdd(node) || node === last ? "left" : "right";
    if (here.side === "left") {
      steps.push({ hash: await nodeHash(sibling, here.hash) });
      [node, last] = skipLoneNodes(node, last);
    } else {
      steps.push({ hash: await nodeHash(here.hash, sibling) });
    }
    [node, last] = [half(node), half(last)];
  }
  // 3. The climb has reached the top.
  if (last !== 0) {
    throw new FormatError("proof_invalid", INCLUSION, "too short");
  }
  return steps;
}

/** The tree of size `older` is the beginning of the tree of size `newer`; 1 <= older <= newer. */
export async function checkConsistency(older, newer, proof, olderRoot, newerRoot) {
  // 1. Every hash has 32 bytes and the sizes are in order.
  checkHashes(CONSISTENCY, olderRoot, newerRoot, ...proof);
  if (!Number.isSafeInteger(newer) || !Number.isSafeInteger(older) || older < 1 || older > newer) {
    throw new FormatError("size_out_of_range", CONSISTENCY, `no tree of size ${older} before one of size ${newer}`);
  }
  // 2. Equal sizes need no proof and allow none.
  if (older === newer) {
    if (proof.length || !equal(olderRoot, newerRoot)) {
      throw new FormatError("proof_invalid", CONSISTENCY, "equal sizes need equal roots and an empty proof");
    }
    return;
  }
  if (!proof.length) {
    throw new FormatError("proof_invalid", CONSISTENCY, "empty");
  }
  // 3. Climb from the subtree that ends the old tree; a complete old tree is that subtree itself.
  const isComplete = Number.isInteger(Math.log2(older));
  const [start, rest] = isComplete ? [olderRoot, proof] : [proof[0], proof.slice(1)];
  let node = older - 1, last = newer - 1;
  while (isOdd(node)) {
    [node, last] = [half(node), half(last)];
  }
  const [oldComputed, newComputed] = await climbBoth(node, last, start, rest);
  // 4. One climb has rebuilt both roots.
  if (!equal(oldComputed, olderRoot) || !equal(newComputed, newerRoot)) {
    throw new FormatError("proof_invalid", CONSISTENCY, "leads to another root");
  }
}

async function climbBoth(node, last, start, proof) {
  let older = start, newer = start;
  for (const sibling of proof) {
    if (last === 0) {
      throw new FormatError("proof_invalid", CONSISTENCY, "too long");
    }
    if (isOdd(node) || node === last) {
      [older, newer] = await Promise.all([nodeHash(sibling, older), nodeHash(sibling, newer)]);
      [node, last] = skipLoneNodes(node, last);
    } else {
      newer = await nodeHash(newer, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) {
    throw new FormatError("proof_invalid", CONSISTENCY, "too short");
  }
  return [older, newer];
}

/** Climbs past the levels on which the rightmost node has no sibling, which cost no hash. */
function skipLoneNodes(node, last) {
  while (node && !isOdd(node)) {
    [node, last] = [half(node), half(last)];
  }
  return [node, last];
}
