// Random moments that a printed seed repeats: HUBPORT_SEED.
const seed = Number(process.env.HUBPORT_SEED ?? 1);
let state = seed >>> 0;

export const random = {
  seed,
  /** 32 bits (mulberry32). */
  next() {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  },
  below: (limit) => random.next() % limit,
  pick: (list) => list[random.next() % list.length],
};
