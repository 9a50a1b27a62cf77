// SHA-256 and SHA-512 (FIPS 180-4) for pages that the browser gives no WebCrypto: those that came over plain HTTP from
// another machine. Nothing here is secret, so that nothing has to take the same time.

const primes = [2];
for (let number = 3; primes.length < 80; number += 2) {
  if (primes.every((prime) => number % prime)) {
    primes.push(number);
  }
}

/** The first 64 bits of the fraction of a root, from the integer root of the number with more bits behind it. */
function fraction(number, root) {
  const wanted = BigInt(number) << BigInt(64 * root);
  let low = 0n, high = 1n << 70n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(root) <= wanted) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low & 0xffffffffffffffffn;
}

// Both functions have their constants from these: SHA-256 the first 32 bits of each, SHA-512 all 64.
const ROUNDS = primes.map((prime) => fraction(prime, 3));
const START = primes.slice(0, 8).map((prime) => fraction(prime, 2));
const ROUNDS_256 = Uint32Array.from(ROUNDS.slice(0, 64), (each) => Number(each >> 32n));
const START_256 = Uint32Array.from(START, (each) => Number(each >> 32n));

/** The message, a one bit, zeros, and its length in bits at the end of the last block. */
function padded(message, block) {
  const lengthBytes = block / 8;
  const whole = new Uint8Array(Math.ceil((message.length + 1 + lengthBytes) / block) * block);
  whole.set(message);
  whole[message.length] = 0x80;
  const view = new DataView(whole.buffer);
  view.setUint32(whole.length - 8, Math.floor(message.length / 2 ** 29));
  view.setUint32(whole.length - 4, (8 * message.length) % 2 ** 32);
  return view;
}

const w = new Uint32Array(64);
const right = (word, by) => (word >>> by) | (word << (32 - by));

export function sha256(message) {
  const view = padded(message, 64);
  const hash = START_256.slice();
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let t = 0; t < 16; t++) {
      w[t] = view.getUint32(block + 4 * t);
    }
    for (let t = 16; t < 64; t++) {
      const small0 = right(w[t - 15], 7) ^ right(w[t - 15], 18) ^ (w[t - 15] >>> 3);
      const small1 = right(w[t - 2], 17) ^ right(w[t - 2], 19) ^ (w[t - 2] >>> 10);
      w[t] = w[t - 16] + small0 + w[t - 7] + small1;
    }
    let a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4], f = hash[5], g = hash[6], h = hash[7];
    for (let t = 0; t < 64; t++) {
      const big1 = right(e, 6) ^ right(e, 11) ^ right(e, 25);
      const first = (h + big1 + ((e & f) ^ (~e & g)) + ROUNDS_256[t] + w[t]) | 0;
      const big0 = right(a, 2) ^ right(a, 13) ^ right(a, 22);
      const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + first) | 0;
      d = c; c = b; b = a; a = (first + second) | 0;
    }
    hash[0] += a; hash[1] += b; hash[2] += c; hash[3] += d;
    hash[4] += e; hash[5] += f; hash[6] += g; hash[7] += h;
  }
  const digest = new DataView(new ArrayBuffer(32));
  hash.forEach((word, place) => digest.setUint32(4 * place, word));
  return new Uint8Array(digest.buffer);
}

export function sha512(message) {
  const view = padded(message, 128);
  const hash = BigUint64Array.from(START);
  const w = new BigUint64Array(80);
  const right = (word, by) => (word >> by) | BigInt.asUintN(64, word << (64n - by));
  for (let block = 0; block < view.byteLength; block += 128) {
    for (let t = 0; t < 16; t++) {
      w[t] = view.getBigUint64(block + 8 * t);
    }
    for (let t = 16; t < 80; t++) {
      const small0 = right(w[t - 15], 1n) ^ right(w[t - 15], 8n) ^ (w[t - 15] >> 7n);
      const small1 = right(w[t - 2], 19n) ^ right(w[t - 2], 61n) ^ (w[t - 2] >> 6n);
      w[t] = w[t - 16] + small0 + w[t - 7] + small1;
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let t = 0; t < 80; t++) {
      const big1 = right(e, 14n) ^ right(e, 18n) ^ right(e, 41n);
      const first = h + big1 + ((e & f) ^ (~e & g)) + ROUNDS[t] + w[t];
      const big0 = right(a, 28n) ^ right(a, 34n) ^ right(a, 39n);
      const second = big0 + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e] = [g, f, e, BigInt.asUintN(64, d + first)];
      [d, c, b, a] = [c, b, a, BigInt.asUintN(64, first + second)];
    }
    [a, b, c, d, e, f, g, h].forEach((word, place) => { hash[place] += word; });
  }
  const digest = new DataView(new ArrayBuffer(64));
  hash.forEach((word, place) => digest.setBigUint64(8 * place, word));
  return new Uint8Array(digest.buffer);
}
