// What is wrong with a log, and where. Codes and places are those of `loopctl log verify`.

/** A text or a proof that is not in its form, or does not hold. The place is a part of it. */
export class FormatError extends Error {
  constructor(code, place, problem) {
    super(`${place}: ${problem}`);
    Object.assign(this, { code, place, problem });
  }
}

/** The log is not what it claims to be. Nothing that follows the place has been looked at. */
export class Fault extends Error {
  constructor(check, code, place, problem) {
    super(`${place}: ${problem}`);
    this.finding = { check, code, place, problem };
  }
}

/** There is no log to judge: cut off, packed by another program, or no bundle at all. */
export class Unreadable extends Error {}

/** Turns what the formats refuse into a fault; `whole` is what their place is a part of. */
export async function within(check, whole, attempt) {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof FormatError)) {
      throw error;
    }
    throw new Fault(check, error.code, whole ? `${whole}, ${error.place}` : error.place, error.problem);
  }
}
