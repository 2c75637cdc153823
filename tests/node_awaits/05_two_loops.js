// Two loops that await take turns, and a tick waits for both
const log = s => console.log(String(s));
const f = async n => { for (let i = 0; i < 3; i++) { log(n + i); await null; } process.nextTick(() => log(n + ' tick')); };
f('a'); f('b'); process.nextTick(() => log('tick'));
queueMicrotask(() => log('micro'));
