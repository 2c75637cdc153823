// setTimeout, as timers.py. Usage: node timers.js fired|lateness SPREAD COUNT
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

setImmediate(name === "fired" ? setAndFired : lateness);
