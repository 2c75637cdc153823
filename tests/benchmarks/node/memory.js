// Bytes of one pending immediate or timer, as memory.py: the heap after a full collection, before and after.
// Usage: node --expose-gc memory.js callback|timer COUNT
const [name, count] = [process.argv[2], +process.argv[3]];
const FAR_AWAY = 60_000; // ms
const ignored = () => {};

setImmediate(() => {
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let order = 0; order < count; order++) {
    if (name === "timer") setTimeout(ignored, FAR_AWAY + ((order * 7919) % 50) + 1);
    else setImmediate(ignored);
  }
  gc();
  const held = process.memoryUsage().heapUsed - before;
  console.log(JSON.stringify({ value: held / count }));
  process.exit();
});
