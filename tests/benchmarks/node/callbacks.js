// setImmediate, as callbacks.py: of `pending` callbacks one counts; CPU seconds of one.
// Usage: node callbacks.js steady|fresh|chain PENDING TOTAL
const [name, pending, total] = [process.argv[2], +process.argv[3], +process.argv[4]];
const turns = Math.max(1, Math.floor(total / pending));
let left = turns;
let began;

function turn() {
  setImmediate(turn);
}

function startClosure() {
  setImmediate(() => startClosure());
}

function count() {
  if (--left > 0) return setImmediate(count);
  const { user, system } = process.cpuUsage(began);
  console.log(JSON.stringify({ value: (user + system) / 1e6 / (turns * pending) }));
  process.exit();
}

function main() {
  began = process.cpuUsage();
  const start = name === "fresh" ? startClosure : turn;
  for (let order = 1; order < pending; order++) start();
  setImmediate(count);
}

if (name === "chain") require("net").createServer().listen(0, "127.0.0.1", main);  // a descriptor to watch
else setImmediate(main);
