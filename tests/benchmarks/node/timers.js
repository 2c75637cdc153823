// setTimeout, as timers.py. Usage: node timers.js fired|lateness SPREAD COUNT, or cancelled LIMIT COUNT
const [name, spread, count] = [process.argv[2], +process.argv[3], +process.argv[4]];
const { performance } = require("perf_hooks");

const delays = Array.from({ length: count }, (_, order) => ((order * 7919) % spread) + 1);

function setAndFired() {
  let left = count;
  function fired() {
    if (--left > 0) return;
    const { user, system } = process.cpuUsage(began);
    console.log(JSON.stringify({ value: (user + system) / 1e6 / count }));
  }
  const began = process.cpuUsage();
  for (const delay of delays) setTimeout(fired, delay);
}

function setAndCancelled() {
  const [limit, PENDING, A_TURN] = [spread, 1000, 100];
  const pending = [];
  const never = () => process.exit(1);
  let oldest = 0;
  let turns = Math.max(1, Math.floor(count / A_TURN));
  function turn() {
    for (let order = 0; order < A_TURN; order++) {
      clearTimeout(pending[oldest]);
      pending[oldest] = setTimeout(never, limit);
      oldest = (oldest + 1) % PENDING;
    }
    if (--turns > 0) return setImmediate(turn);
    const { user, system } = process.cpuUsage(began);
    console.log(JSON.stringify({ value: (user + system) / 1e6 / count }));
    process.exit();
  }
  for (let order = 0; order < PENDING; order++) pending.push(setTimeout(never, limit));
  const began = process.cpuUsage();
  setImmediate(turn);
}

function lateness() {
  const late = []; // seconds
  for (const delay of delays) {
    const asked = performance.now();
    setTimeout(() => {
      late.push((performance.now() - asked - delay) / 1e3);
      if (late.length === count) console.log(JSON.stringify({ late }));
    }, delay);
  }
}

setImmediate({ fired: setAndFired, cancelled: setAndCancelled, lateness }[name]);
